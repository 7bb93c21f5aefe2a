package backtest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	engine "github.com/prometheus/prometheus/promql"
)

// life is what an alert with an interval of one minute goes through while its condition is as drawn: x holds, . does not.
func life(t *testing.T, hold, keep time.Duration, drawn string) []string {
	t.Helper()
	g := grid{0, int64(len(drawn)-1) * 60_000, 60_000}
	var points []engine.FPoint
	for i, c := range drawn {
		if c == 'x' {
			points = append(points, engine.FPoint{T: int64(i) * 60_000, F: float64(i)})
		}
	}
	r := rule{name: "A", hold: hold, keep: keep, every: time.Minute}
	all, err := r.episodes(engine.Matrix{{Metric: labels.FromStrings("__name__", "m", "pod", "p"), Floats: points}}, g, false)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range all {
		told = append(told, strings.Join([]string{when(e.Onset), when(e.Fired), when(e.Resolved)}, " "))
	}
	return told
}

// when is the minute, - for never.
func when(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.Format("4")
}

func TestAnAlertIsPendingFiringAndOver(t *testing.T) {
	for _, test := range []struct {
		name       string
		hold, keep time.Duration
		drawn      string
		want       []string // onset, fired, resolved
	}{
		{"fires at once without for", 0, 0, "..xx..", []string{"2 2 4"}},
		{"fires after for, to one evaluation", 3 * time.Minute, 0, ".xxxx.", []string{"1 4 5"}},
		{"one evaluation less does not fire", 3 * time.Minute, 0, ".xxx..", []string{"1 - 4"}},
		{"for begins again after one evaluation without", 2 * time.Minute, 0, "xx.xxx", []string{"0 - 2", "3 5 -"}},
		{"a for between evaluations ends at the next", 90 * time.Second, 0, "xxx.", []string{"0 2 3"}},
		{"goes on at the end", 0, 0, "..xx", []string{"2 2 -"}},
		{"keeps firing since it was gone", 0, 2 * time.Minute, "x.....", []string{"0 0 3"}},
		{"comes back while it keeps firing", 0, 2 * time.Minute, "x..x....", []string{"0 0 6"}},
		{"comes back too late", 0, 2 * time.Minute, "x...x", []string{"0 0 3", "4 4 -"}},
		{"keeps firing to the end", 0, 5 * time.Minute, "x...", []string{"0 0 -"}},
		{"what is pending is not kept", 2 * time.Minute, 5 * time.Minute, "x.xx.", []string{"0 - 1", "2 - 4"}},
		{"never", time.Minute, 0, ".....", nil},
	} {
		if diff := cmp.Diff(test.want, life(t, test.hold, test.keep, test.drawn)); diff != "" {
			t.Errorf("%s: %s: want (-), got (+):\n%s", test.name, test.drawn, diff)
		}
	}
}

func TestLabelsTellEpisodesApart(t *testing.T) {
	r := rule{name: "A", every: time.Minute, labels: map[string]string{"severity": "page", "tier": "{{ $labels.pod }}-{{ $value }}"}}
	g := grid{0, 120_000, 60_000}
	all, err := r.episodes(engine.Matrix{
		{Metric: labels.FromStrings("__name__", "m", "pod", "a"), Floats: []engine.FPoint{{T: 0, F: 1}, {T: 60_000, F: 2}}},
		{Metric: labels.FromStrings("__name__", "m", "pod", "b"), Floats: []engine.FPoint{{T: 60_000, F: 1}}},
	}, g, false)
	if err != nil {
		t.Fatal(err)
	}
	var tiers []string
	for _, e := range all {
		tiers = append(tiers, e.Labels["tier"]+" "+when(e.Onset))
	}
	if diff := cmp.Diff([]string{"a-1 0", "a-2 1", "b-1 1"}, tiers); diff != "" {
		t.Error(diff)
	}
}

func TestTwoSeriesThatWouldBeOneAlertAreRefused(t *testing.T) {
	r := rule{name: "A", every: time.Minute}
	_, err := r.episodes(engine.Matrix{
		{Metric: labels.FromStrings("__name__", "m"), Floats: []engine.FPoint{{T: 0}}},
		{Metric: labels.FromStrings("__name__", "n"), Floats: []engine.FPoint{{T: 0}}},
	}, grid{0, 0, 60_000}, false)
	if err == nil || !strings.Contains(err.Error(), "two series would be one alert") {
		t.Errorf("got %v", err)
	}
}
