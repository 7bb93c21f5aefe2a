package main

import (
	"context"
	"io"

	"github.com/coclai/cutover/agent/web"
)

// reports declares the reading of a milestone's report.
func (c *cli) reports() {
	cmd := c.app.Command("report", "Print the report of a milestone, or of a whole cutover that has ended; the last one written unless an item is given.").
		HelpLong(`  rollback-agent report
  rollback-agent report 6.1 --output html > T+30m.html
  rollback-agent report end
  rollback-agent report T+48h --cutover cut-20260301T020000Z-bbbbbbbb
  rollback-agent report 6.3 --output json | jq .result.rows`)
	c.connection(cmd)
	item := cmd.Arg("item", "The milestone's number in the runbook, or its report's name; `end` for the whole cutover.").String()
	cutover := cmd.Flag("cutover", "Of which cutover; the last one unless given.").String()
	output := cmd.Flag("output", "md, html, or json for the numbers.").Default("md").Enum("md", "html", "json")
	c.commands[cmd.FullCommand()] = func(ctx context.Context) error {
		query := map[string]string{"environment": c.client.environment, "cutover": *cutover, "item": *item, "form": *output}
		if c.printer.format = *output; *output == "json" {
			query["form"] = ""
		}
		var r web.Report
		if err := c.client.ask(ctx, "/api/v1/report", query, &r); err != nil {
			return err
		}
		if done, err := c.printer.json(r); done {
			return err
		}
		_, err := io.WriteString(c.printer.out, web.Plain(r.Text))
		return err
	}
}
