package condition_test

import (
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/slo"
	"pgregory.net/rapid"
)

func TestPrintIsOneCanonicalForm(t *testing.T) {
	for cell, want := range map[string]string{
		"1% 이하 (5분)": "<= 1% (5m)",
		"p95 > baseline 대비 35% 초과, 10분 이상 지속": "p95 baseline + > 35% for 10m",
		"3회 연속 restart":                     ">= 3 consecutive",
		"0 정상":                              "target: == 0",
		"1건 이상":                             ">= 1 times",
		"99.90 % availability over 30 days": "99.9% (30d)",
		"availability must be at least 80%": "target: >= 80% good",
		"5분당 1,000건 이하":                     "<= 1000 per 5m",
		"시간당 3회 초과":                         "> 3/h",
		"> 1.5550":                          "> 1.5550",
		"< 1% (1d period)":                  "< 1% (1d period)",
		"> 2% 5xx (5m)":                     "> 2% bad (5m)",
		"over 0.25 seconds over 1h30m":      "> 250ms (1h30m)",
		"at least 1.5s":                     ">= 1.5s",
		"0s or less":                        "<= 0s",
	} {
		c, err := condition.Parse(cell)
		if err != nil {
			t.Errorf("%q: %v", cell, err)
		}
		if got := condition.Print(c); got != want {
			t.Errorf("%q: got %q, want %q", cell, got, want)
		}
	}
	if got := condition.Print(slo.Condition{}); got != "" {
		t.Errorf("no condition is printed as %q", got)
	}
}

// anyCondition draws what Parse can return.
func anyCondition(t *rapid.T) slo.Condition {
	c := slo.Condition{
		Op:    rapid.SampledFrom([]slo.Op{slo.Less, slo.AtMost, slo.Equal, slo.AtLeast, slo.Greater, slo.Different}).Draw(t, "op"),
		Value: slo.DecimalOf(rapid.Int64Range(0, 1e12).Draw(t, "value")).Shift(-rapid.IntRange(0, 6).Draw(t, "decimals")),
		Unit:  rapid.SampledFrom([]slo.Unit{"", slo.Ratio, slo.Seconds, slo.Count}).Draw(t, "unit"),
		Sense: rapid.SampledFrom([]slo.Sense{"", slo.SenseTarget, slo.SenseAlert}).Draw(t, "sense"),
	}
	c.Relative = c.Unit == slo.Ratio && rapid.Bool().Draw(t, "relative")
	c.Consecutive = c.Unit == slo.Count && rapid.Bool().Draw(t, "consecutive")
	if rapid.Bool().Draw(t, "quantile") && (c.Unit != slo.Ratio || c.Relative) {
		c.Quantile = slo.DecimalOf(rapid.Int64Range(5000, 9999).Draw(t, "p")).Shift(-4)
	}
	if c.Unit == slo.Count && !c.Consecutive {
		c.Per = rapid.SampledFrom([]slo.Duration{0, oneSecond, minutes, hours, 24 * hours, 5 * minutes, 90 * oneSecond}).Draw(t, "per")
	}
	if c.Unit == slo.Ratio && !c.Relative {
		c.Value = slo.DecimalOf(rapid.Int64Range(0, 1e9).Draw(t, "share")).Shift(-9)
		c.Share = rapid.SampledFrom([]slo.Share{"", slo.ShareGood, slo.ShareBad}).Draw(t, "events")
	}
	return lookingBack(t, c)
}

const oneSecond = slo.Duration(time.Second)

// lookingBack draws the times of a condition.
func lookingBack(t *rapid.T, c slo.Condition) slo.Condition {
	least := int64(1)
	if c.Unit == slo.Ratio && !c.Relative {
		least = 60 // "99% (2s)" may be about a latency
	}
	length := slo.Duration(rapid.Int64Range(least, 3e6).Draw(t, "length")) * oneSecond
	switch rapid.SampledFrom([]string{"none", "window", "period"}).Draw(t, "look-back") {
	case "window":
		c.Window = length
	case "period":
		c.Period = length
	}
	if c.Objective() && c.Window > 24*hours {
		c.Window, c.Period = 0, c.Window
	}
	if !c.Objective() {
		c.For = slo.Duration(rapid.Int64Range(0, 86400).Draw(t, "for")) * oneSecond
	}
	return c
}

func TestWhatPrintWritesBothReadersRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyCondition(t)
		text := condition.Print(want)
		got, err := condition.Parse(text)
		if err != nil || got != want {
			t.Fatalf("Parse(%q) = %+v, %v, want %+v", text, got, err, want)
		}
		if want.Objective() {
			return // in prose 99.9% alone says nothing
		}
		got, err = condition.Mention("roll back: " + text)
		want.Sense, want.Share = "", "" // nor do words around the bound
		if err != nil || got != want {
			t.Fatalf("Mention(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, cell := range []string{"> 2% (5m)", "baseline + > 35% for 10m", "3회 연속 restart", "over 500ms over 1h30m",
		"p95 latency > baseline 대비 35% 초과가 10분 이상 지속",
		"", "5-", "95th percentile", "at least", "=>", "이상", "-2", "(", "\xff", "1h30", "no more than", "baseline by", "1,000/min",
		"분당 10건 이하", "99.9% (30d period)",
		"target: 99.9% uptime", "10 per 5m", "any error", "within 300ms", "5분 이내", "\u202f1\u202f000", ".5%", "1,00",
		"max", "기준 대비", "유지"} {
		f.Add(cell)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, read := range []func(string) (slo.Condition, error){condition.Parse, condition.Mention} {
			c, err := read(text)
			if err != nil {
				mustBePlaced(t, text, err)
				continue
			}
			mustSurvivePrinting(t, text, c)
		}
	})
}

func mustBePlaced(t *testing.T, text string, err error) {
	var e *condition.Error
	if !errors.As(err, &e) {
		t.Fatalf("%q: error %T", text, err)
	}
	if e.Offset < 0 || e.Width < 1 || e.Message == "" || e.Offset+e.Width > utf8.RuneCountInString(text)+1 {
		t.Fatalf("%q: %+v", text, e)
	}
}

func mustSurvivePrinting(t *testing.T, text string, c slo.Condition) {
	if c.Op == "" {
		return
	}
	again, err := condition.Parse(condition.Print(c))
	if err != nil || again != c {
		t.Fatalf("%q: %+v printed as %q is %+v, %v", text, c, condition.Print(c), again, err)
	}
}
