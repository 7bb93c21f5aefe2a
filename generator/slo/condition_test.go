package slo_test

import (
	"testing"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

const days = slo.Duration(24 * time.Hour)

func ratio(op slo.Op, value string) slo.Condition {
	return slo.Condition{Op: op, Value: slo.MustDecimal(value), Unit: slo.Ratio}
}

func TestThePlaceOfAConditionTellsWhatItsWordsLeaveOpen(t *testing.T) {
	low, high := ratio(slo.AtMost, "0.01"), ratio(slo.AtLeast, "0.999")
	overMonth, overHour := high, high
	overMonth.Window, overHour.Window = 30*days, days/24
	latency := slo.Condition{Op: slo.AtMost, Value: slo.MustDecimal("0.3"), Unit: slo.Seconds}
	for _, test := range []struct {
		name   string
		in     slo.Condition
		place  slo.Sense
		share  slo.Share
		window slo.Duration
		period slo.Duration
	}{
		{"few is well: bad events", low, slo.SenseTarget, slo.ShareBad, 0, 0},
		{"few is an alert: good events", low, slo.SenseAlert, slo.ShareGood, 0, 0},
		{"many is well: good events", high, slo.SenseTarget, slo.ShareGood, 0, 0},
		{"many is an alert: bad events", high, slo.SenseAlert, slo.ShareBad, 0, 0},
		{"a target's month is a period", overMonth, slo.SenseTarget, slo.ShareGood, 0, 30 * days},
		{"an alert's month is a window", overMonth, slo.SenseAlert, slo.ShareBad, 30 * days, 0},
		{"an hour is a window", overHour, slo.SenseTarget, slo.ShareGood, days / 24, 0},
		{"a latency has no share", latency, slo.SenseTarget, "", 0, 0},
	} {
		got, err := test.in.As(test.place)
		if err != nil || got.Sense != test.place || got.Share != test.share || got.Window != test.window || got.Period != test.period {
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
	}
}

func TestWordsAgainstTheirPlaceAreRefused(t *testing.T) {
	says := func(c slo.Condition, sense slo.Sense, share slo.Share) slo.Condition {
		c.Sense, c.Share = sense, share
		return c
	}
	for name, test := range map[string]struct {
		condition slo.Condition
		place     slo.Sense
	}{
		"an objective as an alert":        {says(ratio(slo.AtLeast, "0.999"), slo.SenseTarget, slo.ShareGood), slo.SenseAlert},
		"an alert as a target":            {says(ratio(slo.Greater, "0.02"), slo.SenseAlert, ""), slo.SenseTarget},
		"many errors as a target":         {says(ratio(slo.AtLeast, "0.02"), "", slo.ShareBad), slo.SenseTarget},
		"few errors as an alert":          {says(ratio(slo.Less, "0.02"), "", slo.ShareBad), slo.SenseAlert},
		"little availability as a target": {says(ratio(slo.AtMost, "0.99"), "", slo.ShareGood), slo.SenseTarget},
	} {
		if got, err := test.condition.As(test.place); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestComplementBoundsTheOtherEvents(t *testing.T) {
	for _, test := range []struct{ in, want slo.Condition }{
		{ratio(slo.AtLeast, "0.999"), ratio(slo.AtMost, "0.001")},
		{ratio(slo.Less, "0.995"), ratio(slo.Greater, "0.005")},
		{ratio(slo.Equal, "1"), ratio(slo.Equal, "0")},
		{ratio(slo.AtMost, "0"), ratio(slo.AtLeast, "1")},
		{ratio(slo.Greater, "1.5"), ratio(slo.Greater, "1.5")},
	} {
		got := test.in.Complement()
		if got != test.want {
			t.Errorf("the complement of %s %s is %s %s", test.in.Op, test.in.Value, got.Op, got.Value)
		}
		if again := got.Complement(); again != test.in {
			t.Errorf("the complement of the complement of %s %s is %s %s", test.in.Op, test.in.Value, again.Op, again.Value)
		}
	}
	good := ratio(slo.AtLeast, "0.999")
	good.Share = slo.ShareGood
	if good.Complement().Share != slo.ShareBad {
		t.Error("the complement of good events is not called bad")
	}
}

func TestOnlyAShareOfGoodEventsToBeReachedIsAnObjective(t *testing.T) {
	c := ratio(slo.AtLeast, "0.999")
	if c.Objective() {
		t.Error(">= 99.9% alone may be an alert")
	}
	if target, err := c.As(slo.SenseTarget); err != nil || !target.Objective() {
		t.Errorf(">= 99.9%% in a target column is no objective: %v", err)
	}
}
