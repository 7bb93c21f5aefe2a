package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"github.com/coclai/cutover/generator"
	"github.com/coclai/cutover/generator/diag"
)

const about = `Compiles a runbook into Prometheus rules, their tests, Alertmanager configuration and a release plan.

The sources are promrulegen.yaml and the Markdown runbook that it names. What cannot be read is refused, with its place.

Exit codes: 0 yes or done; 1 no (drift, or sources that do not compile); 2 could not run.`

// examples are appended to kingpin's own usage.
const examples = `{{with .Context.SelectedCommand}}{{with .HelpLong}}
Examples:
{{.}}
{{end}}{{else}}
Examples:
  promrulegen generate --config rules/promrulegen.yaml
  promrulegen check --config rules/promrulegen.yaml
  promrulegen explain --config rules/promrulegen.yaml --output json
  eval "$(promrulegen --completion-script-bash)"
{{end}}`

// Exit codes.
const (
	exitYes    = 0
	exitNo     = 1
	exitUnable = 2
)

// errDrift means that check found differences, and has printed them.
var errDrift = errors.New("the generated files are not what the sources compile to")

// command runs when its name was given.
type command func(context.Context) error

// settings are the flags that all commands share.
type settings struct {
	generator.Options
	out string
}

// application declares every command with its flags; commands are by full name.
func application(env streams) (*kingpin.Application, map[string]command) {
	app := kingpin.New("promrulegen", about).UsageWriter(env.out).ErrorWriter(env.err)
	app.UsageTemplate(kingpin.DefaultUsageTemplate + examples)
	app.Terminate(func(code int) { panic(termination(code)) })
	app.Version(version.Print("promrulegen"))
	s := &settings{}
	app.Flag("config", "The bindings: what the runbook's rows and triggers are measured by.").Default("promrulegen.yaml").StringVar(&s.Config)
	app.Flag("runbook", "A runbook to read in place of the one that the bindings name.").PlaceHolder("FILE").StringVar(&s.Runbook)

	generate := app.Command("generate", "Compile, and write what has changed: all files or none.").
		HelpLong("  promrulegen generate\n  promrulegen generate --config rules/promrulegen.yaml --out /etc/prometheus/cutover")
	s.folder(generate)
	check := app.Command("check", "Compile, and say whether the generated files agree with the sources.").
		HelpLong("  promrulegen check --config rules/promrulegen.yaml")
	s.folder(check)
	explain := app.Command("explain", "Say what becomes of every heading, row and item of the runbook.").
		HelpLong("  promrulegen explain\n  promrulegen explain --output json")
	output := explain.Flag("output", "text or json.").Default("text").Enum("text", "json")
	return app, map[string]command{
		generate.FullCommand(): func(context.Context) error { return s.generate(env) },
		check.FullCommand():    func(context.Context) error { return s.check(env) },
		explain.FullCommand():  func(context.Context) error { return s.explain(env, *output) },
	}
}

func (s *settings) folder(c *kingpin.CmdClause) {
	c.Flag("out", "The folder of the generated files; `generated` beside the bindings unless given.").PlaceHolder("DIR").StringVar(&s.out)
}

// generated is the output folder.
func (s *settings) generated() string {
	if s.out != "" {
		return s.out
	}
	return filepath.Join(filepath.Dir(s.Config), "generated")
}

func (s *settings) generate(env streams) error {
	c, err := generator.Run(s.Options)
	if err != nil {
		return err
	}
	changed, err := generator.Emit(c.Files, s.generated())
	if err != nil {
		return err
	}
	for _, path := range changed {
		fmt.Fprintf(env.out, "wrote %s\n", path)
	}
	fmt.Fprintf(env.out, "%s: %d rows, %d triggers, %d gates; %d of %d files changed\n", c.Sources.Document.File,
		len(c.Sources.Document.Rows), len(c.Matrix.Triggers), len(c.Matrix.Gates), len(changed), len(c.Files))
	return nil
}

func (s *settings) check(env streams) error {
	c, err := generator.Run(s.Options)
	if err != nil {
		return err
	}
	differences, err := generator.Compare(c.Files, s.generated())
	if err != nil {
		return err
	}
	for _, d := range differences {
		if d.Missing {
			fmt.Fprintf(env.out, "%s: missing\n", d.Path)
			continue
		}
		fmt.Fprintf(env.out, "%s: differs from what %s compiles to\n%s", d.Path, c.Sources.Document.File, d.Excerpt)
	}
	if len(differences) > 0 {
		return errDrift
	}
	fmt.Fprintf(env.out, "%s: %d files agree with the sources\n", s.generated(), len(c.Files))
	return nil
}

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
