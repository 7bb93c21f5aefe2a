package agent_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// TestAStormOfAlertsIsNoStormOfRollbacks holds D3: everything burns at once in four environments, whose alerts come together and again and again;
// as many are rolled back as the budget of all of them allows, and persons are asked about the others.
func TestAStormOfAlertsIsNoStormOfRollbacks(t *testing.T) {
	w := newWorld(t)
	c := w.config(t)
	c.Budget.PerDay = 2
	first := c.Environments[0]
	c.Environments = nil
	names := []string{"a", "b", "c", "d"}
	for _, name := range names {
		e := first
		e.Environment, e.Plan.Environment, e.Git.Branch = name, name, "production-"+name
		e.Plan.Rollback = e.Plan.Rollback[:1]
		w.git.Git(t, "branch", e.Git.Branch, branch)
		c.Environments = append(c.Environments, e)
	}
	r := w.start(t, c)
	bad := w.release(t, 20, "bad")
	w.quiet(t)
	for _, name := range names {
		r.do(release.Deed{Environment: "checkout/" + name, Act: release.ActStable, Tag: "stable-" + name})
		r.do(release.Deed{Environment: "checkout/" + name, Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Commit: bad})
		r.do(release.Deed{Environment: "checkout/" + name, Act: release.ActRelease, Commit: bad})
	}
	w.shop.force(0.2)
	w.burning(t)
	one := string(body("firing", time.Now()))
	alert := one[strings.Index(one, `{"status"`):strings.Index(one, `],"externalURL"`)]
	var alerts []string
	for n := range 400 {
		name := names[n%len(names)]
		alerts = append(alerts, strings.NewReplacer(`"environment":"production"`, `"environment":"`+name+`"`, "4f6a9e0c2b7d1835", fmt.Sprintf("%016x", 1<<32+n)).Replace(alert))
	}
	text := []byte(`{"version":"4","alerts":[` + strings.Join(alerts, ",") + `]}`)
	for range 3 {
		if _, err := r.Receive(context.Background(), "am", text); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (acted, asked int) {
		state := r.View().State
		for _, name := range names {
			e := state.Environments["checkout/"+name]
			acted += len(e.Automatic)
			for _, episode := range e.Episodes {
				if d := episode.Decision; d != nil && d.Verdict == rollback.Propose && d.Reason == rollback.BudgetSpent && strings.Contains(d.Text, "2 of 2 automatic rollbacks in 24 hours are spent, in all environments") {
					asked++
					break
				}
			}
		}
		return acted, asked
	}
	if !eventually(60*time.Second, func() bool { acted, asked := count(); return acted+asked >= len(names) }) {
		acted, asked := count()
		t.Fatalf("%d rolled back, %d asked about", acted, asked)
	}
	if acted, asked := count(); acted != 2 || asked != 2 {
		t.Errorf("%d rolled back, %d asked about; want 2 and 2", acted, asked)
	}
}
