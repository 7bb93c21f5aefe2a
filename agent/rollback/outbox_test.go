package rollback_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// outbox is what waits, as subject and text.
func (h *history) outbox() string {
	var all []string
	for _, m := range h.state.Environment(env).Outbox.Messages {
		all = append(all, string(m.Subject)+" ["+m.Severity+"] "+m.Text)
	}
	return strings.Join(all, "\n")
}

func (h *history) on() { h.add(rollback.OutboxSwitched, "", rollback.OutboxSwitch{On: true}) }

const inc = "inc-20260301T020000Z-0a1b2c3d"

// rolledBack is an incident as far as its push.
func (h *history) rolledBack() {
	h.add(rollback.Decided, inc, rollback.Decision{Verdict: rollback.Rollback, Reason: rollback.Corroborated, Text: "5.1 % > 2 %", Release: "0a1b2c3d4e5f60718293", Locks: true})
	h.add(rollback.LockSet, inc, rollback.Lock{Incident: inc, Release: "0a1b2c3d4e5f60718293", Since: t0, Reason: "corroborated"})
	h.add(rollback.Prepared, inc, rollback.Preparation{Commit: "c0ffee", Target: "pre-bigbang-cutover-20260301"})
	h.add(rollback.Pushed, inc, rollback.Push{Commit: "c0ffee", Outcome: "done"})
}

// TestWhatHappensIsLeftToBeTold: each thing that people must be told leaves one message that says what to do, and nothing else does.
func TestWhatHappensIsLeftToBeTold(t *testing.T) {
	at := t0.Add(time.Hour)
	for name, test := range map[string]struct {
		happens func(*history)
		want    string
	}{
		"a rollback": {(*history).rolledBack, "locked [page] redeployment is refused, incident " + inc + " of commit 0a1b2c3d4e5f: 5.1 % > 2 %\n" +
			"rolled_back [page] the deploy branch was put back to pre-bigbang-cutover-20260301 by commit c0ffee, incident " + inc + ": 5.1 % > 2 %"},
		"a push that somebody else was faster than": {func(h *history) {
			h.add(rollback.Decided, inc, rollback.Decision{Verdict: rollback.Rollback})
			h.add(rollback.Pushed, inc, rollback.Push{Outcome: "moved"})
		}, ""},
		"a rollback that did not help": {func(h *history) {
			h.add(rollback.Decided, inc, rollback.Decision{Verdict: rollback.Rollback})
			h.add(rollback.NeedsHuman, inc, rollback.Trouble{Reason: rollback.VerificationFail, Text: "the value has not returned"})
		}, "failed [page] incident " + inc + ": the value has not returned"},
		"what the agent leaves to a person": {func(h *history) {
			h.add(rollback.Decided, inc, rollback.Decision{Verdict: rollback.Rollback})
			h.add(rollback.NeedsHuman, inc, rollback.Trouble{Reason: rollback.ForeignCommit, Text: "somebody shipped over the release"})
		}, "needs_human [page] incident " + inc + ": somebody shipped over the release"},
		"a proposal": {func(h *history) {
			h.add(rollback.Decided, "", rollback.Decision{Verdict: rollback.Propose, Key: "am/1", SLO: "p95", Text: "no data", Until: at})
		}, "proposal [page] a rollback is proposed, a person decides until 2026-03-01 03:00:00Z: rollback-agent approve am/1, or cancel; no data"},
		"a decision that changes nothing": {func(h *history) {
			h.add(rollback.Decided, "", rollback.Decision{Verdict: rollback.Observe, Text: "mode"})
		}, ""},
		"one that a person took is no news": {func(h *history) {
			h.add(rollback.Decided, "", rollback.Decision{Verdict: rollback.Hold, By: "kim", Text: "no"})
		}, ""},
		"a hold by the agent": {func(h *history) {
			h.add(rollback.Decided, "", rollback.Decision{Verdict: rollback.Hold, Text: "tip moved"})
		}, "needs_human [page] tip moved"},
		"a lock that stands for days": {func(h *history) {
			h.rolledBack()
			h.add(rollback.LockReminded, inc, rollback.Reminder{Incident: inc, Times: 2, Text: "refused for 2 days"})
		}, "rolled_back [page] the deploy branch was put back to pre-bigbang-cutover-20260301 by commit c0ffee, incident " + inc + ": 5.1 % > 2 %\nlocked [page] refused for 2 days"},
		"a lock that was opened": {func(h *history) {
			h.add(rollback.LockCleared, inc, rollback.Unlock{Incident: inc, Cause: "a bad query"})
		},
			"unlocked [info]  has opened the lock of incident " + inc + ": a bad query"},
		"the glass was broken": {func(h *history) {
			h.add(rollback.LockCleared, inc, rollback.Unlock{Incident: inc, Cause: "hurry", BreakGlass: true})
		}, "unlocked [page]  has opened the lock of incident " + inc + " alone, without an analysis: hurry"},
		"pushed past the lock": {func(h *history) {
			h.rolledBack()
			for range 2 {
				h.add(rollback.MessageTold, "", rollback.Told{Seq: h.state.Environment(env).Outbox.Messages[0].Seq})
			}
			h.add(rollback.Reconciled, inc, rollback.Reconciliation{Outcome: rollback.Violated, Text: "pushed past"})
		}, "lock_violated [page] incident " + inc + ": pushed past"},
		"the kill switch": {func(h *history) { h.add(rollback.KillSwitchOn, "", rollback.Remark{Why: "storm"}) },
			"brake [page] the kill switch is on: the agent decides and records, and acts on nothing, by : storm"},
		"what works less well": {func(h *history) {
			h.add(rollback.ConditionNoted, "", rollback.Condition{Cause: rollback.CauseWatchdog, Text: "not heard", Since: t0})
		}, "degraded [page] since 2026-03-01 02:00:00Z: not heard"},
		"and works again": {func(h *history) {
			h.add(rollback.ConditionNoted, "", rollback.Condition{Cause: rollback.CauseWatchdog, Text: "not heard", Since: t0})
			h.add(rollback.ConditionNoted, "", rollback.Condition{Cause: rollback.CauseWatchdog, Text: "not heard", Over: true})
		}, "degraded [info] no longer: not heard"},
		"a cutover, from its announcement": {func(h *history) {
			h.add(rollback.CutoverStarted, "", release.Cutover{ID: "c1", Commit: "0a1b2c3d4e5f60", By: "kim", Course: release.Course{Checklist: []slo.Step{{Item: "3.3", Step: slo.StepAnnounce}, {Item: "3.1", Step: slo.StepTag}}}})
			h.add(rollback.CutoverDone, "", release.Tick{Item: "3.1"})
			h.add(rollback.CutoverDone, "", release.Tick{Item: "3.3"})
		}, "cutover [info] cutover c1 to 0a1b2c3d4e5f, by kim"},
		"a milestone that waits": {func(h *history) {
			h.add(rollback.CutoverStarted, "", release.Cutover{ID: "c1"})
			h.add(rollback.MilestoneReached, "", release.Result{Item: "6.1", Verdict: release.Pass, Needs: slo.NeedsReading, Asks: []string{"read it"}})
		}, "milestone [ticket] cutover c1, milestone 6.1 (T+0s) is PASS: read it"},
		"a milestone that asks for nothing": {func(h *history) {
			h.add(rollback.CutoverStarted, "", release.Cutover{ID: "c1"})
			h.add(rollback.MilestoneReached, "", release.Result{Item: "6.1", Verdict: release.Pass, Needs: slo.NeedsJudgement})
		}, ""},
	} {
		h := &history{t: t}
		h.on()
		test.happens(h)
		if got := h.outbox(); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, test.want)
		}
	}
}

// TestAMessageWaitsUntilItIsTold also says that a later one of the same subject takes it up, and is not taken for told by what was on its way.
func TestAMessageWaitsUntilItIsTold(t *testing.T) {
	h := &history{t: t}
	h.add(rollback.KillSwitchOn, "", rollback.Remark{Why: "nobody is there to be told"})
	if h.state.Environment(env).Outbox != nil {
		t.Error("without a webhook something waits")
	}
	h.on()
	h.add(rollback.KillSwitchOn, "", rollback.Remark{Why: "first"})
	first := h.state.Environment(env).Outbox.Messages[0]
	h.add(rollback.KillSwitchOff, "", rollback.Remark{Why: "second"})
	h.add(rollback.MessageTold, "", rollback.Told{Seq: first.Seq})
	all := h.state.Environment(env).Outbox.Messages
	if len(all) != 1 || !strings.HasSuffix(all[0].Text, "second") || all[0].More != 1 || !all[0].At.Equal(first.At) {
		t.Errorf("after the first was told while the second came: %+v", all)
	}
	before := h.state.Snapshot()
	h.add(rollback.MessageTold, "", rollback.Told{Seq: all[0].Seq, Lost: "refused"})
	if o := h.state.Environment(env).Outbox; len(o.Messages) != 0 || o.Lost != 1 || o.LostWhy != "refused" {
		t.Errorf("after it was given up: %+v", o)
	}
	if len(before.Environment(env).Outbox.Messages) != 1 {
		t.Error("what was shared has changed")
	}
	h.add(rollback.OutboxSwitched, "", rollback.OutboxSwitch{})
	if h.state.Environment(env).Outbox != nil {
		t.Error("without a webhook something is kept")
	}
}

// TestTheOutboxDoesNotGrow: whatever happens while nobody can be told, so many messages wait, the newest, and each is short.
func TestTheOutboxDoesNotGrow(t *testing.T) {
	h := &history{t: t}
	h.on()
	for n := range 1000 {
		h.add(rollback.Decided, "", rollback.Decision{Verdict: rollback.Propose, SLO: strings.Repeat("x", n%400), Text: strings.Repeat("é", 10_000)})
	}
	o := h.state.Environment(env).Outbox
	if len(o.Messages) != 100 || o.Lost == 0 || len(o.Messages[0].Text) > 1600 {
		t.Errorf("%d messages wait, %d were given up, of %d bytes", len(o.Messages), o.Lost, len(o.Messages[0].Text))
	}
	for range 1000 {
		h.add(rollback.Decided, "", rollback.Decision{Verdict: rollback.Propose, SLO: "p95", Text: "a flood"})
	}
	last := h.state.Environment(env).Outbox.Messages[99]
	if last.More != 999 || last.Text == "" {
		t.Errorf("a flood about one SLO is one message: %+v", last)
	}
}

// TestWhatWaitsLongestNeedNotBeFirst: a message that takes up an older one goes to the end with its age, and is as new as what it says.
func TestWhatWaitsLongestNeedNotBeFirst(t *testing.T) {
	h := &history{t: t}
	h.on()
	h.add(rollback.KillSwitchOn, "", rollback.Remark{Why: "first"})
	first := h.state.Environment(env).Outbox.Messages[0]
	if !first.Last.IsZero() || !first.News().Equal(first.At) {
		t.Errorf("alone: %+v", first)
	}
	h.add(rollback.ConditionNoted, "", rollback.Condition{Cause: rollback.CauseWatchdog, Text: "not heard", Since: t0})
	h.add(rollback.KillSwitchOff, "", rollback.Remark{Why: "second"})
	o := h.state.Environment(env).Outbox
	merged := o.Messages[1]
	if !o.Oldest().Equal(first.At) || !merged.At.Equal(first.At) || !merged.News().After(o.Messages[0].At) {
		t.Errorf("the oldest is of %s: %+v", o.Oldest(), o.Messages)
	}
}
