package generator

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/live"
	"github.com/coclai/cutover/generator/slo"
)

// Report is what a running Prometheus says of a matrix.
type Report struct {
	Problems diag.List // what keeps a rule from ever working there
	Warnings diag.List // what may be as it should, and should be looked at
	Values   []Current // of every SLI, in the order of the matrix
}

// Live compares a matrix with a running Prometheus: whether the series exist and have the labels, whether buckets can resolve the bounds,
// how often targets are scraped, how far back the server remembers, and what every SLI's value is now. An error means that the server
// could not be asked.
func Live(ctx context.Context, m slo.Matrix, url string) (Report, error) {
	server, err := live.Connect(url, time.Now())
	if err != nil {
		return Report{}, err
	}
	c := &liveCheck{ctx: ctx, server: server, matrix: m, promql: parser.NewParser(parser.Options{})}
	if err := c.run(); err != nil {
		return Report{}, fmt.Errorf("ask the Prometheus at %s: %w", url, err)
	}
	return c.report, nil
}

// recently is how far back a series may have been seen last to count as one that exists.
const recently = slo.Duration(time.Hour)

// liveCheck asks one server about one matrix. After the first failure it asks nothing more, and every answer is empty.
type liveCheck struct {
	ctx     context.Context
	server  *live.Server
	matrix  slo.Matrix
	promql  parser.Parser
	metrics []string                // that the server knows
	scrapes map[string]slo.Duration // by job
	report  Report
	failure error
}

func (c *liveCheck) run() error {
	c.metrics, c.failure = c.server.Metrics(c.ctx, recently)
	c.scraping()
	c.retention()
	for _, s := range c.matrix.SLIs {
		before := len(c.report.Problems)
		c.series(s)
		if len(c.report.Problems) == before {
			c.groups(s)
			c.scrapedFor(s)
			c.buckets(s)
		}
		if s.Bounded() {
			c.report.Values = append(c.report.Values, c.current(s))
		}
	}
	return c.failure
}

// query is the answer to an instant query.
func (c *liveCheck) query(query string) []live.Sample {
	if c.failure != nil {
		return nil
	}
	var samples []live.Sample
	samples, c.failure = c.server.Query(c.ctx, query)
	return samples
}

// number is a query's one number.
func (c *liveCheck) number(query string) (float64, bool) {
	samples := c.query(query)
	if len(samples) == 0 {
		return 0, false
	}
	return samples[0].Value, true
}

// values are those that a label has in a query's answer.
func (c *liveCheck) values(query, label string) []string {
	if c.failure != nil {
		return nil
	}
	var values []string
	values, c.failure = c.server.Values(c.ctx, query, label)
	return values
}

// problem says that a rule cannot work.
func (c *liveCheck) problem(s slo.SLI, message, hint string) {
	c.report.Problems.Add(c.about(s, message, hint))
}

// warning says what should be looked at.
func (c *liveCheck) warning(s slo.SLI, message, hint string) {
	c.report.Warnings.Add(c.about(s, message, hint))
}

func (c *liveCheck) about(s slo.SLI, message, hint string) diag.Diagnostic {
	return diag.Diagnostic{At: diag.Position{File: c.matrix.Runbook.File, Line: s.Line}, Message: s.ID + ": " + message, Hint: hint}
}
