package main

import (
	"fmt"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/diag"
)

// load reads the agent's file. Diagnostics go to err with their places; the error only counts them.
func load(file string, env streams) (config.Config, error) {
	c, problems := config.Load(file)
	return c, refused(file, problems, env)
}

// refused says no to a file with problems, and shows them.
func refused(file string, problems diag.List, env streams) error {
	if len(problems) == 0 {
		return nil
	}
	problems.Render(env.err)
	count := "1 problem"
	if len(problems) > 1 {
		count = fmt.Sprintf("%d problems", len(problems))
	}
	return no(file+" cannot be used: "+count, "")
}

// checkConfig says whether serve would start with the file.
func checkConfig(file string, env streams) error {
	c, err := load(file, env)
	if err != nil {
		return err
	}
	shown, err := agent.Check(c)
	if err != nil {
		return no(fmt.Sprintf("%s cannot be used: %v", file, err), "")
	}
	fmt.Fprintf(env.out, "%s is valid: max_mode %s, %d tokens\n", file, c.MaxMode, len(c.Web.Tokens))
	for _, e := range c.Environments {
		fmt.Fprintf(env.out, "  %s: plan %s, %d SLOs, %d triggers, branch %s\n", e.Name(), e.PlanFile, len(e.Plan.SLOs), len(e.Plan.Triggers), e.Git.Branch)
	}
	for _, r := range shown {
		fmt.Fprintf(env.out, "  %s: %s would post, for example: %s\n", r.Environment, r.Section, web.Plain(r.Body))
	}
	return nil
}
