package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// amount is a flag's number, none or more. kingpin's own values do not say which flag they are of. It is a kingpin.Value.
type amount struct {
	flag string
	to   *float64
}

// Set reads the number.
func (a amount) Set(text string) error {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || math.IsInf(n, 0) || math.IsNaN(n) {
		return fmt.Errorf("--%s %q is no number such as 0, 10 or 2.5", a.flag, text)
	}
	*a.to = n
	return nil
}

// String is the number as it would be written.
func (a amount) String() string { return strconv.FormatFloat(*a.to, 'g', -1, 64) }

func amountFlag(c *kingpin.CmdClause, name, help, usual string, to *float64) {
	c.Flag(name, help).Default(usual).SetValue(amount{name, to})
}

// choice is a flag's word, one of several, the first of which it is unless given. It is a kingpin.Value.
type choice struct {
	flag string
	to   *string
	of   []string
}

// Set takes a word that is among them.
func (c choice) Set(text string) error {
	for _, word := range c.of {
		if word == text {
			*c.to = text
			return nil
		}
	}
	return fmt.Errorf("--%s %q is none of %s", c.flag, text, strings.Join(c.of, ", "))
}

// String is the word.
func (c choice) String() string { return *c.to }

func choiceFlag(c *kingpin.CmdClause, name, help string, to *string, of ...string) {
	c.Flag(name, help).Default(of[0]).HintOptions(of...).SetValue(choice{name, to, of})
}
