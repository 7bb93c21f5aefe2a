package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kingpin/v2"

	"github.com/coclai/cutover/generator/diag"
)

// Exit codes.
const (
	exitYes    = 0
	exitNo     = 1
	exitUnable = 2
)

// errDrift means that check found differences, and has printed them.
var errDrift = errors.New("the generated files are not what the sources compile to")

// errReported means that diagnostics have been written as JSON.
var errReported = errors.New("there are problems")

// exitCode says what went wrong and returns the code for it.
func exitCode(env streams, err error) int {
	if problems, ok := errors.AsType[diag.List](err); ok {
		problems.Render(env.err)
		fmt.Fprintf(env.err, "%s; no file was touched\n", counted(len(problems), "problem"))
		return exitNo
	}
	switch {
	case err == nil:
		return exitYes
	case errors.Is(err, errReported), errors.Is(err, errRed):
		return exitNo
	case errors.Is(err, errNoTests):
		fmt.Fprintf(env.err, "error: %v\nhint: `outputs` in the bindings leaves them out; name files for `promtool test rules`\n", err)
		return exitUnable
	case errors.Is(err, errExists):
		fmt.Fprintf(env.err, "error: %v\nhint: name another file, or - to print\n", err)
		return exitNo
	case errors.Is(err, errDrift):
		fmt.Fprintf(env.err, "error: %v\nhint: run `promrulegen generate` and read the diff\n", err)
		return exitNo
	}
	fmt.Fprintf(env.err, "error: %v\n", err)
	return exitUnable
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

const diagnosticsHelp = "text, or json: diagnostics as an array of {file, line, column, width, message, hint} on standard output, and nothing else there."

func (s *settings) reports(c *kingpin.CmdClause) {
	choiceFlag(c, "output", diagnosticsHelp, &s.output, "text", "json")
}

// quiet leaves standard output to JSON.
func (s *settings) quiet(env streams) streams {
	if s.output == "json" {
		env.out = io.Discard
	}
	return env
}

// diagnostic is one as JSON. Lines and columns count from 1, columns and width in characters; 0 is the whole file.
type diagnostic struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Width   int    `json:"width"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// reported writes a command's diagnostics, also if there are none, where JSON was asked for.
func (s *settings) reported(env streams, err error) error {
	problems, wrong := errors.AsType[diag.List](err)
	if s.output != "json" || err != nil && !wrong {
		return err
	}
	list := []diagnostic{}
	for _, d := range problems.Sorted() {
		list = append(list, diagnostic{d.At.File, d.At.Line, d.At.Column, d.Width, d.Message, d.Hint})
	}
	if err := writeJSON(env.out, list); err != nil {
		return err
	}
	if wrong {
		return errReported
	}
	return nil
}
