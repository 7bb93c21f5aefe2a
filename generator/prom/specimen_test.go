package prom

import (
	"testing"

	"github.com/prometheus/common/model"
)

func TestSpecimensArePickedByTheirSelector(t *testing.T) {
	for _, selector := range []string{
		`up`,
		`http_requests_total{job="checkout",code=~"5.."}`,
		`http_requests_total{code!~"4..|5.."}`,
		`http_requests_total{code!="200"}`,
		`x{scope=~"tenant|session",y=~".+",z=~".*",a!~""}`,
		`x{h=~"web-[0-9]{2,}\\.example\\.(org|com)",p=~"(?i:get)|POST"}`,
		`x{v=~"v\\d+\\.\\d+(-rc\\d)?",w=~"[^a-z]+"}`,
		`x{both=~"a.*",both=~"abc|acb",both!="acb"}`,
		`{__name__=~"go_.+",job=""}`,
		`x{korean=~"결제|주문"}`,
	} {
		match := matchersOf(selector)
		if match == nil {
			t.Fatalf("%s does not parse", selector)
		}
		s, ok := find(match, nil)
		if !ok || !s.picked(match) {
			t.Errorf("%s: %v, %v", selector, s, ok)
		}
		for _, d := range decoys(match, match) {
			if d.picked(match) {
				t.Errorf("%s: the decoy %v is picked", selector, d)
			}
		}
	}
}

func TestAvoidedSelectorDoesNotPickTheSpecimen(t *testing.T) {
	for _, tt := range []struct {
		match, avoid string
		want         bool
	}{
		{`r{job="x"}`, `r{job="x",code=~"5.."}`, true},
		{`r{job="x"}`, `r{job="x",code!="200"}`, true},
		{`r{job="x"}`, `r{job="x",code!~"2..|3.."}`, true},
		{`r{job="x"}`, `errors{job="x"}`, true},
		{`r{job="x"}`, `r{job="x"}`, false},
		{`r{job="x",code="500"}`, `r{job=~"x|y",code=~"5.."}`, false},
	} {
		match, avoid := matchersOf(tt.match), matchersOf(tt.avoid)
		s, ok := find(match, avoid)
		if ok != tt.want || ok && (!s.picked(match) || s.picked(avoid)) {
			t.Errorf("%s without %s: %v, %v", tt.match, tt.avoid, s, ok)
		}
	}
}

func TestSpecimenIsWrittenAsPromtoolReadsIt(t *testing.T) {
	s := specimen{model.MetricNameLabel: "x", "b": `a"\ä`, "a": "1"}
	if got, want := s.String(), `x{a="1",b="a\"\\ä"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
