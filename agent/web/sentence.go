package web

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// Sentence says in one line what an entry records, for the page and for the terminal.
func Sentence(e rollback.Entry) string {
	say, known := sentences[e.Kind]
	if !known {
		return string(e.Body)
	}
	return joined(e.Incident, say(e.Body))
}

// sentences has one line for each kind of entry that there is: TestEveryKindHasASentence.
var sentences = map[rollback.Kind]func(json.RawMessage) string{
	rollback.AlertsReceived: said(received),
	rollback.AlertsQuarantined: said(func(q rollback.Quarantine) string {
		return fmt.Sprintf("%d bytes from %s could not be read: %s", q.Size, q.Source, q.Problem)
	}),
	rollback.StablePinned: said(func(p release.Pin) string {
		return fmt.Sprintf("%s is commit %s", p.Name(), short(p.Commit))
	}),
	rollback.BaselineCaptured: said(captured),
	rollback.ReleaseDeployed: said(func(r release.Release) string {
		return fmt.Sprintf("%s, T0 %s, returns to %s", short(r.Commit), Moment(r.T0), r.Target.Name())
	}),
	rollback.GateRecorded: said(func(g release.GateResult) string {
		return joined("gate "+g.Gate+": "+string(g.Verdict), short(g.Commit), g.Reason, g.Log)
	}),
	rollback.PreflightStarted: said(preflightStarted),
	rollback.PreflightEnded:   said(preflightEnded),
	rollback.Decided: said(func(d rollback.Decision) string {
		return string(d.Verdict) + ", " + decided(d).Text
	}),
	rollback.LockSet: said(func(l rollback.Lock) string {
		return "redeployment refused: " + l.Reason
	}),
	rollback.LockCleared: said(unlocked),
	rollback.CauseSubmitted: said(func(a rollback.Analysis) string {
		return "cause: " + a.String()
	}),
	rollback.RulesAdopted: said(func(r rollback.Rulebook) string {
		return fmt.Sprintf("decisions are made by the plan of runbook %.10s (%d triggers), max_mode %s", r.Plan.Runbook.SHA256, len(r.Plan.Triggers), r.Policy.MaxMode)
	}),
	rollback.Held: said(func(h rollback.Holding) string {
		return "nothing is rolled back without a person until " + Moment(h.Until) + ": " + h.Why
	}),
	rollback.Resumed:           said(remark("the hold is over")),
	rollback.KillSwitchOn:      said(remark("act on nothing")),
	rollback.KillSwitchOff:     said(remark("act again")),
	rollback.RollbackCancelled: said(remark("stopped before the push")),
	rollback.Reconciled: said(func(r rollback.Reconciliation) string {
		return joined(string(r.Outcome)+" at "+short(r.Tip), r.Text)
	}),
	rollback.Prepared:        said(prepared),
	rollback.ForwardPrepared: said(prepared),
	rollback.Pushed: said(func(p rollback.Push) string {
		return p.Outcome + ", " + pushed(p)
	}),
	rollback.Verified: said(func(v rollback.Verification) string {
		return joined(string(v.Verdict)+" for commit "+short(v.Restored), v.Reading.Reason)
	}),
	rollback.Classified: said(func(c rollback.Classification) string {
		return joined("failed first: "+c.Component, strings.Join(c.Evidence, "; "))
	}),
	rollback.LockPushed: said(func(p rollback.LockPush) string {
		return joined("the lock "+lockThere[p.Outcome]+" on the remote", p.Text)
	}),
	rollback.Checkpointed: said(func(c rollback.Checkpoint) string {
		return fmt.Sprintf("the ledger was cut by its retention: entries up to %d are gone, their outcome is kept", c.Seq)
	}),
	rollback.CutoverStarted:   said(started),
	rollback.CutoverDone:      said(ticked),
	rollback.CutoverStopped:   said(stopped),
	rollback.CutoverContinued: said(goesOn),
	rollback.CutoverEnded:     said(func(e release.End) string { return joined("the cutover is "+string(e.Phase), e.Why) }),
	rollback.ObservationNoted: said(watched),
	rollback.MilestoneReached: said(reached),
	rollback.MilestoneReported: said(func(r release.Report) string {
		return joined("milestone "+r.Item+" is reported", strings.Join(r.Files, ", "))
	}),

	rollback.OutboxSwitched: said(func(s rollback.OutboxSwitch) string {
		return map[bool]string{true: "people are told by a webhook from now on", false: "there is no webhook to tell any more"}[s.On]
	}),
	rollback.MessageTold: said(func(t rollback.Told) string {
		if t.Lost != "" {
			return fmt.Sprintf("the message of entry %d is given up: %s", t.Seq, t.Lost)
		}
		return fmt.Sprintf("the message of entry %d was delivered to the webhook", t.Seq)
	}),
	rollback.ConditionNoted: said(func(c rollback.Condition) string {
		if c.Over {
			return "no longer: " + c.Text
		}
		return "degraded (" + string(c.Cause) + "): " + c.Text
	}),
	rollback.LockReminded: said(func(r rollback.Reminder) string { return r.Text }),

	rollback.NeedsHuman:    said(troubled),
	rollback.ForwardFailed: said(troubled),
}

// lockThere says what became of a lock that was pushed alone.
var lockThere = map[string]string{rollback.LockStands: "stands", rollback.LockRefused: "was refused"}

// said adapts a sentence about a body to the body's bytes. A body that does not fit is shown as it is.
func said[T any](say func(T) string) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		var body T
		if err := json.Unmarshal(raw, &body); err != nil {
			return string(raw)
		}
		return say(body)
	}
}

func remark(what string) func(rollback.Remark) string {
	return func(r rollback.Remark) string { return joined(what, r.Why) }
}

func unlocked(u rollback.Unlock) string {
	if u.BreakGlass {
		return "THE GLASS WAS BROKEN: " + u.Cause
	}
	return joined("cause: "+u.Cause, "found by "+u.RCABy)
}

func received(d rollback.Delivery) string {
	alerts := make([]string, 0, len(d.Firings))
	for _, f := range d.Firings {
		alerts = append(alerts, f.Labels["alertname"]+" "+f.Status)
	}
	const most = 3
	rest := ""
	if len(alerts) > most {
		rest = fmt.Sprintf(" and %d more", len(alerts)-most)
		alerts = alerts[:most]
	}
	from := "from " + d.Source
	if d.Polled {
		from = "found by asking, not delivered (" + d.Source + ")"
	}
	return from + ": " + strings.Join(alerts, ", ") + rest
}

func captured(b rollback.Baselines) string {
	parts := make([]string, 0, len(b.Baselines)+len(b.Missing))
	for _, one := range b.Baselines {
		parts = append(parts, one.SLO+" "+one.Value)
	}
	return strings.Join(append(parts, b.Missing...), ", ")
}
