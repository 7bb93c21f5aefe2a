package main

import (
	"context"
	"path/filepath"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"github.com/coclai/cutover/generator"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
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
  promrulegen explain RUNBOOK.md --output json
  promrulegen init RUNBOOK.md
  promrulegen test --mutate --config rules/promrulegen.yaml
  promrulegen cost --config rules/promrulegen.yaml --max-samples 100000
  promrulegen backtest --prometheus.url http://localhost:9090 --from 30d --html backtest.html
  eval "$(promrulegen --completion-script-bash)"
{{end}}`

// command runs when its name was given.
type command func(context.Context) error

// settings are the flags that all commands share.
type settings struct {
	config, runbook, out string
	prometheus           string // URL of one to ask, "" for none
	output               string // of diagnostics
	names                string // of recorded series, "" for what the bindings say
}

// options are the sources, with the bindings where they usually are.
func (s *settings) options() generator.Options {
	o := generator.Options{Config: s.config, Runbook: s.runbook, Names: slo.Names(s.names)}
	if o.Config == "" {
		o.Config = "promrulegen.yaml"
	}
	return o
}

// application declares every command with its flags; commands are by full name.
func application(env streams) (*kingpin.Application, map[string]command) {
	app := kingpin.New("promrulegen", about).UsageWriter(env.out).ErrorWriter(env.err)
	app.UsageTemplate(kingpin.DefaultUsageTemplate + examples)
	app.Terminate(func(code int) { panic(termination(code)) })
	app.Version(version.Print("promrulegen"))
	s := &settings{}
	app.Flag("config", "The bindings: what the runbook's rows and triggers are measured by; promrulegen.yaml unless given.").
		PlaceHolder("FILE").StringVar(&s.config)
	app.Flag("runbook", "A runbook to read in place of the one that the bindings name.").PlaceHolder("FILE").StringVar(&s.runbook)

	generate := app.Command("generate", "Compile, and write what has changed: all files or none.").
		HelpLong("  promrulegen generate\n  promrulegen generate --config rules/promrulegen.yaml --out /etc/prometheus/cutover")
	s.folder(generate)
	s.server(generate)
	s.reports(generate)
	check := app.Command("check", "Compile, and say whether the generated files agree with the sources.").
		HelpLong("  promrulegen check --config rules/promrulegen.yaml")
	s.folder(check)
	s.server(check)
	s.reports(check)
	explain, explainName := s.explaining(app)
	drafts, initName := s.drafting(app)
	tests, testName := s.proving(app)
	costs, costName := s.costing(app)
	backtests, backtestName := s.backtesting(app)
	schema := app.Command("schema", "Print the JSON Schema of promrulegen.yaml, for editors.").
		HelpLong("  promrulegen schema > promrulegen.schema.json\n  # yaml-language-server: $schema=promrulegen.schema.json    (first line of promrulegen.yaml)")
	return app, map[string]command{
		generate.FullCommand(): func(ctx context.Context) error { return s.reported(env, s.generate(ctx, s.quiet(env))) },
		check.FullCommand():    func(ctx context.Context) error { return s.reported(env, s.check(ctx, s.quiet(env))) },
		initName:               func(context.Context) error { return drafts.run(env) },
		testName:               func(ctx context.Context) error { return tests.run(ctx, env) },
		costName:               func(ctx context.Context) error { return costs.run(ctx, env) },
		backtestName:           func(ctx context.Context) error { return backtests.run(ctx, env) },
		schema.FullCommand(): func(context.Context) error {
			_, err := env.out.Write(runbook.Schema())
			return err
		},
		explainName: func(context.Context) error { return explain.run(env) },
	}
}

func (s *settings) folder(c *kingpin.CmdClause) {
	c.Flag("names", "Record error budgets under sloth's names, too, whatever `names` in the bindings says: ours, or sloth.").
		PlaceHolder("SCHEME").SetValue(choice{"names", &s.names, []string{string(slo.NamesOurs), string(slo.NamesSloth)}})
	c.Flag("out", "The folder of the generated files; `generated` beside the bindings unless given.").PlaceHolder("DIR").StringVar(&s.out)
}

// generated is the output folder.
func (s *settings) generated() string {
	if s.out != "" {
		return s.out
	}
	return filepath.Join(filepath.Dir(s.options().Config), "generated")
}
