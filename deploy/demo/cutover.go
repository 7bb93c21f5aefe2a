package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// rehearse makes the bad release and has the gates run on it. None of them can see what is wrong with it.
func (s *story) rehearse(ctx context.Context) (err error) {
	s.line.chapter("First cutover: a release of which a fifth of the requests will fail, and no gate can see it")
	if s.bad, err = s.offer(ctx, `{"error_percent": 20}`, "checkout: new pricing engine"); err != nil {
		return err
	}
	return s.preflight(ctx, s.bad)
}

// offer commits a new description of the service, and pushes it to where nothing runs.
func (s *story) offer(ctx context.Context, description, message string) (commit string, err error) {
	if commit, err = s.dev.change(ctx, description, message); err != nil {
		return "", err
	}
	_, err = s.dev.push(ctx, commit, "main")
	return commit, err
}

// preflight has the agent run the runbook's gates and its own on a commit, and looks whether each is on record and its log is kept.
func (s *story) preflight(ctx context.Context, commit string) error {
	if err := s.operator.gist(ctx, "kim", last, "preflight", commit); err != nil {
		return err
	}
	_, begun, err := await(ctx, s.operator, rollback.PreflightStarted, func(p release.Preflight) bool { return p.Commit == commit })
	if err != nil {
		return err
	}
	for _, gate := range s.plan.Gates {
		_, _, err := await(ctx, s.operator, rollback.GateRecorded, func(g release.GateResult) bool {
			return g.Gate == gate.ID && g.Run == begun.ID && g.Verdict == release.Pass
		})
		if err != nil {
			return err
		}
	}
	logs, err := os.ReadDir(begun.Logs)
	if err == nil && len(logs) == 0 {
		err = fmt.Errorf("preflight %s kept no log", begun.ID)
	}
	return err
}

// start begins the cutover to the bad release.
func (s *story) start(ctx context.Context) (err error) {
	s.cutover, err = s.begin(ctx, s.bad, s.stable, whole)
	return err
}

// begin starts a cutover to a commit, and looks from outside whether what must be done before T0 is: the stable tag is on what production
// runs, the baseline is where the rules read it, people were told. It is checked again only then.
func (s *story) begin(ctx context.Context, commit, running string, of gist) (*release.Cutover, error) {
	if err := s.operator.gist(ctx, "kim", of, "cutover", "start", commit); err != nil {
		return nil, err
	}
	c, err := s.operator.cutover(ctx)
	if err != nil {
		return nil, err
	}
	if c.Commit != commit || c.Phase != release.Waiting {
		return nil, fmt.Errorf("cutover %s of %s is %s, and does not wait for the deploy of %s", c.ID, short(c.Commit), c.Phase, short(commit))
	}
	if err := s.tagged(ctx, running); err != nil {
		return nil, err
	}
	if _, err := s.observer.holds(ctx, `rollback_agent_baseline{slo="p95-latency"}`, func(seconds float64) bool { return seconds > 0 }); err != nil {
		return nil, err
	}
	_, err = s.observer.firing(ctx, "RollbackAgentCutover")
	return c, err
}

// tagged reads the last pin, and whether its tag is on the remote and on what production runs.
func (s *story) tagged(ctx context.Context, running string) error {
	_, pin, err := await(ctx, s.operator, rollback.StablePinned, func(p release.Pin) bool { return p.Commit == running })
	if err != nil {
		return err
	}
	there, err := command(ctx, s.remote.bare(), gitEnv, "git", "rev-parse", pin.Ref+"^{commit}")
	if err == nil && there != running {
		err = fmt.Errorf("%s is on %s, and production runs %s", pin.Ref, there, running)
	}
	s.pin = pin
	return err
}

// deploy asks the gate, moves the branch, and tells the agent when the first of production runs it: T0.
func (s *story) deploy(ctx context.Context) error {
	if err := s.operator.as(ctx, "ci", "gate", s.bad); err != nil {
		return err
	}
	answer, err := s.dev.push(ctx, s.bad, "production")
	s.line.quote("dev", "git push origin "+short(s.bad)+":production", answer)
	if err != nil {
		return err
	}
	if _, err := s.observer.holds(ctx, fmt.Sprintf("build_info{commit=%q}", s.bad), func(n float64) bool { return n == 1 }); err != nil {
		return err
	}
	if err := s.operator.gist(ctx, "ci", first, "deployed", s.bad); err != nil {
		return err
	}
	_, deployed, err := await(ctx, s.operator, rollback.ReleaseDeployed, func(r release.Release) bool { return r.Commit == s.bad })
	if err != nil {
		return err
	}
	if deployed.Target.Commit != s.stable || len(deployed.Baselines) == 0 {
		return fmt.Errorf("the release goes back to %s, with %d baselines", deployed.Target.Commit, len(deployed.Baselines))
	}
	s.line.chapter("Incident: nobody touches anything")
	s.line.deploy(deployed.T0)
	return nil
}

// reported waits until the agent has written about an item of a cutover, and reads it as a file and as a page; it says where it is.
func (s *story) reported(ctx context.Context, c *release.Cutover, item string, words ...string) (file string, err error) {
	_, written, err := await(ctx, s.operator, rollback.MilestoneReported, func(r release.Report) bool {
		return r.Item == item && len(r.Files) > 0 && strings.HasPrefix(r.Files[0], c.ID+"/")
	})
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(s.path("reports/" + written.Files[0]))
	if err != nil {
		return "", err
	}
	s.report = s.ports.agent.url() + "/reports/" + strings.TrimSuffix(written.Files[0], ".md")
	page, err := s.observer.page(ctx, s.report)
	if err != nil {
		return "", err
	}
	for _, word := range words {
		if !strings.Contains(string(text), word) {
			return "", fmt.Errorf("%s does not say %q:\n%s", written.Files[0], word, text)
		}
	}
	if !strings.Contains(page, "<svg") {
		err = fmt.Errorf("the page of %s has no plot", written.Files[0])
	}
	return "reports/" + strings.TrimSuffix(written.Files[0], ".md") + ".html", err
}
