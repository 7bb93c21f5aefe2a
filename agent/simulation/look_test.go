package simulation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// look checks what must hold between any two steps. Nothing of the agent runs meanwhile.
func (c *checker) look() {
	p := c.w.agent
	if p == nil || p.isDead() {
		return
	}
	seen := p.View().State
	c.w.mu.Lock()
	ours := c.state.Snapshot()
	c.w.mu.Unlock()
	switch {
	case seen.Seq != ours.Seq:
		c.say("F I4", "the agent's state is at entry %d, the ledger at %d", seen.Seq, ours.Seq)
	case seen.Seq != c.compared:
		c.compared = seen.Seq
		if a, b := text(seen.Environment(home)), text(ours.Environment(home)); a != b {
			c.say("F I4", "the agent's state is not the fold:\n%s\n%s", a, b)
		}
	}
	e := ours.Environment(home)
	for _, i := range e.Incidents {
		started := i.Phase != rollback.PhaseOpen && i.Phase != rollback.PhaseClosed
		if started && (e.Lock == nil || e.Lock.Incident != i.ID) && i.Unlocked == nil {
			c.say("F I8", "incident %s is %s, and nothing is locked", i.ID, i.Phase)
		}
	}
	if e.Lock == nil || c.asked == ours.Seq && c.w.script.seed%8 != 0 {
		return
	}
	c.asked = ours.Seq
	for _, commit := range []string{c.w.wanted, c.w.good} {
		if commit == "" {
			continue
		}
		if _, err := p.Do(context.Background(), release.Deed{Act: release.ActGate, Commit: commit, Author: "ci"}); err == nil {
			c.say("F I8", "the gate lets %.12s through while locked", commit)
		}
	}
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// restarted checks what a crash has left.
func (c *checker) restarted() {
	if problem := c.w.disk.broken(); problem != "" {
		c.say("F I4", "the chain: %s", problem)
	}
	left, err := rollback.Fold(c.w.disk.entries(0))
	if err != nil {
		c.say("F I4", "fold: %v", err)
		return
	}
	c.w.mu.Lock()
	ours := text(c.state.Environments)
	c.w.mu.Unlock()
	if a := text(left.Environments); a != ours {
		c.say("F I3", "what was durable is gone after a crash:\n%s\n%s", a, ours)
	}
	c.acknowledged()
}

// acknowledged checks that every body that got a 200 is durable.
func (c *checker) acknowledged() {
	stored := map[string]bool{}
	for _, e := range c.w.disk.entries(0) {
		if e.Kind == rollback.AlertsReceived {
			var d rollback.Delivery
			_ = json.Unmarshal(e.Body, &d)
			stored[d.BodySHA] = true
		}
	}
	for _, s := range c.w.sent {
		sum := sha256.Sum256(s.body)
		if s.code/100 == 2 && !stored[hex.EncodeToString(sum[:])] {
			c.say("F I3", "answered %d, and not in the ledger: %s", s.code, s.body)
		}
		if s.code == 429 || s.code/100 == 3 {
			c.say("F I3", "answered %d: Alertmanager would not send it again", s.code)
		}
	}
}

// unsettled says what is not at its end, though nothing disturbs any more; "" when all is.
func (w *world) unsettled() string {
	e, now := w.check.home(), time.Now()
	if w.agent == nil || e.Forward != nil {
		return "the agent is down, or a release is being pushed"
	}
	for _, i := range e.Incidents {
		if c := w.check; len(c.commits[i.ID]) > 0 && i.PushedAt.IsZero() && i.Phase == rollback.PhaseHuman && i.Trouble.Reason != rollback.KillSwitch && i.Trouble.Reason != rollback.RemoteUnknown {
			c.say("F I13", "the remote took the rollback, and incident %s says: %s", i.ID, i.Trouble.Text)
		}
		if i.Acting() {
			return fmt.Sprintf("incident %s is %s", i.ID, i.Phase)
		}
		if i.Remote != nil && i.Remote.Outcome.Alarming() && i.Phase != rollback.PhaseClosed && now.Sub(w.page("RollbackAgentLockViolated")) > 2*time.Minute {
			return fmt.Sprintf("nobody was paged for incident %s: %s", i.ID, i.Remote.Text)
		}
		if i.Phase == rollback.PhaseHuman && now.Sub(w.page("RollbackAgentNeedsHuman")) > 2*time.Minute {
			return fmt.Sprintf("nobody was paged for incident %s: %s", i.ID, i.Trouble.Text)
		}
	}
	if e.Lock != nil && now.Sub(w.page("RollbackAgentLocked")) > 2*time.Minute {
		return "nobody was paged for the lock"
	}
	for key, episode := range e.Episodes {
		d := episode.Decision
		w.mu.Lock()
		s := w.signals[episode.Firing.Labels["slo"]]
		burns := s != nil && s.at(now) && now.Sub(s.since()) > time.Minute
		w.mu.Unlock()
		switch {
		case !episode.Open || !burns:
		case d == nil:
			return "no decision about " + key
		case d.Reason == rollback.CannotTell || d.Reason == rollback.NotCorroborated || d.Reason == rollback.RemoteUnknown || d.Reason == rollback.TooFewEvents:
			return fmt.Sprintf("%s burns, everybody answers, and the last decision is %s: %s", key, d.Reason, d.Text)
		case d.Verdict == rollback.Propose && d.Stands(w.clock()) && now.Sub(w.page("RollbackAgentProposes")) > 2*time.Minute:
			return "nobody was paged for the proposal about " + key
		}
	}
	return w.unrolled(e)
}

func (w *world) page(name string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pages[name]
}

// unrolled says why a bad release still stands, where nothing speaks against putting it back; "" if it does not, or something may.
func (w *world) unrolled(e *rollback.Environment) string {
	if !w.script.gentle() || e.Release == nil {
		return ""
	}
	for _, i := range e.Incidents {
		if i.Remote != nil && i.Remote.Outcome.Alarming() {
			return "" // somebody pushed just when the server had forgotten the rollback: a person decides, and was paged
		}
	}
	w.mu.Lock()
	burning := *w.signals[w.script.bad]
	w.mu.Unlock()
	if len(burning) == 0 || !burning[0].at.After(e.Release.T0) {
		return "" // CI could not tell the agent in time that the branch had moved
	}
	w.git.mu.Lock()
	defer w.git.mu.Unlock()
	if content := w.git.content(w.git.refs[branch]); content != "good 0" {
		return fmt.Sprintf("production runs %q, and nothing kept the agent from putting it back", content)
	}
	return ""
}

// atEnd checks what can be told of the whole story only.
func (c *checker) atEnd() {
	c.w.git.mu.Lock()
	c.w.git.race, c.w.git.before = nil, nil // it waited for a rollback, and is not meant for the next release
	c.w.git.mu.Unlock()
	c.restarted()
	c.repeated()
	c.unlocked()
	c.again()
}

// repeated decides everything again.
func (c *checker) repeated() {
	all := c.w.disk.entries(0)
	var entries iter.Seq2[rollback.Entry, error] = func(yield func(rollback.Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
	found, err := rollback.Repeat(entries, func(_ string, recorded *rollback.Rulebook) *rollback.Rulebook { return recorded })
	if err != nil {
		c.say("R I20", "%v", err)
	}
	for _, r := range found {
		if !r.Same() {
			c.say("R I20", "entry %d: it was %s %s, and is %s %s", r.Entry.Seq, r.Was.Verdict, r.Was.Reason, r.Is.Verdict, r.Is.Reason)
		}
	}
}

// unlocked opens the lock as people do, and asks whether the same tree may come back.
func (c *checker) unlocked() {
	e := c.home()
	if e.Lock == nil {
		return
	}
	banned := e.Lock.Tree
	if err := c.w.do("kim", release.Deed{Act: release.ActUnlock, Incident: e.Lock.Incident}); err == nil {
		c.say("R I18", "unlocked without an analysis")
	}
	if err := c.w.unlock(); err != nil {
		c.say("R I18", "the lock cannot be opened: %v", err)
		return
	}
	c.w.git.mu.Lock()
	same := c.w.git.objects[c.w.wanted].header("tree") == banned
	c.w.git.mu.Unlock()
	if err := c.w.do("ci", release.Deed{Act: release.ActGate, Commit: c.w.wanted}); err == nil && same {
		c.say("R I18", "what was rolled back may be deployed again")
	}
	c.w.git.mu.Lock()
	healthy := c.w.git.content(c.w.git.refs[branch]) == "good 0"
	c.w.git.mu.Unlock()
	if !healthy {
		return // persons have put something else there: what may be released then is theirs to sort out
	}
	if err := c.w.nextRelease(); err != nil {
		c.say("R I10", "the next release is not deployed: %v", err)
	}
}

// again tells a new agent all that the old one was told.
func (c *checker) again() {
	w := c.w
	w.bury()
	w.git.mu.Lock()
	before := len(w.git.log)
	w.git.mu.Unlock()
	w.disk = &disk{trouble: w.trouble}
	w.check.compared = 0
	if err := w.start(); err != nil {
		c.say("start", "on an empty ledger: %v", err)
		return
	}
	var last []byte
	for _, s := range w.sent {
		if !bytes.Equal(s.body, last) {
			w.post(s.body, amToken)
		}
		last = s.body
	}
	time.Sleep(time.Minute)
	w.git.mu.Lock()
	defer w.git.mu.Unlock()
	if n := len(w.git.log) - before; n > 0 {
		c.say("F I18", "the same bodies in an empty ledger moved %d refs: %+v", n, w.git.log[before:])
	}
}
