package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/coclai/cutover/generator"
	"github.com/coclai/cutover/generator/proof"
)

// errRed means that tests failed or mutants survived, and that it has been said which.
var errRed = errors.New("the rules are not proved")

// errNoTests means that there is nothing to run.
var errNoTests = errors.New("there are no tests")

const testHelp = `  promrulegen test --config rules/promrulegen.yaml     the tests of the rules that the sources compile to
  promrulegen test my_rules_test.yaml                  any file for promtool test rules, with the rules that it names
  promrulegen test --mutate --config rules/promrulegen.yaml

Tests run in this process, on Prometheus's own engine, and come to what promtool test rules comes to; only promtool's limit of 10,000 samples
for one query is not applied. --mutate breaks one rule at a time, in one place, and reports the mistakes that no test notices.

Exits with 1 if a test fails or a mutant survives that the table of equivalents does not name.`

// proving is the test command with its arguments.
type proving struct {
	*settings
	files  []string
	mutate bool
}

func (s *settings) proving(app *kingpin.Application) (*proving, string) {
	t := &proving{settings: s}
	c := app.Command("test", "Run the unit tests of the rules, and see whether they notice mistakes in them.").HelpLong(testHelp)
	c.Arg("files", "Test files; those that the sources compile to unless given.").StringsVar(&t.files)
	c.Flag("mutate", "Break the rules, one mistake at a time, and report what no test notices.").BoolVar(&t.mutate)
	s.folder(c)
	choiceFlag(c, "output", "text or json.", &s.output, "text", "json")
	return t, c.FullCommand()
}

func (t *proving) run(ctx context.Context, env streams) error {
	suites, err := t.suites()
	if err != nil {
		return err
	}
	if len(suites) == 0 {
		return errNoTests
	}
	bar := newProgress(env.err)
	defer bar.clear()
	report, err := proof.Run(ctx, suites, bar.show("tests"))
	bar.clear()
	if err != nil {
		return err
	}
	if len(report.Failures) > 0 || !t.mutate {
		return t.report(env, report)
	}
	mutation, err := proof.Mutate(ctx, suites, proof.Equivalents, bar.show("mutants"))
	bar.clear()
	if err != nil {
		return err
	}
	return t.mutation(env, mutation)
}

// suites are the files that were named, or those that the sources compile to.
func (t *proving) suites() ([]proof.Suite, error) {
	var all []proof.Suite
	if len(t.files) > 0 {
		for _, path := range t.files {
			s, err := proof.Open(path)
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
		return all, nil
	}
	c, err := generator.Run(t.options())
	if err != nil {
		return nil, err
	}
	for _, f := range c.Files {
		if !strings.HasSuffix(f.Name, "_test.yaml") {
			continue
		}
		s, err := proof.Parse(filepath.Join(t.generated(), f.Name), f.Content, compiled(c.Files))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// compiled looks for rule files among those that were compiled.
func compiled(files []generator.File) func(string) (map[string][]byte, error) {
	return func(pattern string) (map[string][]byte, error) {
		found := map[string][]byte{}
		for _, f := range files {
			if f.Name == filepath.Base(pattern) {
				found[pattern] = f.Content
			}
		}
		return found, nil
	}
}

// failure is a proof.Failure as JSON. Time is as Prometheus writes durations, since the test began.
type failure struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Test    string `json:"test"`
	Subject string `json:"subject"`
	Time    string `json:"time"`
	Want    string `json:"want"`
	Got     string `json:"got"`
	Problem string `json:"problem"`
}

func (t *proving) report(env streams, r proof.Report) error {
	if t.output == "json" {
		list := []failure{}
		for _, f := range r.Failures {
			list = append(list, failure{f.At.File, f.At.Line, f.At.Column, f.Test, f.Subject, f.Time.String(), f.Want, f.Got, f.Problem})
		}
		err := writeJSON(env.out, map[string]any{"tests": r.Tests, "cases": r.Cases, "failures": list, "seconds": r.Took.Seconds()})
		return errors.Join(err, red(len(list)))
	}
	for _, f := range r.Failures {
		printFailure(env, f)
	}
	fmt.Fprintf(env.out, "%s, %s, %d failed (%.1fs)\n", counted(r.Tests, "test"), counted(r.Cases, "case"), len(r.Failures), r.Took.Seconds())
	return red(len(r.Failures))
}

func red(failures int) error {
	if failures > 0 {
		return errRed
	}
	return nil
}

func printFailure(env streams, f proof.Failure) {
	fmt.Fprintf(env.out, "%s: ", f.At)
	if f.Subject != "" {
		fmt.Fprintf(env.out, "%s at %s ", f.Subject, f.Time)
	}
	fmt.Fprintf(env.out, "in test %q\n", shortened(f.Test))
	if f.Problem != "" {
		fmt.Fprintf(env.out, "  %s\n", f.Problem)
		return
	}
	fmt.Fprintf(env.out, "  want: %s\n  got:  %s\n", indented(f.Want), indented(f.Got))
}

func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n        ") }

// mutant is a proof.Mutant as JSON, with the reason where it is equivalent.
type mutant struct {
	Group    string         `json:"group"`
	Rule     string         `json:"rule"`
	Operator proof.Operator `json:"operator"`
	Was      string         `json:"was"`
	Is       string         `json:"is"`
	Before   string         `json:"before"`
	After    string         `json:"after"`
	Near     string         `json:"near,omitempty"`
	Within   string         `json:"within,omitempty"`
	Reason   string         `json:"reason,omitempty"`
}

func mutantOf(m proof.Mutant, reason string) mutant {
	return mutant{m.Group, m.Rule, m.Operator, m.Was, m.Is, m.Before, m.After, m.Near, m.Within, reason}
}

func equivalences(all []proof.Equivalence) []mutant {
	list := []mutant{}
	for _, e := range all {
		list = append(list, mutantOf(e.Mutant, e.Reason))
	}
	return list
}

func (t *proving) mutation(env streams, m proof.Mutation) error {
	if t.output == "json" {
		survivors := []mutant{}
		for _, s := range m.Survivors {
			survivors = append(survivors, mutantOf(s, ""))
		}
		err := writeJSON(env.out, map[string]any{
			"total": m.Total, "killed": m.Killed, "survivors": survivors, "per_second": m.PerSecond(),
			"equivalent": equivalences(m.Equivalent), "not_equivalent": equivalences(m.Wrong),
		})
		return errors.Join(err, red(len(m.Survivors)+len(m.Wrong)))
	}
	for _, s := range m.Survivors {
		fmt.Fprintf(env.out, "no test notices %s in %s of %s:\n%s\n", s.Operator, s.Rule, s.Group, s.Diff())
	}
	for _, w := range m.Wrong {
		fmt.Fprintf(env.out, "killed, though the table of equivalents has it (%s): %s in %s of %s:\n%s\n",
			w.Reason, w.Mutant.Operator, w.Mutant.Rule, w.Mutant.Group, w.Mutant.Diff())
	}
	fmt.Fprintf(env.out, "%s: %d killed, %d equivalent, %d alive (%.0f a second)\n",
		counted(m.Total, "mutant"), m.Killed, len(m.Equivalent), len(m.Survivors), m.PerSecond())
	return red(len(m.Survivors) + len(m.Wrong))
}
