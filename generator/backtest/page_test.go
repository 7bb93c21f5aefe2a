package backtest

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/coclai/cutover/generator/slo"
)

const hostile = `</title><script>alert(1)</script>"onload=x` + "\x1b[31m\u202e"

// hostileAnswer has a hostile text wherever a label, a message or a name may come from outside.
func hostileAnswer() Answer {
	noon := day.From.Add(12 * time.Hour)
	e := Episode{Labels: map[string]string{"pod": hostile, hostile: "x"}, Onset: noon, Fired: noon.Add(time.Minute), Began: noon, Value: 2, Peak: 3, Bound: 1,
		Judgement: Judgement{Verdict: "hold", Reason: "pre_existing", Text: hostile}}
	g := gridOf(day, time.Minute, 0)
	line := make([]float64, g.count())
	a := Alert{Name: hostile, Title: hostile, Labels: map[string]string{"rollback": "auto", "trigger": hostile}, Expr: hostile, Op: ">", Measured: 1,
		Episodes: []Episode{e}, grid: g, value: line, bound: line, Gaps: []Span{{day.From, day.From.Add(time.Hour)}}}
	other := Report{File: hostile, Span: day, Alerts: []Alert{{Name: "B", Title: "B", Problem: hostile, Measured: math.NaN()}}}
	return Answer{Report: Report{File: hostile, Past: hostile, Span: day, Notes: []string{hostile}, Partial: []string{hostile}, Alerts: []Alert{a}},
		Other: &other, Releases: []Release{{noon, hostile}}}
}

// The page loads nothing, runs nothing, and says everything as text.
func TestThePageIsSafeAndStandsAlone(t *testing.T) {
	page, err := hostileAnswer().Page()
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(page)))
	if err != nil {
		t.Fatal(err)
	}
	plots := 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script", "link", "img", "iframe", "object", "form", "image", "use", "a":
			t.Errorf("the page has a <%s>", n.Data)
		case "svg":
			plots++
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "href" || a.Key == "src" {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
	if plots < 4 {
		t.Errorf("%d drawings, want the time line, the alert's and its episode's", plots)
	}
	if loads := regexp.MustCompile(`url\(|@import|//[a-z]`).FindAll([]byte(strings.ReplaceAll(string(page), "http://www.w3.org/2000/svg", "")), -1); len(loads) > 0 {
		t.Errorf("the page names what it would load: %q", loads)
	}
}

func TestTheTextDoesNotSteerTheTerminal(t *testing.T) {
	var b strings.Builder
	if err := hostileAnswer().Text(&b); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\u202e") {
		t.Errorf("control characters are in %q", b.String())
	}
	for _, want := range []string{"would have been refused (pre_existing)", "not measured 2026-03-01 00:00:00Z to 2026-03-01 01:00:00Z (1h)", "nothing on the other side fired"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

// The shape of the JSON is a promise to programs.
func TestTheJSONIsAPromise(t *testing.T) {
	answer := hostileAnswer()
	answer.File, answer.Past, answer.Notes, answer.Partial, answer.Other, answer.Releases = "r", "p", nil, nil, nil, nil
	a := &answer.Alerts[0]
	a.Name, a.Labels, a.Expr, a.Episodes[0].Text, a.Episodes[0].Labels, a.Gaps = "A", map[string]string{"rollback": "auto"}, "x > 1", "t", map[string]string{"alertname": "A"}, nil
	got, err := json.MarshalIndent(answer.JSON(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "answer.json")
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
		t.Errorf("%s (-), got (+):\n%s", golden, diff)
	}
}

func TestNumbersAreWrittenInTheirUnit(t *testing.T) {
	for _, test := range []struct {
		value float64
		unit  string
		want  string
	}{{0.0267, "ratio", "2.67%"}, {0.25, "seconds", "250 ms"}, {1.5, "seconds", "1.5 s"}, {3, "count", "3"}, {math.NaN(), "ratio", "–"}} {
		if got := number(test.value, slo.Unit(test.unit)); got != test.want {
			t.Errorf("%v %s: got %q, want %q", test.value, test.unit, got, test.want)
		}
	}
	for share, want := range map[float64]string{1: "100%", 0.99999: "99.9%", 0: "0.0%", -1: "always"} {
		if got := measured(share); got != want {
			t.Errorf("%v: got %s, want %s", share, got, want)
		}
	}
}
