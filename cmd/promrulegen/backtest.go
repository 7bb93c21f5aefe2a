package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/coclai/cutover/generator"
	"github.com/coclai/cutover/generator/atomicfile"
	"github.com/coclai/cutover/generator/backtest"
	"github.com/coclai/cutover/generator/slo"
)

const backtestHelp = `  promrulegen backtest --prometheus.url http://localhost:9090 --from 30d
  promrulegen backtest --tsdb.path /var/lib/prometheus --from 2026-10-01 --to 2026-11-01 --html october.html
  promrulegen backtest --tsdb.path data --from 30d --release T0=2026-11-02T10:00:00Z,sha=4f1d2a7 --release T0=2026-11-09T10:00:00Z,sha=a90b3c1
  promrulegen backtest --prometheus.url http://localhost:9090 --from 30d --git . --tags 'v*'
  promrulegen backtest --prometheus.url http://localhost:9090 --from 30d --compare sloth.yaml

Replays every alert with its real states over past data, and says what rollback-agent would have decided about each episode. A TSDB directory
is only read; it may be that of a running Prometheus. Recorded series that were not recorded then are derived from raw data. Baselines and T0,
which an agent would have exported, are made from the releases given.

Times are RFC 3339, a date, or how long ago. Exits with 2 if nothing can be said of a trigger's alert, or answers were partial.`

// errUntold means that the answer has a hole where a trigger is; the report says which.
var errUntold = errors.New("nothing can be said of every trigger")

// errInterrupted means that somebody pressed Ctrl-C.
var errInterrupted = errors.New("interrupted; nothing was written")

// backtesting is the backtest command with its arguments.
type backtesting struct {
	*settings
	directory, from, to string
	releases            []string
	git, tags           string
	compare, html       string
}

func (s *settings) backtesting(app *kingpin.Application) (*backtesting, string) {
	b := &backtesting{settings: s}
	c := app.Command("backtest", "Replay the alerts over past data: what would have fired, and what would have been rolled back.").HelpLong(backtestHelp)
	c.Flag("prometheus.url", "The Prometheus that has the past.").PlaceHolder("URL").StringVar(&s.prometheus)
	c.Flag("tsdb.path", "A TSDB directory that has it, as Prometheus writes one.").PlaceHolder("DIR").StringVar(&b.directory)
	c.Flag("from", "Begin at this time, or so long before the end.").Default("7d").PlaceHolder("TIME").StringVar(&b.from)
	c.Flag("to", "End at this time, or so long ago.").Default("0s").PlaceHolder("TIME").StringVar(&b.to)
	c.Flag("release", "What was deployed and when: T0=TIME,sha=COMMIT[,tag=NAME]. May be given several times.").PlaceHolder("T0=…,sha=…").StringsVar(&b.releases)
	c.Flag("git", "Take the releases from the tags of this repository: deployed when they were made.").PlaceHolder("DIR").StringVar(&b.git)
	c.Flag("tags", "The tags that are releases.").Default("*").PlaceHolder("PATTERN").StringVar(&b.tags)
	c.Flag("compare", "Replay this rule file beside ours.").PlaceHolder("RULES").ExistingFileVar(&b.compare)
	c.Flag("html", "Also write one page with a time line and a plot of each alert.").PlaceHolder("FILE").StringVar(&b.html)
	choiceFlag(c, "output", "text or json.", &s.output, "text", "json")
	return b, c.FullCommand()
}

func (b *backtesting) run(ctx context.Context, env streams) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	answer, err := b.answer(ctx, env)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	if err := b.write(env, answer); err != nil {
		return err
	}
	return untold(answer)
}

// answer opens the past, replays what is to be replayed, and has it judged.
func (b *backtesting) answer(ctx context.Context, env streams) (answer backtest.Answer, err error) {
	c, err := generator.Run(b.options())
	if err != nil {
		return answer, err
	}
	ours, plan, err := compiledPlan(c)
	if err != nil {
		return answer, err
	}
	span, err := b.span(time.Now())
	if err != nil {
		return answer, err
	}
	releases, err := b.deployed(span)
	if err != nil {
		return answer, err
	}
	past, err := b.open(ctx)
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, past.Close()) }()
	j := judge{plan: plan, past: past, releases: releases, span: span}
	bar := newProgress(env.err)
	defer bar.clear()
	o := backtest.Options{Span: span, Plan: plan, Progress: bar.show("evaluations")}
	if answer.Report, err = j.judged(ctx, ours, o); err != nil {
		return answer, err
	}
	answer.Releases = j.marks()
	if b.compare != "" {
		answer.Other, err = b.other(ctx, past, o)
	}
	return answer, err
}

// open opens the one past that was named.
func (b *backtesting) open(ctx context.Context) (*backtest.Past, error) {
	switch {
	case (b.prometheus == "") == (b.directory == ""):
		return nil, errors.New("give the past: either --prometheus.url or --tsdb.path")
	case b.directory != "":
		return backtest.OpenDirectory(b.directory)
	}
	return backtest.Connect(ctx, b.prometheus)
}

// compiledPlan are the rules and the plan that the sources compile to.
func compiledPlan(c generator.Compilation) (backtest.Rules, slo.Plan, error) {
	var rules backtest.Rules
	var plan slo.Plan
	for _, f := range c.Files {
		switch f.Name {
		case "rules.yaml":
			var err error
			if rules, err = backtest.ReadRules(f.Name, f.Content, c.Matrix.EvaluationInterval.Std()); err != nil {
				return rules, plan, err
			}
		case "plan.yaml":
			read, problems := generator.ReadPlan(f.Name, f.Content)
			if err := problems.Err(); err != nil {
				return rules, plan, err
			}
			plan = read
		}
	}
	return rules, plan, nil
}

// other replays the rules compared with, by the same past and the same series given.
func (b *backtesting) other(ctx context.Context, past *backtest.Past, o backtest.Options) (*backtest.Report, error) {
	content, err := os.ReadFile(b.compare)
	if err != nil {
		return nil, err
	}
	rules, err := backtest.ReadRules(b.compare, content, time.Minute)
	if err != nil {
		return nil, err
	}
	r, err := backtest.Run(ctx, past, rules, o)
	if err != nil {
		return nil, err
	}
	return &r.Report, nil
}

// span is the range asked for.
func (b *backtesting) span(now time.Time) (backtest.Span, error) {
	to, err := moment("to", b.to, now)
	if err != nil {
		return backtest.Span{}, err
	}
	from, err := moment("from", b.from, to)
	if err == nil && !from.Before(to) {
		err = fmt.Errorf("--from %s is not before --to %s", from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
	}
	return backtest.Span{From: from.UTC(), To: to.UTC()}, err
}

// moment reads a time, or how long it was before another.
func moment(flag, text string, before time.Time) (time.Time, error) {
	if ago, err := slo.ParseDuration(text); err == nil {
		return before.Add(-ago.Std()), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--%s %q is no time: 2026-11-01T10:00:00Z, 2026-11-01, or 30d for so long before", flag, text)
}

// write writes the page first, whole: what cannot be written should not look done.
func (b *backtesting) write(env streams, answer backtest.Answer) error {
	if b.html != "" {
		page, err := answer.Page()
		if err != nil {
			return err
		}
		if _, err := atomicfile.Write([]atomicfile.File{{Path: b.html, Content: page}}); err != nil {
			return err
		}
	}
	if b.output == "json" {
		return writeJSON(env.out, answer.JSON())
	}
	return answer.Text(env.out)
}

// untold is an error if the answer does not answer for every trigger.
func untold(answer backtest.Answer) error {
	var names []string
	for _, a := range answer.Untold() {
		names = append(names, a.Name)
	}
	switch {
	case len(names) > 0:
		return fmt.Errorf("%w: %s", errUntold, strings.Join(names, ", "))
	case len(answer.Partial) > 0:
		return errors.New("answers came with warnings: what they left out may have been an episode")
	case answer.Other != nil && len(answer.Other.Untold()) > 0:
		return fmt.Errorf("%w of %s", errUntold, answer.Other.File)
	}
	return nil
}
