package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator"
	"github.com/coclai/cutover/generator/live"
	"github.com/coclai/cutover/generator/proof"
	"github.com/coclai/cutover/generator/slo"
)

const costHelp = `  promrulegen cost --config rules/promrulegen.yaml --series 50
  promrulegen cost --config rules/promrulegen.yaml --prometheus.url http://localhost:9090
  promrulegen cost --max-samples 100000 rules/generated/rules.yaml

Computed from the rules, without running them: of each selector its series times the samples in its range, as Prometheus itself
counts what it reads. How many series a selector picks is assumed (--series; one where the agent exports it), or asked of a server.

Exits with 1 if one evaluation of all rules reads more than --max-samples.`

// costing is the cost command with its arguments.
type costing struct {
	*settings
	files          []string
	series, groups float64
	most           float64
	scrape         string
}

func (s *settings) costing(app *kingpin.Application) (*costing, string) {
	x := &costing{settings: s}
	c := app.Command("cost", "Say how many samples each rule reads, and how many series it writes, at every evaluation.").HelpLong(costHelp)
	c.Arg("files", "Rule files; the rules that the sources compile to unless given.").StringsVar(&x.files)
	amountFlag(c, "series", "How many series a selector is assumed to pick.", "10", &x.series)
	amountFlag(c, "groups", "How many groups an aggregation by labels is assumed to have.", "10", &x.groups)
	c.Flag("scrape-interval", "How often series get a sample; that of the bindings, or 15s for files, unless given.").PlaceHolder("15s").StringVar(&x.scrape)
	amountFlag(c, "max-samples", "The most that one evaluation of all rules may read; 0 is any number.", "0", &x.most)
	c.Flag("prometheus.url", "Ask this Prometheus how many series each selector picks, in place of --series.").PlaceHolder("URL").StringVar(&s.prometheus)
	choiceFlag(c, "output", "text or json.", &s.output, "text", "json")
	return x, c.FullCommand()
}

// ruleCost is a proof.RuleCost as JSON.
type ruleCost struct {
	Group   string  `json:"group"`
	Rule    string  `json:"rule"`
	Every   string  `json:"every"`
	Samples float64 `json:"samples"`
	Series  float64 `json:"series"`
}

func (x *costing) run(ctx context.Context, env streams) error {
	rules, traffic, err := x.sources()
	if err != nil {
		return err
	}
	if traffic.Series, err = x.counting(ctx, env, rules); err != nil {
		return err
	}
	cost := rules.Cost(traffic)
	if err := x.write(env, cost); err != nil {
		return err
	}
	if x.most > 0 && cost.Samples > x.most {
		fmt.Fprintf(env.err, "one evaluation of all rules reads %.0f samples, more than --max-samples %.0f\n", cost.Samples, x.most)
		return errReported
	}
	return nil
}

// sources are the rules, and how often anything happens.
func (x *costing) sources() (proof.Rules, proof.Traffic, error) {
	traffic := proof.Traffic{Scrape: 15 * time.Second, Evaluation: time.Minute, Groups: x.groups}
	var rules proof.Rules
	var err error
	if len(x.files) > 0 {
		rules, err = ruleFiles(x.files)
	} else {
		rules, err = x.compile(&traffic)
	}
	if err != nil || x.scrape == "" {
		return rules, traffic, err
	}
	scrape, err := model.ParseDuration(x.scrape)
	if err != nil || scrape == 0 {
		err = fmt.Errorf("--scrape-interval %q must be a time such as 15s, longer than nothing", x.scrape)
	}
	traffic.Scrape = time.Duration(scrape)
	return rules, traffic, err
}

func ruleFiles(paths []string) (proof.Rules, error) {
	var all proof.Rules
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return all, err
		}
		rules, err := proof.ParseRules(path, content)
		if err != nil {
			return all, err
		}
		all = all.And(rules)
	}
	return all, nil
}

func (x *costing) compile(traffic *proof.Traffic) (proof.Rules, error) {
	c, err := generator.Run(x.options())
	if err != nil {
		return proof.Rules{}, err
	}
	traffic.Scrape, traffic.Evaluation = c.Matrix.ScrapeInterval.Std(), c.Matrix.EvaluationInterval.Std()
	for _, f := range c.Files {
		if f.Name == "rules.yaml" {
			return proof.ParseRules(f.Name, f.Content)
		}
	}
	return proof.Rules{}, fmt.Errorf("the sources compile to no rules.yaml")
}

// assumed is --series, but for what one agent exports of one release.
func (x *costing) assumed(selector string) float64 {
	for _, name := range []string{slo.AgentT0, slo.AgentBaseline, slo.AgentGateResult, slo.AgentGateTimestamp, slo.AgentLocked} {
		if strings.Contains(selector, strconv.Quote(name)) {
			return 1
		}
	}
	return x.series
}

// counting says how many series a selector picks: as assumed, or as a server has them now.
func (x *costing) counting(ctx context.Context, env streams, rules proof.Rules) (func(selector string) float64, error) {
	if x.prometheus == "" {
		return x.assumed, nil
	}
	server, err := live.Connect(x.prometheus, time.Now())
	if err != nil {
		return nil, err
	}
	counts := map[string]float64{}
	for _, selector := range rules.Selectors() {
		answer, err := server.Query(ctx, "count("+selector+")")
		if err != nil {
			return nil, fmt.Errorf("count the series of %s at %s: %w", selector, x.prometheus, err)
		}
		for _, s := range answer {
			counts[selector] = s.Value
		}
		if counts[selector] == 0 {
			fmt.Fprintf(env.err, "%s picks no series at %s now: what reads it counts as free\n", selector, x.prometheus)
		}
	}
	return func(selector string) float64 { return counts[selector] }, nil
}

func (x *costing) write(env streams, c proof.Cost) error {
	if x.output == "json" {
		list := []ruleCost{}
		for _, r := range c.Rules {
			list = append(list, ruleCost{r.Group, r.Rule, model.Duration(r.Every).String(), r.Samples, r.Series})
		}
		return writeJSON(env.out, map[string]any{"rules": list, "samples": c.Samples, "series": c.Series, "samples_per_minute": c.PerMinute})
	}
	w := tabwriter.NewWriter(env.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SAMPLES\tSERIES\tEVERY\tRULE\tGROUP")
	for _, r := range c.Rules {
		fmt.Fprintf(w, "%.0f\t%.0f\t%s\t%s\t%s\n", r.Samples, r.Series, model.Duration(r.Every), r.Rule, r.Group)
	}
	fmt.Fprintf(w, "%.0f\t%.0f\t\t%s\t%s\n", c.Samples, c.Series, "all, evaluated once", fmt.Sprintf("%.0f samples a minute", c.PerMinute))
	return w.Flush()
}
