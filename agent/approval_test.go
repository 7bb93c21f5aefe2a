package agent_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// unanswered is a world in which nobody answers for Prometheus, with a release out, and an alert about it that is proposed therefore.
func unanswered(t *testing.T) (w *world, r *running, id string) {
	t.Helper()
	w = bare(t)
	w.now = w.later()
	r = w.start(t, w.config(t))
	next := w.release(t, 20, "next")
	r.do(release.Deed{Act: release.ActStable})
	r.ship(next)
	r.deliver(1, w.now())
	if d := r.decided(rollback.CannotTell); d.Verdict != rollback.Propose || !strings.Contains(d.Text, "nothing is rolled back on a webhook alone") {
		t.Fatalf("%s: %s", d.Verdict, d.Text)
	}
	out := r.state().Release
	return w, r, rollback.IncidentID(out.Commit, out.T0)
}

func TestAProposalIsApprovedByAPersonAndByNobodyElse(t *testing.T) {
	w, r, id := unanswered(t)
	before := w.git.Tip(t, branch)
	r.refused(release.Deed{Act: release.ActApprove, Author: "kim", Incident: "inc-of-somebody-else"}, release.Refused, "that is am/4f6a9e0c2b7d1835")
	r.do(release.Deed{Act: release.ActKill, Reason: "the branch is being rewritten"})
	r.refused(release.Deed{Act: release.ActApprove, Author: "kim", Incident: id}, release.Refused, "the branch is being rewritten")
	if w.git.Tip(t, branch) != before || r.state().Lock != nil {
		t.Error("a refused approval has done something")
	}
	r.do(release.Deed{Act: release.ActRevive})
	r.as("lee", release.Deed{Act: release.ActApprove, Incident: id})
	i := r.phase(rollback.PhasePushed)
	d := i.Decisions[len(i.Decisions)-1]
	if d.By != "lee" || d.Reason != rollback.Approved || !strings.Contains(d.Text, "lee approved what was proposed") || !strings.Contains(d.Text, "refused") {
		t.Errorf("%+v", d)
	}
	if s := r.state(); s.Lock == nil || s.Lock.Incident != id || len(s.Automatic) != 0 {
		t.Errorf("lock %+v, %d automatic rollbacks", s.Lock, len(s.Automatic))
	}
	if got, want := w.tree(t, branch), w.tree(t, w.good); got != want {
		t.Errorf("the branch holds %s, the stable tag %s", got, want)
	}
	r.refused(release.Deed{Act: release.ActApprove, Author: "kim", Incident: id}, release.Refused, "nothing to answer")
	r.refused(release.Deed{Act: release.ActCancel, Author: "kim", Incident: id}, release.Refused, "only before the push")
}

func TestACancelledRollbackIsNotPushed(t *testing.T) {
	w, r, id := unanswered(t)
	before := w.git.Tip(t, branch)
	w.git.Break(gittest.Push, gittest.Status(http.StatusServiceUnavailable))
	r.do(release.Deed{Act: release.ActApprove, Incident: "am/4f6a9e0c2b7d1835"})
	r.phase(rollback.PhasePrepared)
	r.refused(release.Deed{Act: release.ActHold, Author: "kim", Reason: "wait"}, release.Refused, "a hold stops only what comes")
	r.do(release.Deed{Act: release.ActCancel, Incident: id, Reason: "that was the load test"})
	w.git.Break(gittest.Push, nil)
	i := r.phase(rollback.PhaseHuman)
	if i.Trouble.Reason != rollback.Cancelled || !strings.Contains(i.Trouble.Text, "kim stopped the rollback before its push: that was the load test") {
		t.Errorf("%+v", i.Trouble)
	}
	r.deliver(1, w.now())
	if s := r.state(); w.git.Tip(t, branch) != before || s.Lock == nil {
		t.Errorf("the branch moved, or the lock is gone: %+v", s.Lock)
	}
	r.refused(release.Deed{Act: release.ActUnlock, Author: "lee"}, release.Refused, "nobody has submitted the cause")
	r.as("lee", release.Deed{Act: release.ActBreak, Reason: "kim is on a plane"})
	if i := r.state().IncidentByID(id); i.Phase != rollback.PhaseClosed || !i.Unlocked.BreakGlass || i.Unlocked.By != "lee" {
		t.Errorf("%s, %+v", i.Phase, i.Unlocked)
	}
}

func TestAStepThatWaitedWhileItWasCancelledIsNotDone(t *testing.T) {
	w, r, id := unanswered(t)
	before := w.git.Tip(t, branch)
	w.git.Break(gittest.Push, gittest.Status(http.StatusServiceUnavailable))
	r.do(release.Deed{Act: release.ActApprove, Incident: id})
	prepared := r.phase(rollback.PhasePrepared)
	decided := *prepared
	decided.Phase, decided.Preparation = rollback.PhaseDecided, nil
	r.do(release.Deed{Act: release.ActCancel, Incident: id, Reason: "that was the load test"})
	w.git.Break(gittest.Push, nil)
	for _, i := range []*rollback.Incident{&decided, prepared} {
		seen := *r.state()
		seen.Incidents = []*rollback.Incident{i}
		if err := r.AdvanceFrom(context.Background(), &seen, id); err != nil {
			t.Error(err)
		}
	}
	if now := r.state().IncidentByID(id); now.Phase != rollback.PhaseHuman || now.Attempts != prepared.Attempts || w.git.Tip(t, branch) != before {
		t.Errorf("%s after %d preparations, and the branch is at %s", now.Phase, now.Attempts, w.git.Tip(t, branch))
	}
}

func TestAKillSwitchThatAPersonTurnsStopsAPushThatWaits(t *testing.T) {
	w, r, id := unanswered(t)
	before := w.git.Tip(t, branch)
	w.git.Break(gittest.Push, gittest.Status(http.StatusServiceUnavailable))
	r.do(release.Deed{Act: release.ActApprove, Incident: id})
	r.phase(rollback.PhasePrepared)
	r.do(release.Deed{Act: release.ActKill, Reason: "not now"})
	i := r.phase(rollback.PhaseHuman) // a push that was on its way at that moment has failed by then
	w.git.Break(gittest.Push, nil)
	if i.Trouble == nil || i.Trouble.Reason != rollback.KillSwitch || w.git.Tip(t, branch) != before {
		t.Errorf("trouble %+v, and the branch is at %s", i.Trouble, w.git.Tip(t, branch))
	}
}

func TestAProposalThatNobodyAnswersIsMadeAgainOrLapses(t *testing.T) {
	w, r, id := unanswered(t)
	first := *r.state().Episodes["am/4f6a9e0c2b7d1835"].Decision
	w.pass(61 * time.Minute)
	r.refused(release.Deed{Act: release.ActApprove, Author: "kim", Incident: id}, release.Refused, "nothing is proposed that waits for an answer")
	r.deliver(1, w.now()) // it fires still
	if !eventually(30*time.Second, func() bool {
		d := r.state().Episodes["am/4f6a9e0c2b7d1835"].Decision
		return d.Verdict == rollback.Propose && d.At.After(first.Until)
	}) {
		t.Errorf("it is not proposed again: %+v", r.state().Episodes["am/4f6a9e0c2b7d1835"].Decision)
	}
	if _, err := r.Receive(context.Background(), "am", body("resolved", w.now())); err != nil {
		t.Fatal(err)
	}
	w.pass(61 * time.Minute)
	r.deliverOther("0000000000000001") // so that the agent looks at once
	if d := r.decided(rollback.Lapsed); d.Verdict != rollback.Hold {
		t.Errorf("%+v", d)
	}
}

func TestADismissedProposalIsNotMadeAgain(t *testing.T) {
	w, r, _ := unanswered(t)
	r.do(release.Deed{Act: release.ActCancel, Incident: "am/4f6a9e0c2b7d1835", Reason: "known"})
	w.pass(2 * time.Hour)
	r.deliver(1, w.now())
	r.deliverOther("0000000000000001")
	r.reason("am/0000000000000001", rollback.CannotTell)
	if d := r.state().Episodes["am/4f6a9e0c2b7d1835"].Decision; d.Reason != rollback.Dismissed || d.By != "kim" {
		t.Errorf("%+v", d)
	}
}

func TestAHoldNamesItsEnd(t *testing.T) {
	w := bare(t)
	w.now = w.later()
	r := w.start(t, w.config(t))
	r.refused(release.Deed{Act: release.ActHold, Author: "kim", For: "forever"}, release.Invalid, "cannot be how long")
	r.refused(release.Deed{Act: release.ActHold, Author: "kim", For: "30d"}, release.Invalid, "no hold is for ever")
	answer := r.do(release.Deed{Act: release.ActHold, Reason: "load test"})
	if s := r.state(); s.Standing(w.now()) == nil || s.Hold.Until.Sub(s.Hold.At).Round(time.Second) != 4*time.Hour || !strings.Contains(answer.Message, s.Hold.Until.Format(time.RFC3339)) {
		t.Errorf("%+v: %s", s.Hold, answer.Message)
	}
	w.pass(4 * time.Hour)
	if s := r.state(); s.Standing(w.now()) != nil {
		t.Errorf("it stands still: %+v", s.Hold)
	}
}

// TestWebhooksThatMoveNothing: whatever is sent with a good token, and whatever becomes of it, the branch stays, and the reason is on record.
func TestWebhooksThatMoveNothing(t *testing.T) {
	w, r, _ := unanswered(t)
	before, t0 := w.git.Tip(t, branch), r.state().Release.T0
	month := t0.Add(-30 * 24 * time.Hour)
	for n, test := range []struct {
		name        string
		body        func(text string, starts time.Time) string
		reason      rollback.Reason // "": no decision
		disposition string
	}{
		{"forged: labels that select no trigger", func(b string, _ time.Time) string { return strings.Replace(b, `"4.1.1"`, `"9.9.9"`, 1) }, rollback.Unmatched, "new"},
		{"forged: of no environment of ours", func(b string, _ time.Time) string { return strings.Replace(b, `"production"`, `"staging"`, 1) }, "", "unmatched"},
		{"a month old", func(b string, starts time.Time) string { return strings.ReplaceAll(b, stamp(starts), stamp(month)) }, rollback.CannotTell, "new"},
		{"resolved only", func(b string, _ time.Time) string { return strings.ReplaceAll(b, `"firing"`, `"resolved"`) }, "", "resolved"},
		{"not corroborated, as nobody answers", func(b string, _ time.Time) string { return b }, rollback.CannotTell, "new"},
		{"truncated", func(b string, _ time.Time) string {
			return strings.Replace(b, `"truncatedAlerts":0`, `"truncatedAlerts":7`, 1)
		}, rollback.CannotTell, "new"},
	} {
		fingerprint := fmt.Sprintf("%016x", 100+n)
		now := w.now()
		text := test.body(strings.Replace(string(body("firing", now)), "4f6a9e0c2b7d1835", fingerprint, 1), now)
		receipt, err := r.Receive(context.Background(), "am", []byte(text))
		if err != nil || receipt.Disposition != test.disposition {
			t.Errorf("%s: %+v, %v", test.name, receipt, err)
		}
		if test.reason != "" {
			r.reason("am/"+fingerprint, test.reason)
		}
		again, err := r.Receive(context.Background(), "am", []byte(text)) // replayed
		if err != nil || test.disposition != "unmatched" && again.Disposition != "duplicate" {
			t.Errorf("%s, replayed: %+v, %v", test.name, again, err)
		}
	}
	if s := r.state(); w.git.Tip(t, branch) != before || s.Lock != nil {
		t.Errorf("the branch moved, or it is locked: %+v", s.Lock)
	}
	if d := r.state().Episodes["am/0000000000000066"]; d.Decision.Text == "" || !strings.Contains(d.Decision.Text, "before T0") {
		t.Errorf("the month is not told: %+v", d.Decision)
	}
}

// TestATokenTellsOfItsOwnEnvironmentsAlone: what another team's Alertmanager says of ours is kept, and has no effect.
func TestATokenTellsOfItsOwnEnvironmentsAlone(t *testing.T) {
	w := bare(t)
	c := w.config(t)
	c.Web.Tokens = []config.Token{{Name: "theirs", Environments: []string{"search/production"}}, {Name: "ours", Environments: []string{home}}, {Name: "am"}}
	r := w.start(t, c)
	for source, want := range map[string]string{"theirs": "unmatched", "ours": "new", "am": "new"} {
		receipt, err := r.Receive(context.Background(), source, body("firing", time.Now()))
		if err != nil || receipt.Disposition != want {
			t.Errorf("%s: %+v, %v", source, receipt, err)
		}
		if _, known := r.state().Episodes[source+"/4f6a9e0c2b7d1835"]; known != (want == "new") {
			t.Errorf("%s: an episode of ours: %v", source, known)
		}
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// TestAFloodOfAlertsDelaysNoDecision: 10,000 alerts of one SLO in one body, and then one of another: that one is decided before most of them.
func TestAFloodOfAlertsDelaysNoDecision(t *testing.T) {
	w := bare(t)
	c := w.config(t)
	c.Environments[0].Plan = isolation(c.Environments[0].Plan)
	r := w.start(t, c)
	next := w.release(t, 20, "next")
	r.do(release.Deed{Act: release.ActStable})
	r.ship(next)
	one := string(body("firing", time.Now()))
	head, rest, _ := strings.Cut(one, `"alerts":[`)
	alert, tail, _ := strings.Cut(rest, `],"externalURL"`)
	alerts := make([]string, 10_000)
	for n := range alerts {
		alerts[n] = strings.Replace(alert, "4f6a9e0c2b7d1835", fmt.Sprintf("%016x", 1_000_000+n), 1)
	}
	began := time.Now()
	receipt, err := r.Receive(context.Background(), "am", []byte(head+`"alerts":[`+strings.Join(alerts, ",")+`],"externalURL"`+tail))
	if err != nil || receipt.Disposition != "new" {
		t.Fatalf("%+v, %v", receipt, err)
	}
	acknowledged := time.Since(began)
	other := strings.NewReplacer("api-error-rate", "isolation-violations", "4.1.1", "4.1.4", "4f6a9e0c2b7d1835", "0000000000000001").Replace(one)
	if _, err := r.Receive(context.Background(), "am", []byte(other)); err != nil {
		t.Fatal(err)
	}
	r.reason("am/0000000000000001", rollback.CannotTell)
	t.Logf("10,000 alerts acknowledged after %s, the other decided after %s", acknowledged, time.Since(began))
	s, open := r.state(), 0
	for _, episode := range s.Episodes {
		if episode.Decision == nil {
			open++
		}
	}
	if open < 5000 {
		t.Errorf("only %d of the flood were behind it", open)
	}
	if len(s.Incidents) != 1 || len(s.Incidents[0].Decisions) > 201 {
		t.Errorf("%d incidents, %d decisions kept word by word", len(s.Incidents), len(s.Incidents[0].Decisions))
	}
}
