package rollback_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// proposed is an environment with one proposal that waits for an answer: Prometheus could not tell.
func proposed(now time.Time) (*rollback.Environment, *rollback.Episode) {
	state, episode := environment(), firing(t0.Add(5*time.Minute))
	e := evidence()
	e.Reading = release.Reading{Verdict: release.Unknown, Reason: "connection refused"}
	d := policy.Decide(rollback.Case{Plan: plan(slo.ModeAuto), Environment: state, Episode: episode, Now: now}, e)
	episode.Decision = &d
	state.Episodes = map[string]*rollback.Episode{episode.Key: episode}
	return state, episode
}

// A person's yes overrides what cannot be known and what policy leaves to persons, and nothing else.
func TestAPersonApprovesWhatTheAgentMayNot(t *testing.T) {
	for _, test := range []struct {
		name    string
		spoil   func(*setting)
		verdict rollback.Verdict
		reason  rollback.Reason
		text    string
	}{
		{"what cannot be known", func(*setting) {}, rollback.Rollback, rollback.Approved, "kim approved what was proposed at 02:06:00Z (cannot_tell)"},
		{"what our own query denies now", func(s *setting) {
			s.evidence.Reading = release.Reading{Verdict: release.Pass, Reason: "api-error-rate is 0.01, not > 0.02"}
		}, rollback.Rollback, rollback.Approved, "says now: api-error-rate is 0.01"},
		{"during a hold", func(s *setting) { s.state.Hold = &rollback.Holding{Until: s.now.Add(time.Hour)} }, rollback.Rollback, rollback.Approved, ""},
		{"beyond the budget", func(s *setting) { s.state.Automatic = []time.Time{s.now} }, rollback.Rollback, rollback.Approved, ""},
		{"not the kill switch's file", func(s *setting) { s.evidence.KillSwitch = true }, rollback.Observe, rollback.KillSwitch, ""},
		{"not a person's kill switch", func(s *setting) { s.state.Kill = &rollback.Switch{By: "lee"} }, rollback.Observe, rollback.KillSwitch, "lee turned it"},
		{"not an agent that may only observe", func(s *setting) { s.policy.MaxMode = slo.ModeObserve }, rollback.Observe, rollback.ModeIs, "max_mode"},
		{"not a moved tag", func(s *setting) {
			s.evidence.Target = rollback.TargetState{Reason: rollback.TargetMoved, Text: "stable-1 moved"}
		}, rollback.Hold, rollback.TargetMoved, "stable-1 moved"},
		{"not somebody's commit on top", func(s *setting) {
			s.evidence.Tip = rollback.Tip{Commit: "c", Tree: "another", Relation: rollback.Descendant}
		}, rollback.Hold, rollback.ForeignCommit, ""},
		{"not a remote that does not answer", func(s *setting) { s.evidence.Tip = rollback.Tip{Problem: "timeout"} }, rollback.Propose, rollback.RemoteUnknown, "timeout"},
		{"not for another release", func(s *setting) { s.state.Release.Commit = "another" }, rollback.Hold, rollback.NoRelease, "is not the one that is out"},
		{"not a second time", func(s *setting) {
			s.state.Incidents = []*rollback.Incident{{ID: rollback.IncidentID(badCommit, t0), Phase: rollback.PhaseClassified}}
		}, rollback.Ignore, rollback.AlreadyActing, "at most once"},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := t0.Add(6 * time.Minute)
			state, episode := proposed(now)
			s := setting{policy: policy, state: state, evidence: evidence(), now: now}
			test.spoil(&s)
			d := s.policy.Approve(rollback.Case{Plan: plan(slo.ModeAuto), Environment: s.state, Episode: episode, Now: now}, s.evidence, "kim")
			if d.Verdict != test.verdict || d.Reason != test.reason || !strings.Contains(d.Text, test.text) || d.By != "kim" {
				t.Errorf("got %s, %s: %s\nwant %s, %s: …%s…", d.Verdict, d.Reason, d.Text, test.verdict, test.reason, test.text)
			}
			if d.Locks != (d.Verdict == rollback.Rollback) {
				t.Errorf("locks: %v", d.Locks)
			}
		})
	}
}

func TestAProposalIsFoundByItsIncidentOrItsAlertUntilItExpires(t *testing.T) {
	now := t0.Add(6 * time.Minute)
	state, episode := proposed(now)
	incident := rollback.IncidentID(badCommit, t0)
	for _, name := range []string{episode.Key, incident} {
		if got, err := state.Proposal(name, now.Add(time.Hour-1)); err != nil || got != episode {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if _, err := state.Proposal(name, now.Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "nothing is proposed") {
			t.Errorf("%s, an hour later: %v", name, err)
		}
	}
	if _, err := state.Proposal("am/feedfeedfeedfeed", now); err == nil || !strings.Contains(err.Error(), episode.Key) {
		t.Errorf("the error does not say what is meant: %v", err)
	}
}

func TestNobodysAnswerAndANoAreOnRecord(t *testing.T) {
	now := t0.Add(6 * time.Minute)
	_, episode := proposed(now)
	c := rollback.Case{Episode: episode, Now: now.Add(time.Hour)}
	if !episode.Expired(c.Now) || episode.Expired(c.Now.Add(-1)) {
		t.Error("it expires after an hour")
	}
	if d := rollback.Lapse(c); d.Verdict != rollback.Hold || d.Reason != rollback.Lapsed || d.Text != "what was proposed at 02:06:00Z was not answered until 03:06:00Z, and the alert is over; nothing was done" {
		t.Errorf("%+v", d)
	}
	d := rollback.Dismiss(c, "kim", "that was the load test")
	if d.Verdict != rollback.Ignore || d.Reason != rollback.Dismissed || d.By != "kim" || !strings.Contains(d.Text, "load test") {
		t.Errorf("%+v", d)
	}
	episode.Decision = &d
	if episode.Due() || episode.Expired(c.Now.Add(24*time.Hour)) {
		t.Error("what was dismissed is proposed again while the alert goes on")
	}
}
