package main

import (
	"context"
	"fmt"

	"github.com/coclai/cutover/generator"
	"github.com/coclai/cutover/generator/diag"
)

func (s *settings) generate(ctx context.Context, env streams) error {
	c, err := generator.Run(s.options())
	if err != nil {
		return err
	}
	if err := s.live(ctx, env, c.Matrix); err != nil {
		return err
	}
	changed, err := generator.Emit(c.Files, s.generated())
	if err != nil {
		return err
	}
	for _, path := range changed {
		fmt.Fprintf(env.out, "wrote %s\n", path)
	}
	if err := s.removeStale(env, c); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "%s: %d rows, %d triggers, %d gates; %d of %d files changed\n", c.Sources.Document.File,
		len(c.Sources.Document.Rows), len(c.Matrix.Triggers), len(c.Matrix.Gates), len(changed), len(c.Files))
	return nil
}

// removeStale deletes what an earlier run wrote and this one did not: Prometheus would go on reading it. A crash before leaves it for check
// to name.
func (s *settings) removeStale(env streams, c generator.Compilation) error {
	stale, err := generator.Stale(c.Files, c.Matrix.Runbook.File, s.generated())
	if err != nil {
		return err
	}
	removed, err := generator.RemoveStale(stale)
	for _, path := range removed {
		fmt.Fprintf(env.out, "removed %s: it is no longer compiled\n", path)
	}
	return err
}

func (s *settings) check(ctx context.Context, env streams) error {
	c, err := generator.Run(s.options())
	if err != nil {
		return err
	}
	if err := s.live(ctx, env, c.Matrix); err != nil {
		return err
	}
	differences, err := generator.Compare(c.Files, c.Matrix.Runbook.File, s.generated())
	if err != nil {
		return err
	}
	if s.output == "json" {
		return drift(differences).Err()
	}
	for _, d := range differences {
		switch {
		case d.Missing:
			fmt.Fprintf(env.out, "%s: missing\n", d.Path)
			continue
		case d.Stale:
			fmt.Fprintf(env.out, "%s: is no longer compiled from %s\n", d.Path, c.Sources.Document.File)
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

// drift is the differences as diagnostics of the generated files.
func drift(differences []generator.Difference) diag.List {
	var list diag.List
	for _, d := range differences {
		message := "differs from what the sources compile to"
		switch {
		case d.Missing:
			message = "is missing"
		case d.Stale:
			message = "is no longer compiled from the sources"
		}
		list.Add(diag.Diagnostic{At: diag.Position{File: d.Path, Line: 1, Column: 1}, Message: message, Hint: "run `promrulegen generate` and read the diff"})
	}
	return list
}
