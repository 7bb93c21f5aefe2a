package agent_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// rules lets the world's Prometheus have the one alert of planOf.
func (w *world) rules(t *testing.T) {
	t.Helper()
	s := planOf().SLOs[0]
	write(t, filepath.Join(w.dir, "shop.rules"), fmt.Sprintf(`groups: [{name: shop, rules: [{alert: CheckoutApiErrorRate, expr: '%s > 0.02', labels: {service: checkout,
 environment: production, slo: api-error-rate, trigger: 4.1.1, severity: page, rollback: auto}}]}]`, s.Value))
	if err := w.prometheus.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// TestAnOldBodySentAgainDisarmsNothing: whoever has kept a month-old firing and may deliver can send it before the real one, and after it.
// Since when the alert burns is what our own Prometheus says.
func TestAnOldBodySentAgainDisarmsNothing(t *testing.T) {
	w := newWorld(t)
	w.rules(t)
	r := w.start(t, w.config(t))
	bad := w.release(t, 20, "bad")
	w.quiet(t)
	r.do(release.Deed{Act: release.ActStable})
	r.ship(bad)
	t0 := r.state().Release.T0
	r.deliver(1, t0.Add(-30*24*time.Hour))
	w.burning(t)
	r.deliver(1, time.Now())
	r.deliver(1, t0.Add(-30*24*time.Hour))
	i := r.phase(rollback.PhaseClassified)
	if d := i.Decisions[len(i.Decisions)-1]; d.Reason != rollback.Corroborated || d.Onset.Before(t0) {
		t.Errorf("%s, onset %s, T0 %s: %s", d.Reason, d.Onset, t0, d.Text)
	}
	if len(i.Classification.Evidence) != 1 {
		t.Errorf("classified by %q", i.Classification.Evidence)
	}
	if got, want := w.tree(t, branch), w.tree(t, w.good); got != want {
		t.Errorf("the branch holds %s, the stable tag %s", got, want)
	}
}
