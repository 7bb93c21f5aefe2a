package backtest

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coclai/cutover/generator/backtest/pasttest"
)

// The synthetic month, and what is planted in it.
var (
	monthBegins = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	month       = Span{monthBegins.Add(2 * 24 * time.Hour), monthBegins.Add(30 * 24 * time.Hour)}
	outage      = incident(pasttest.Errors, 5*24*time.Hour+14*time.Hour+7*time.Minute, 25*time.Minute)
	loop        = incident(pasttest.Restarts, 13*24*time.Hour+3*time.Hour, 12*time.Minute)
	timeouts    = incident(pasttest.Timeouts, 22*24*time.Hour+9*time.Hour, 40*time.Minute)
)

func incident(kind pasttest.Kind, after, long time.Duration) pasttest.Incident {
	return pasttest.Incident{Kind: kind, From: monthBegins.Add(after), To: monthBegins.Add(after + long)}
}

// theMonth is a TSDB directory with the month, written once for all tests.
var theMonth = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "month-")
	if err != nil {
		return "", err
	}
	past := pasttest.Past{From: monthBegins, To: month.To, Scrape: 15 * time.Second, Blocks: true}
	return dir, past.Write(dir, pasttest.Shop(past.Scrape, outage, loop, timeouts))
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := theMonth(); err == nil && dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func openMonth(t testing.TB) *Past {
	t.Helper()
	dir, err := theMonth()
	if err != nil {
		t.Fatal(err)
	}
	p, err := OpenDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func ourRules(t testing.TB) Rules {
	t.Helper()
	return rulesIn(t, filepath.Join("..", "..", "rules", "generated", "rules.yaml"))
}

func rulesIn(t testing.TB, path string) Rules {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ReadRules(path, content, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// groupsIn are the rules of some of our groups, by the SLO that they are about.
func groupsIn(t testing.TB, slos ...string) Rules {
	t.Helper()
	all := ourRules(t)
	some := Rules{File: all.File}
	in := func(r rule) bool { return slices.Contains(slos, r.labels["slo"]) }
	for _, r := range all.records {
		if in(r) {
			some.records = append(some.records, r)
		}
	}
	for _, r := range all.alerts {
		if in(r) {
			some.alerts = append(some.alerts, r)
		}
	}
	return some
}

// watched are the SLOs whose incidents are planted in the month.
var watched = []string{"api-error-rate", "runtime-restarts", "approval-timeout-ratio"}

func replayed(t testing.TB, past *Past, rules Rules, o Options) *Replay {
	t.Helper()
	r, err := Run(t.Context(), past, rules, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAMonthHasExactlyThePlantedIncidents(t *testing.T) {
	r := replayed(t, openMonth(t), groupsIn(t, watched...), Options{Span: month})
	planted := map[string]pasttest.Incident{"CheckoutApiErrorRate": outage, "CheckoutRuntimeRestarts": loop, "CheckoutApprovalTimeoutRatio": timeouts}
	for _, a := range r.Alerts {
		if a.Problem != "" || len(a.Gaps) > 0 {
			t.Errorf("%s: problem %q, gaps %v", a.Name, a.Problem, a.Gaps)
		}
		i, page := planted[a.Name]
		if !page {
			continue
		}
		delete(planted, a.Name)
		if len(a.Episodes) != 1 {
			t.Errorf("%s has %d episodes, want the one that was planted: %v", a.Name, len(a.Episodes), a.Episodes)
			continue
		}
		e := a.Episodes[0]
		if began := e.Began.Sub(i.From).Abs(); a.Name != "CheckoutRuntimeRestarts" && began > time.Minute {
			t.Errorf("%s began at %s, planted at %s", a.Name, e.Began, i.From)
		}
		if e.Onset.Before(i.From) || e.Onset.After(i.To) || e.Resolved.Before(i.To) {
			t.Errorf("%s held from %s to %s, planted from %s to %s", a.Name, e.Onset, e.Resolved, i.From, i.To)
		}
	}
	if len(planted) > 0 {
		t.Errorf("not replayed: %v", planted)
	}
}
