package verify

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// Runner checks out commits of one remote and runs gates on them. Its methods may be called at the same time.
type Runner struct {
	URL    string              // of the remote: http, https, ssh, file
	Access Access              // for reading it; the deploy key is no part of it
	Dir    string              // for scratch folders; nobody must be able to reach it. "": the system's folder for temporary files
	Git    string              // the git command; "": git
	Redact func(string) string // takes secrets out of output; nil takes out nothing
}

// checkoutTimeout bounds the fetch: verification must end, and a repository that needs longer needs a mirror nearer by.
const checkoutTimeout = 5 * time.Minute

var objectID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Watch is what somebody wants of gates while they run. Its zero value wants nothing.
type Watch struct {
	Begins func(g slo.Gate)                             // before each gate
	Ended  func(g slo.Gate, run rollback.GateRun) error // after each gate; an error ends the run, and is its error
	Logs   RunLogs
}

// Run runs the gates in order on the commit, all in one checkout. A gate that could not tell is UNKNOWN in its own GateRun; the error is
// that of the checkout, or of ctx with the gates that had finished.
func (r Runner) Run(ctx context.Context, commit string, gates []slo.Gate) ([]rollback.GateRun, error) {
	return r.Follow(ctx, commit, gates, Watch{})
}

// Follow is Run for who watches. Logs that cannot be kept are said in the gate's reason, and change no verdict.
func (r Runner) Follow(ctx context.Context, commit string, gates []slo.Gate, w Watch) ([]rollback.GateRun, error) {
	if len(gates) == 0 {
		return nil, nil
	}
	if !objectID.MatchString(commit) {
		return nil, fmt.Errorf("check out %.60q: that is no commit id", commit)
	}
	s, err := newScratch(r.Dir)
	if err != nil {
		return nil, fmt.Errorf("check out %s: %w", commit, err)
	}
	defer s.remove()
	if err := r.checkOut(ctx, s, commit); err != nil {
		return nil, fmt.Errorf("check out %s: %w", commit, err)
	}
	var runs []rollback.GateRun
	for _, g := range gates {
		if w.Begins != nil {
			w.Begins(g)
		}
		run := r.gate(ctx, s, g)
		if ctx.Err() != nil {
			return runs, fmt.Errorf("run gate %s: %w", g.ID, ctx.Err())
		}
		run = w.Logs.of(s, g, run)
		runs = append(runs, run)
		if w.Ended == nil {
			continue
		}
		if err := w.Ended(g, run); err != nil {
			return runs, fmt.Errorf("run gate %s: %w", g.ID, err)
		}
	}
	return runs, nil
}

func (r Runner) gate(ctx context.Context, s scratch, g slo.Gate) rollback.GateRun {
	if g.Pass == slo.PassManual {
		return rollback.GateRun{Gate: g.ID, Verdict: release.Unknown, Reason: "nothing to run: " + g.Owner + " reports it"}
	}
	o := s.run(ctx, command{argv: g.Argv, dir: s.checkout, env: s.with(g.Env), timeout: g.Timeout.Std()})
	verdict, reason := judge(g, o)
	return rollback.GateRun{
		Gate: g.ID, Verdict: verdict, Reason: reason, Output: r.redact(o.output), Took: o.took.Round(time.Millisecond).String(),
	}
}

func (r Runner) redact(text string) string {
	if r.Redact == nil {
		return text
	}
	return r.Redact(text)
}

// checkOut fetches one commit and nothing else, and makes sure that it is the one that was asked for.
func (r Runner) checkOut(ctx context.Context, s scratch, commit string) error {
	ctx, cancel := context.WithTimeout(ctx, checkoutTimeout)
	defer cancel()
	lent, takeBack, err := r.Access.lend(s)
	if err != nil {
		return err
	}
	defer takeBack()
	for _, args := range [][]string{
		{"init", "--quiet", "--template="},
		{"fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", r.URL, commit},
		{"checkout", "--quiet", "--detach", "FETCH_HEAD"},
	} {
		if _, err := r.git(ctx, s, lent, args...); err != nil {
			return err
		}
	}
	got, err := r.git(ctx, s, nil, "rev-parse", "--verify", "HEAD")
	if err != nil {
		return err
	}
	if got != commit+"\n" {
		return fmt.Errorf("the remote gave %.60q instead", got)
	}
	return nil
}

// git runs one git command and returns what it printed.
func (r Runner) git(ctx context.Context, s scratch, lent []string, args ...string) (string, error) {
	git := r.Git
	if git == "" {
		git = "git"
	}
	argv := append([]string{git, "-c", "advice.detachedHead=false", "-c", "http.followRedirects=false"}, args...)
	o := s.run(ctx, command{argv: argv, dir: s.checkout, env: slices.Concat(s.env(), gitEnv(r.URL), lent), timeout: checkoutTimeout})
	switch {
	case o.failed != nil:
		return "", fmt.Errorf("git %s: %w", args[0], o.failed)
	case o.exit != 0:
		return "", fmt.Errorf("git %s: exit status %d: %s", args[0], o.exit, r.redact(o.output))
	}
	return o.output, nil
}

var errTimeout = errors.New("timeout")
