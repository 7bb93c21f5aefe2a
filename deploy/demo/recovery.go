package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// inspectRemote looks at the rollback as git shows it to anybody.
func (s *story) inspectRemote(ctx context.Context) error {
	s.line.chapter("Afterwards: what git holds, the lock, and who opens it")
	if _, err := s.dev.log(ctx); err != nil {
		return err
	}
	for what, pair := range map[string][2]string{
		"the rollback's tree":   {s.restored.Commit + " %T", s.pin.Commit + " %T"},
		"the rollback's parent": {s.restored.Commit + " %P", s.bad + " %H"},
	} {
		got, want, err := s.dev.both(ctx, pair)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s is %s, not %s", what, got, want)
		}
	}
	if err := s.oneRollback(ctx); err != nil {
		return err
	}
	if out, err := command(ctx, s.remote.bare(), gitEnv, "git", "fsck", "--strict"); err != nil {
		return fmt.Errorf("git fsck: %w: %s", err, out)
	}
	s.line.now("git", "one rollback commit: the tree of %s, its parent the bad release; `git fsck --strict` is clean", s.pin.Name())
	return nil
}

// oneRollback counts the commits on top of the bad release: however often the alert was delivered, there is one.
func (s *story) oneRollback(ctx context.Context) error {
	count, err := s.dev.git(ctx, "rev-list", "--count", s.bad+"..origin/production")
	if err == nil && count != "1" {
		return fmt.Errorf("%s commits are on top of the bad release, not one", count)
	}
	return err
}

// both reads a property ("COMMIT FORMAT") of two commits.
func (d developer) both(ctx context.Context, pair [2]string) (got, want string, err error) {
	var found [2]string
	for i, p := range pair {
		commit, format, _ := strings.Cut(p, " ")
		if found[i], err = d.of(ctx, commit, format); err != nil {
			return "", "", err
		}
	}
	return found[0], found[1], nil
}

// redeploy tries to undo the rollback with an ordinary push. Without the hook it would succeed: it is a fast-forward.
func (s *story) redeploy(ctx context.Context) error {
	if _, err := s.dev.git(ctx, "checkout", "--quiet", "--detach", "origin/production"); err != nil {
		return err
	}
	if _, err := s.dev.git(ctx, "revert", "--no-edit", s.restored.Commit); err != nil {
		return err
	}
	answer, err := s.dev.push(ctx, "HEAD", "production")
	s.line.quote("dev", "git revert "+short(s.restored.Commit)+" && git push origin HEAD:production", first(answer))
	if err == nil || !strings.Contains(answer, "locked") {
		return fmt.Errorf("the remote took the bad release again, or refused it for another reason: %v", err)
	}
	if err := s.oneRollback(ctx); err != nil {
		return err
	}
	_, err = s.dev.git(ctx, "checkout", "--quiet", "main")
	return err
}

func (s *story) askGate(ctx context.Context) error {
	return s.operator.refused(ctx, "ci", "gate", s.bad)
}

func (s *story) unlock(ctx context.Context) error {
	if err := s.operator.as(ctx, "kim", "rca", "--text", "the new pricing engine divided by the number of coupons"); err != nil {
		return err
	}
	if err := s.operator.refused(ctx, "kim", "unlock"); err != nil { // who wrote the analysis does not open the lock
		return err
	}
	if err := s.operator.as(ctx, "lee", "unlock"); err != nil {
		return err
	}
	_, _, err := await(ctx, s.operator, rollback.LockCleared, func(u rollback.Unlock) bool { return u.Cause != "" && u.RCABy == "kim" })
	return err
}

// rehearseAgain mends the release and has the gates run on it. The content that was rolled back stays refused.
func (s *story) rehearseAgain(ctx context.Context) (err error) {
	s.line.chapter("Second cutover: the mended release, on top of the rollback")
	if err := s.operator.refused(ctx, "kim", "cutover", "start", s.bad); err != nil {
		return err
	}
	if s.good, err = s.offer(ctx, `{"error_percent": 0.2}`, "checkout: new pricing engine, no division by zero coupons"); err != nil {
		return err
	}
	if _, err := s.observer.holds(ctx, s.row.Value, s.healthy); err != nil {
		return err
	}
	return s.preflight(ctx, s.good)
}

func (s *story) startAgain(ctx context.Context) (err error) {
	s.cutover, err = s.begin(ctx, s.good, s.restored.Commit, first)
	return err
}

// rollForward lets the agent put the release on top of the rollback: T0.
func (s *story) rollForward(ctx context.Context) error {
	if err := s.operator.gist(ctx, "kim", first, "release", s.good); err != nil {
		return err
	}
	_, r, err := await(ctx, s.operator, rollback.ReleaseDeployed, func(r release.Release) bool { return r.Of == s.good })
	if err != nil {
		return err
	}
	s.forward = r
	s.line.deploy(r.T0)
	return s.rolledOut(ctx, r.Commit)
}

// quiet makes sure that there was one rollback in all, and that the alert is gone.
func (s *story) quiet(ctx context.Context) error {
	entries, err := s.operator.history(ctx)
	if err != nil {
		return err
	}
	pushes := 0
	for _, e := range entries {
		if e.Kind == rollback.Pushed {
			pushes++
		}
	}
	if pushes != 1 {
		return fmt.Errorf("%d rollbacks were pushed, not one", pushes)
	}
	_, firing, err := s.observer.value(ctx, fmt.Sprintf(`ALERTS{alertname=%q}`, s.alert.Labels["alertname"]))
	if err == nil && firing {
		return fmt.Errorf("%s fires again", s.alert.Labels["alertname"])
	}
	return err
}

// showForward shows the branch at the end: the release has the good commit's content and does not lose what the bad one contained.
func (s *story) showForward(ctx context.Context) error {
	log, err := s.dev.log(ctx)
	if err != nil {
		return err
	}
	s.line.quote("dev", "git log --oneline --graph origin/production", log)
	got, want, err := s.dev.both(ctx, [2]string{s.forward.Commit + " %T", s.good + " %T"})
	if err == nil && got != want {
		return fmt.Errorf("the release holds tree %s, not that of %s", got, s.good)
	}
	return err
}
