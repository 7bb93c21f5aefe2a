package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"text/tabwriter"

	"github.com/alecthomas/kingpin/v2"

	"github.com/coclai/cutover/generator"
)

// shape is the promise of explain's JSON.
const shape = `  promrulegen explain RUNBOOK.md                  a runbook as it stands, without bindings
  promrulegen explain --config rules/promrulegen.yaml
  promrulegen explain RUNBOOK.md --output json

--output json is an array of one object for each cell that states a bound: two for each row of the table, its target and its alert, and one
for each item of the trigger list that states a number:

  {"file", "line", "name", "op", "value", "unit", "sense", "quantile", "window", "for", "verdict", "reason"}

line is a number, the others are strings, "" for what is not stated. value is normalised: a ratio from 0 to 1, seconds, or a count; unit says
which (of a bound over a baseline the excess, as a ratio). sense is target (the good condition) or alert; verdict is ok or refused, and
reason says why. --output json-items is an array of one object for each heading, row and item, as the text has them.

Exits with 1 if bindings were given and the sources do not compile; a runbook alone is explained with 0, whatever is refused in it.`

// explanation is the explain command with its arguments.
type explanation struct {
	*settings
	document, output string
}

func (s *settings) explaining(app *kingpin.Application) (*explanation, string) {
	x := &explanation{settings: s}
	c := app.Command("explain", "Say what the runbook states, and what becomes of every heading, row and item.").HelpLong(shape)
	c.Arg("document", "A runbook to explain as it stands, without bindings.").StringVar(&x.document)
	choiceFlag(c, "output", "text, json or json-items.", &x.output, "text", "json", "json-items")
	return x, c.FullCommand()
}

func (x *explanation) run(env streams) error {
	examined, err := generator.Examine(x.sources())
	if err != nil {
		return err
	}
	if err := x.write(env.out, examined); err != nil {
		return err
	}
	if err := examined.Err(); err != nil {
		return err
	}
	examined.Problems.Render(env.err)
	return nil
}

// sources are a runbook alone, where one is named and no bindings are or can be meant.
func (x *explanation) sources() generator.Options {
	o := x.options()
	if x.document != "" {
		o.Runbook = x.document
	}
	_, err := os.Stat(o.Config)
	if x.config == "" && (x.document != "" || o.Runbook != "" && errors.Is(err, fs.ErrNotExist)) {
		o.Config = ""
	}
	return o
}

func (x *explanation) write(out io.Writer, examined generator.Examination) error {
	switch x.output {
	case "json":
		return writeJSON(out, examined.Readings())
	case "json-items":
		return writeJSON(out, examined.Accounts())
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ITEM\tAS\tTEXT\tBECOMES")
	for _, a := range examined.Accounts() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.Item, a.As, shortened(a.Text), a.Becomes)
	}
	return w.Flush()
}

// writeJSON leaves < and > as they are: they are what a reader looks for.
func writeJSON(out io.Writer, value any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// shortened keeps the columns on one screen; the runbook has the whole text.
func shortened(text string) string {
	const most = 48
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
