package rollback_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// drawn is an entry of any kind, about one of two environments, three alerts, two releases and two gates. A kind without a body below has
// an empty one.
func drawn(r *rapid.T, seq int64, incidents map[string][]string) rollback.Entry {
	place := rapid.SampledFrom([]string{env, "checkout/staging", ""}).Draw(r, "environment")
	kinds := slices.DeleteFunc(rollback.Kinds(), func(k rollback.Kind) bool { return k == rollback.Checkpointed })
	often := []rollback.Kind{rollback.CutoverStarted, rollback.ReleaseDeployed, rollback.ObservationNoted, rollback.AlertsReceived, rollback.AlertsReceived, rollback.AlertsReceived, rollback.Decided, rollback.Decided}
	kind := rapid.SampledFrom(append(kinds, often...)).Draw(r, "kind")
	at := t0.Add(time.Duration(seq) * time.Second)
	print := fmt.Sprintf("%016x", rapid.IntRange(0, 2).Draw(r, "fingerprint"))
	commit := rapid.SampledFrom([]string{"aaaaaaaa", "bbbbbbbb"}).Draw(r, "commit")
	id := rollback.IncidentID(commit, t0)
	status := rapid.SampledFrom([]string{"firing", "resolved"}).Draw(r, "status")
	firing := rollback.Firing{Status: status, Fingerprint: print, StartsAt: at.Add(-time.Duration(rapid.IntRange(0, 20).Draw(r, "age")) * time.Second)}
	if status == "resolved" {
		firing.EndsAt = at
	}
	bodies := map[rollback.Kind]any{
		rollback.AlertsReceived:   rollback.Delivery{Source: "am", Firings: []rollback.Firing{firing}},
		rollback.Decided:          rollback.Decision{Verdict: rapid.SampledFrom([]rollback.Verdict{rollback.Rollback, rollback.Hold}).Draw(r, "verdict"), Key: rollback.Key("am", print), Release: commit},
		rollback.StablePinned:     release.Pin{Commit: commit},
		rollback.BaselineCaptured: rollback.Baselines{Baselines: []release.Baseline{{SLO: "a", Value: fmt.Sprint(seq)}}},
		rollback.ReleaseDeployed:  release.Release{Commit: commit, T0: t0},
		rollback.GateRecorded:     release.GateResult{Gate: rapid.SampledFrom([]string{"1.1", "1.2"}).Draw(r, "gate"), Commit: commit, Log: fmt.Sprint(seq), Run: "pf"},
		rollback.PreflightStarted: release.Preflight{ID: "pf", Commit: commit, Gates: []release.PlannedGate{{ID: "1.1"}}},
		rollback.PreflightEnded:   release.PreflightEnd{ID: "pf", Verdict: release.Unknown, Reason: fmt.Sprint(seq)},
		rollback.LockSet:          rollback.Lock{Incident: id, Tree: commit},
		rollback.LockCleared:      rollback.Unlock{Incident: id, Cause: fmt.Sprint(seq)},
		rollback.CutoverStarted: release.Cutover{ID: "cut", Commit: commit, Course: release.Course{Milestones: []slo.Milestone{
			{Item: "6.1", After: slo.Duration(time.Minute), Needs: slo.NeedsJudgement}, {Item: "6.2", After: slo.Duration(time.Hour), Needs: slo.NeedsReading}}}},
		rollback.CutoverDone:      release.Tick{Item: rapid.SampledFrom([]string{slo.StepTag, slo.StepRecheck, slo.StepAnnounce, "6.1", "6.2"}).Draw(r, "item")},
		rollback.CutoverStopped:   release.Stop{Reason: rapid.SampledFrom([]release.StopReason{release.Unmeasured, release.HeldByPerson}).Draw(r, "stop")},
		rollback.CutoverContinued: release.Continuation{From: at},
		rollback.CutoverEnded:     release.End{Phase: release.Aborted},
		rollback.ObservationNoted: release.Watched{Cutover: "cut", To: at, Counted: slo.Duration(time.Second), Rows: []release.Row{{SLO: "a", Fail: 1,
			Spells: []release.Spell{{Verdict: release.Fail, From: at, To: at, Goes: seq%2 == 0}}}}},
		rollback.MilestoneReached:  release.Result{Item: rapid.SampledFrom([]string{"6.1", "6.2"}).Draw(r, "milestone"), Needs: slo.NeedsJudgement, Verdict: release.Pass},
		rollback.MilestoneReported: release.Report{Item: "6.1"},
		rollback.Pushed:            rollback.Push{Outcome: rapid.SampledFrom([]string{"moved", "done"}).Draw(r, "outcome"), Commit: fmt.Sprint(seq)},
	}
	e := rollback.Entry{Seq: seq, At: at, Environment: place, Kind: kind, Body: []byte("{}")}
	if body, known := bodies[kind]; known {
		e.Body, _ = json.Marshal(body)
	}
	if kind == rollback.Decided {
		e.Incident = id
		incidents[place] = append(incidents[place], id)
	} else if len(incidents[place]) > 0 {
		e.Incident = rapid.SampledFrom(incidents[place]).Draw(r, "incident")
	}
	return e
}

func text(t rapid.TB, v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestASnapshotNeverChanges: whatever is applied after it, to the state or to the snapshot itself.
func TestASnapshotNeverChanges(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var s rollback.State
		incidents := map[string][]string{}
		var snapshots []*rollback.State
		var texts []string
		for range rapid.IntRange(1, 40).Draw(r, "entries") {
			if rapid.Bool().Draw(r, "look") {
				snapshots = append(snapshots, s.Snapshot())
				texts = append(texts, text(r, &s))
			}
			e := drawn(r, s.Seq+1, incidents)
			if len(snapshots) > 0 && rapid.Bool().Draw(r, "fork") {
				fork := *snapshots[len(snapshots)-1]
				if fork.Seq+1 == e.Seq {
					_ = fork.Apply(e)
				}
			}
			_ = s.Apply(e) // a step of an incident that is not there is refused
		}
		for n, before := range texts {
			if diff := cmp.Diff(before, text(r, snapshots[n])); diff != "" {
				r.Fatalf("snapshot %d changed:\n%s", n, diff)
			}
		}
	})
}

// TestACheckpointStandsForWhatItCuts: wherever it cuts, and whatever happened between its making and its place in the ledger, the fold from
// it is the fold of everything.
func TestACheckpointStandsForWhatItCuts(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		incidents := map[string][]string{}
		var whole rollback.State
		var base []byte
		var checkpoint rollback.Entry
		var rest []rollback.Entry
		n := rapid.IntRange(1, 40).Draw(r, "entries")
		cut := rapid.IntRange(1, n).Draw(r, "cut")
		placed := rapid.IntRange(cut, n).Draw(r, "placed")
		for i := range n {
			e := drawn(r, whole.Seq+1, incidents)
			if trial := *whole.Snapshot(); trial.Apply(e) != nil { // a step of an incident that is not there
				e.Kind, e.Body = rollback.AlertsQuarantined, []byte("{}")
			}
			if err := whole.Apply(e); err != nil {
				r.Fatal(err)
			}
			if i+1 > cut {
				rest = append(rest, e)
			}
			if i+1 == cut {
				base, _ = json.Marshal(rollback.Checkpoint{Seq: whole.Seq, State: whole})
			}
			if i+1 == placed {
				checkpoint = rollback.Entry{Seq: whole.Seq + 1, At: t0, Kind: rollback.Checkpointed, Body: base}
				rest = append(rest, checkpoint)
				if err := whole.Apply(checkpoint); err != nil {
					r.Fatal(err)
				}
			}
		}
		again, err := rollback.Fold(append([]rollback.Entry{checkpoint}, rest...))
		if err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(text(r, &whole), text(r, &again)); diff != "" {
			r.Fatalf("cut at %d, placed at %d (-whole +from the checkpoint):\n%s", cut, checkpoint.Seq, diff)
		}
	})
}

func TestACheckpointForgetsOnlyAlertsThatAreOver(t *testing.T) {
	h := &history{t: t}
	fire := func(fingerprint, status string) {
		h.add(rollback.AlertsReceived, "", rollback.Delivery{Source: "am", Firings: []rollback.Firing{{Status: status, Fingerprint: fingerprint, StartsAt: t0, EndsAt: t0.Add(time.Hour)}}})
	}
	decide := func(fingerprint string) {
		h.add(rollback.Decided, "", rollback.Decision{Verdict: rollback.Hold, Reason: rollback.PreExisting, Key: rollback.Key("am", fingerprint)})
	}
	fire("over", "firing")
	decide("over")
	fire("over", "resolved")
	fire("fires", "firing")
	decide("fires")
	fire("unjudged", "firing")
	fire("unjudged", "resolved")
	fire("came back", "firing")
	decide("came back")
	fire("came back", "resolved")
	cut := h.state.Seq
	fire("came back", "firing") // stale, and later than the cut
	h.add(rollback.Checkpointed, "", rollback.Checkpoint{Seq: cut})
	var kept []string
	for _, e := range []string{"over", "fires", "unjudged", "came back"} {
		if h.state.Environment(env).Episodes[rollback.Key("am", e)] != nil {
			kept = append(kept, e)
		}
	}
	if diff := cmp.Diff([]string{"fires", "unjudged", "came back"}, kept); diff != "" || h.state.Cut != cut {
		t.Errorf("kept (-want +got), cut %d:\n%s", h.state.Cut, diff)
	}
}

func TestAnIncidentIsOpenUntilItsEnd(t *testing.T) {
	current := &rollback.Environment{Release: &release.Release{Commit: badCommit, T0: t0}}
	later := &rollback.Environment{Release: &release.Release{Commit: badCommit, T0: t0.Add(time.Hour)}}
	for phase, want := range map[rollback.Phase][2]bool{rollback.PhaseOpen: {true, false}, rollback.PhaseDecided: {true, true}, rollback.PhaseHuman: {true, true},
		rollback.PhaseClassified: {true, true}, rollback.PhaseClosed: {false, false}} {
		i := &rollback.Incident{ID: rollback.IncidentID(badCommit, t0), Phase: phase}
		if got := [2]bool{i.Open(current), i.Open(later)}; got != want {
			t.Errorf("%s: open %v, want %v (while its release is out, after the next one)", phase, got, want)
		}
	}
}
