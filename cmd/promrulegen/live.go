package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/alecthomas/kingpin/v2"

	"github.com/coclai/cutover/generator"
	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/slo"
)

// server is the flag of commands that also ask a running Prometheus.
func (s *settings) server(c *kingpin.CmdClause) {
	c.Flag("prometheus.url", "Also ask this Prometheus whether the series, labels and buckets are there, how often it scrapes and how far "+
		"back it remembers, and show every value beside its bounds. What cannot work there is a problem (exit code 1).").
		PlaceHolder("URL").StringVar(&s.prometheus)
}

// live asks the Prometheus that was named, if one was. The error is a diag.List if something cannot work there.
func (s *settings) live(ctx context.Context, env streams, m slo.Matrix) error {
	if s.prometheus == "" {
		return nil
	}
	report, err := generator.Live(ctx, m, s.prometheus)
	if err != nil {
		return err
	}
	if err := printValues(env, report.Values); err != nil {
		return err
	}
	warnings := append(diag.List(nil), report.Warnings...)
	for i := range warnings {
		warnings[i].Message = "warning: " + warnings[i].Message
	}
	warnings.Render(env.err)
	return report.Problems.Err()
}

func printValues(env streams, values []generator.Current) error {
	w := tabwriter.NewWriter(env.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SLI\tNOW\tALERT\tTARGET\tSTANDS")
	for _, v := range values {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.ID, orDash(v.Value), v.Alert, orDash(v.Target), v.Stands)
	}
	return w.Flush()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
