package slo_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/coclai/cutover/generator/slo"
)

func TestDecimalsStayAsWritten(t *testing.T) {
	for _, test := range []struct{ in, out, percent, plusOne string }{
		{"0", "0", "0", "1"},
		{"2", "2", "0.02", "3"},
		{"0.5", "0.5", "0.005", "1.5"},
		{"35", "35", "0.35", "36"},
		{"0.10", "0.1", "0.001", "1.1"},
		{"99.9", "99.9", "0.999", "100.9"},
		{"-2.50", "-2.5", "-0.025", "-1.5"},
		{"000123.4500", "123.45", "1.2345", "124.45"},
		{"0.000000000000000001", "0.000000000000000001", "0.00000000000000000001", "1.000000000000000001"},
	} {
		d, err := slo.ParseDecimal(test.in)
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if got := d.String(); got != test.out {
			t.Errorf("%s is written %s, want %s", test.in, got, test.out)
		}
		if got := d.Percent().String(); got != test.percent {
			t.Errorf("%s%% is %s, want %s", test.in, got, test.percent)
		}
		if got := d.PlusOne().String(); got != test.plusOne {
			t.Errorf("1 + %s is %s, want %s", test.in, got, test.plusOne)
		}
	}
}

func TestWhatIsNoDecimalIsRefused(t *testing.T) {
	for _, text := range []string{"", "-", ".", "1.", ".5", "1e3", "0x10", "1,000", "٣", "1.2.3", "+1", " 1", "1234567890123456789", "0.1234567890123456789"} {
		if d, err := slo.ParseDecimal(text); err == nil {
			t.Errorf("%q was read as %s", text, d)
		}
	}
}

func TestDecimalsSurviveTheirText(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,9}(\.[0-9]{1,9})?`).Draw(r, "text")
		d := slo.MustDecimal(text)
		b, err := json.Marshal(map[string]slo.Decimal{"v": d})
		if err != nil {
			r.Fatal(err)
		}
		var again map[string]slo.Decimal
		if err := json.Unmarshal(b, &again); err != nil || again["v"].Cmp(d) != 0 || again["v"] != d {
			r.Fatalf("%s came back as %v (%v)", d, again["v"], err)
		}
		if d.Cmp(d.PlusOne()) != -1 {
			r.Fatalf("%s is not less than %s", d, d.PlusOne())
		}
	})
}

func TestAlertNames(t *testing.T) {
	if got := slo.AlertName("checkout", "api-error-rate"); got != "CheckoutApiErrorRate" {
		t.Error(got)
	}
}

func TestModesAreCapped(t *testing.T) {
	for _, test := range []struct{ mode, limit, want slo.Mode }{
		{slo.ModeAuto, slo.ModeObserve, slo.ModeObserve}, {slo.ModeObserve, slo.ModeAuto, slo.ModeObserve},
		{slo.ModeAuto, slo.ModeAuto, slo.ModeAuto}, {slo.ModePropose, slo.ModeNone, slo.ModeNone},
	} {
		if got := test.mode.AtMost(test.limit); got != test.want {
			t.Errorf("%s at most %s: got %s, want %s", test.mode, test.limit, got, test.want)
		}
	}
}

func TestProductsAreExact(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{"14.4", "0.001", "0.0144"}, {"1.35", "0.22", "0.297"}, {"0", "3", "0"}, {"-0.5", "0.5", "-0.25"},
		{"0.123456789012345678", "0.5", "0.061728394506172839"},
		{"0.999999999999999999", "0.1", "0.1"}, // 19 digits: the last is rounded away
		{"999999999999999999", "1", "999999999999999999"},
	} {
		if got := slo.MustDecimal(tt.a).Times(slo.MustDecimal(tt.b)).String(); got != tt.want {
			t.Errorf("%s × %s = %s, want %s", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestABudgetIsWhatTheObjectiveLeaves(t *testing.T) {
	for objective, want := range map[string]string{"0.999": "0.001", "0.9995": "0.0005", "0.9": "0.1", "0": "1", "1": "0"} {
		if got := (slo.Budget{Objective: slo.MustDecimal(objective)}).Share().String(); got != want {
			t.Errorf("an objective of %s leaves %s, want %s", objective, got, want)
		}
	}
}

// What is done without fractions, for speed, is what fractions say.
func TestShortcutsAgreeWithFractions(t *testing.T) {
	for range 10_000 {
		a := slo.MustDecimal(fmt.Sprintf("%d.%d", rand.IntN(1000)-500, rand.Int64N(1e15)))
		b := slo.MustDecimal(fmt.Sprintf("%d.%d", rand.Int64N(1e12), rand.IntN(1e5)))
		if got, want := a.Cmp(b), a.Rat().Cmp(b.Rat()); got != want {
			t.Errorf("%s to %s: %d, not %d", a, b, got, want)
		}
		if want, _ := a.Rat().Float64(); a.Float() != want {
			t.Errorf("%s: %v, not %v", a, a.Float(), want)
		}
		c := slo.MustDecimal(fmt.Sprintf("0.%d", rand.IntN(1e9)))
		if got, want := c.Times(c), slo.Rounded(new(big.Rat).Mul(c.Rat(), c.Rat()), 18); got != want {
			t.Errorf("%s squared: %s, not %s", c, got, want)
		}
	}
}
