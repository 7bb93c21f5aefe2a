package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// fires gives Alertmanager the alert of planOf, until its end; nobody is told, since its only route leads to nobody.
func (w *world) fires(t *testing.T, starts, ends time.Time, more string) {
	t.Helper()
	alert := fmt.Sprintf(`[{"labels":{"alertname":"CheckoutApiErrorRate","service":"checkout","environment":"production","slo":"api-error-rate",
"trigger":"4.1.1","severity":"page","rollback":"auto"%s},"annotations":{"summary":"too many errors"},"startsAt":%q,"endsAt":%q}]`,
		more, starts.UTC().Format(time.RFC3339Nano), ends.UTC().Format(time.RFC3339Nano))
	res, err := http.Post(w.alertmanager+"/api/v2/alerts", "application/json", bytes.NewReader([]byte(alert)))
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	res.Body.Close()
}

// cut posts a delivery about another alert from which seven alerts were cut: the agent asks for the whole at once.
func (r *running) cut() {
	r.t.Helper()
	text := strings.NewReplacer("4f6a9e0c2b7d1835", "00000000000000ff", `"truncatedAlerts":0`, `"truncatedAlerts":7`, `"4.1.1"`, `"9.9.9"`).
		Replace(string(body("firing", time.Now())))
	if _, err := r.Receive(context.Background(), "am", []byte(text)); err != nil {
		r.t.Fatal(err)
	}
}

// polled are the episodes that nobody delivered.
func (r *running) polled() []*rollback.Episode {
	var all []*rollback.Episode
	for _, e := range r.state().Episodes {
		if strings.HasPrefix(e.Source, "poll:") {
			all = append(all, e)
		}
	}
	return all
}

// TestWhatWasCutFromAGroupIsFoundAndRollsBack: Alertmanager says that it has cut alerts and never sends them; one of them is the trigger's.
func TestWhatWasCutFromAGroupIsFoundAndRollsBack(t *testing.T) {
	w := newWorld(t)
	w.now = w.later()
	r := w.start(t, w.config(t))
	bad := w.release(t, 20, "bad")
	w.quiet(t)
	r.do(release.Deed{Act: release.ActStable})
	r.ship(bad)
	w.burning(t)
	w.fires(t, time.Now(), time.Now().Add(time.Hour), "")
	w.fires(t, time.Now(), time.Now().Add(time.Hour), `,"rollback":"none"`) // a page of ours is no firing
	r.cut()
	i := r.phase(rollback.PhasePushed)
	if d := i.Decisions[len(i.Decisions)-1]; d.Reason != rollback.Corroborated || !strings.HasPrefix(d.Key, "poll:alertmanager/") {
		t.Errorf("%+v", d)
	}
	if got := r.polled(); len(got) != 1 || r.state().Missed != 1 {
		t.Errorf("%d found, %d missed", len(got), r.state().Missed)
	}

	// Its end is never said either: two looks without it, and a minute after it was heard of last, the episode is over.
	w.fires(t, time.Now().Add(-time.Hour), time.Now(), "")
	w.pass(2 * time.Minute)
	if !eventually(30*time.Second, func() bool { r.cut(); return !r.polled()[0].Open }) {
		t.Errorf("it fires for ever: %+v", r.polled()[0])
	}
}

func TestWhatIsSilencedOrDeliveredIsNotMissed(t *testing.T) {
	w := newWorld(t)
	r := w.start(t, w.config(t))
	bad := w.release(t, 0, "next")
	w.quiet(t)
	r.do(release.Deed{Act: release.ActStable})
	r.ship(bad)
	silence := fmt.Sprintf(`{"matchers":[{"name":"team","value":"quiet","isRegex":false,"isEqual":true}],"startsAt":%q,"endsAt":%q,"createdBy":"kim","comment":"known"}`,
		time.Now().UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	res, err := http.Post(w.alertmanager+"/api/v2/silences", "application/json", strings.NewReader(silence))
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	res.Body.Close()
	w.fires(t, time.Now(), time.Now().Add(time.Hour), `,"team":"quiet"`)
	w.fires(t, time.Now(), time.Now().Add(time.Hour), `,"team":"loud"`)
	if !eventually(20*time.Second, func() bool { return strings.Contains(get(w.alertmanager+"/api/v2/alerts"), `"suppressed"`) }) {
		t.Fatal("the silence is not in force")
	}
	r.cut()
	if !eventually(20*time.Second, func() bool { return len(r.polled()) == 1 }) {
		t.Errorf("found: %+v", r.polled())
	}
	r.cut()
	r.reason("am/00000000000000ff", rollback.Unmatched)
	if got := r.polled(); len(got) != 1 || got[0].Firing.Labels["team"] != "loud" || r.state().Missed != 1 {
		t.Errorf("found %+v, missed %d", got, r.state().Missed)
	}
}

// isolation adds a count to the plan: one violation is enough, and it need not go on.
func isolation(p slo.Plan) slo.Plan {
	one := slo.MustDecimal("1")
	p.SLOs = append(slices.Clone(p.SLOs), slo.PlanSLO{ID: "isolation-violations", Title: "isolation violations", Item: "4.1.4", Component: "web", Owner: "Web on-call",
		Kind: "count", Unit: slo.Count, Alert: slo.Bound{Op: slo.AtLeast, Value: &one, Window: slo.Duration(2 * time.Second)}, NoData: slo.NoDataAlert,
		Holds: slo.HoldsSinceOnset, Value: "sum(isolation_violations_total - isolation_violations_total offset 2s)",
		Age: "time() - max(timestamp(isolation_violations_total))", AgeMax: slo.Duration(2 * time.Second)})
	p.Triggers = append(slices.Clone(p.Triggers), slo.Trigger{Item: "4.1.4", Mode: slo.ModeAuto, SLOs: []string{"isolation-violations"}})
	return p
}

// TestOneViolationThatIsOverRollsBack: it happens in the first seconds after T0, is over before anybody is told, and counts.
func TestOneViolationThatIsOverRollsBack(t *testing.T) {
	w := newWorld(t)
	c := w.config(t)
	c.Environments[0].Plan = isolation(c.Environments[0].Plan)
	r := w.start(t, c)
	next := w.release(t, 0, "next") // healthy by every other measure
	w.quiet(t)
	r.do(release.Deed{Act: release.ActStable})
	r.ship(next)
	w.shop.violate()
	query := w.prometheus.URL + "/api/v1/query?query=isolation_violations_total+-+isolation_violations_total+offset+2s"
	if !eventually(20*time.Second, func() bool { return strings.Contains(get(query), `,"1"]`) }) {
		t.Fatal("the violation is not measured")
	}
	starts := time.Now()
	if !eventually(20*time.Second, func() bool { return strings.Contains(get(query), `,"0"]`) }) {
		t.Fatal("the violation is not over")
	}
	text := strings.NewReplacer("api-error-rate", "isolation-violations", "4.1.1", "4.1.4").Replace(string(body("firing", starts)))
	if _, err := r.Receive(context.Background(), "am", []byte(text)); err != nil {
		t.Fatal(err)
	}
	i := r.phase(rollback.PhaseClassified)
	d, out := i.Decisions[len(i.Decisions)-1], r.state().Release
	if d.Reason != rollback.Corroborated || d.Reading.Value != "1" || d.Reading.At.After(starts.Add(2*time.Second)) {
		t.Errorf("%+v", d)
	}
	if d.Onset.Before(out.T0) || d.Onset.After(out.T0.Add(time.Minute)) {
		t.Errorf("onset %s, T0 %s", d.Onset, out.T0)
	}
	if i.Classification.Component != "web" || w.tree(t, branch) != w.tree(t, w.good) {
		t.Errorf("%+v", i.Classification)
	}
}

// TestSilenceOfThePollsIsSaidFromTheStart: with a Prometheus that never answers, and through a reload; and no more once nothing is watched.
func TestSilenceOfThePollsIsSaidFromTheStart(t *testing.T) {
	const series = `rollback_agent_poll_timestamp_seconds{environment="production",service="checkout"}`
	w, path := bare(t), filepath.Join(t.TempDir(), "ledger.db")
	w.now = w.later()
	c := w.config(t)
	r, stop := w.startOn(t, c, path)
	if at, said := r.series()[series]; said {
		t.Errorf("nothing is watched, and it is said that they answered at %f", at)
	}
	next := w.release(t, 20, "next")
	r.do(release.Deed{Act: release.ActStable})
	r.ship(next)
	stop()
	r, stop = w.startOn(t, c, path) // looks at once
	began := 0.0
	if !eventually(20*time.Second, func() bool { began = r.series()[series]; return began > 0 }) {
		t.Fatal("nobody answers, and nothing says so")
	}
	w.pass(10 * time.Minute)
	if err := r.Reload(c); err != nil {
		t.Fatal(err)
	}
	if at := r.series()[series]; at != began {
		t.Errorf("after the reload it is since %f, before since %f", at, began)
	}
	stop()
	w.pass(90 * 24 * time.Hour)
	r, _ = w.startOn(t, c, path)
	time.Sleep(time.Second)
	if at, said := r.series()[series]; said {
		t.Errorf("nothing is watched any more, and it is said that they answered at %f", at)
	}
}
