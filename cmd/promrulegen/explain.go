package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/coclai/cutover/generator"
)

func (s *settings) explain(env streams, output string) error {
	c, err := generator.Run(s.Options)
	if err != nil {
		return err
	}
	accounts := generator.Explain(c)
	if output == "json" {
		e := json.NewEncoder(env.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(accounts)
	}
	w := tabwriter.NewWriter(env.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ITEM\tAS\tTEXT\tBECOMES")
	for _, a := range accounts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.Item, a.As, shortened(a.Text), a.Becomes)
	}
	return w.Flush()
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
