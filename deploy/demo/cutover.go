package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

func (s *story) declareStable(ctx context.Context) error {
	s.line.chapter("Cutover: what a release manager and CI do by the runbook")
	if err := s.operator.as(ctx, "kim", "stable"); err != nil {
		return err
	}
	_, pin, err := await(ctx, s.operator, rollback.StablePinned, func(release.Pin) bool { return true })
	if err == nil && pin.Commit != s.stable {
		return fmt.Errorf("the stable tag is on %s, but production runs %s", pin.Commit, s.stable)
	}
	s.pin = pin
	return err
}

func (s *story) captureBaseline(ctx context.Context) error {
	return s.operator.as(ctx, "kim", "baseline")
}

// passGates makes the bad release and runs the plan's gates on it, as CI does. None of them can see what is wrong with it.
func (s *story) passGates(ctx context.Context) (err error) {
	if s.bad, err = s.dev.change(ctx, `{"error_percent": 20}`, "checkout: new pricing engine"); err != nil {
		return err
	}
	if _, err := s.dev.push(ctx, s.bad, "main"); err != nil {
		return err
	}
	return s.reportGates(ctx, s.bad)
}

// reportGates runs the plan's gates on the commit in the clone, and tells the agent.
func (s *story) reportGates(ctx context.Context, commit string) error {
	for _, gate := range s.plan.Gates {
		verdict := s.dev.try(ctx, gate)
		if _, err := s.operator.quietly(ctx, "ci", "gates", "record", gate.ID, string(verdict), "--commit", commit); err != nil {
			return err
		}
		if verdict != release.Pass {
			return fmt.Errorf("gate %s is %s", gate.ID, verdict)
		}
	}
	s.line.quote("ci", "rollback-agent gates record GATE PASS --commit "+short(commit),
		fmt.Sprintf("%d gates of the runbook, run on the new release: all PASS", len(s.plan.Gates)))
	return nil
}

// try runs a gate in the clone.
func (d developer) try(ctx context.Context, gate slo.Gate) release.Verdict {
	env := slices.Clone(gitEnv)
	for name, value := range gate.Env {
		env = append(env, name+"="+value)
	}
	_, err := command(ctx, d.clone, env, gate.Argv...)
	exit := 0
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		exit = ended.ExitCode()
	} else if err != nil {
		return release.Unknown
	}
	want := map[slo.Pass]int{slo.PassExit0: 0, slo.PassNoMatch: 1}[gate.Pass]
	if exit == want {
		return release.Pass
	}
	return release.Fail
}

// deploy asks the gate, moves the branch, and tells the agent: T0.
func (s *story) deploy(ctx context.Context) error {
	if err := s.operator.as(ctx, "ci", "gate", s.bad); err != nil {
		return err
	}
	before, err := s.dev.log(ctx)
	if err != nil {
		return err
	}
	s.line.quote("dev", "git log --oneline --graph origin/production", before)
	if _, err := s.dev.push(ctx, s.bad, "production"); err != nil {
		return err
	}
	if err := s.operator.as(ctx, "ci", "deployed", s.bad); err != nil {
		return err
	}
	entry, deployed, err := await(ctx, s.operator, rollback.ReleaseDeployed, func(r release.Release) bool { return r.Commit == s.bad })
	if err != nil {
		return err
	}
	s.line.chapter("Incident: nobody touches anything")
	s.line.deploy(deployed.T0)
	s.line.at(entry.At, "deployed", "release %s, of which a fifth of the requests will fail; it goes back to %s", short(s.bad), deployed.Target.Name())
	return nil
}
