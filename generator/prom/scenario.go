package prom

import (
	"maps"
	"slices"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// moment is what is true of an SLI from a time on, as the runbook means it. Tests are derived from moments and never from expressions:
// a wrong expression must not agree with itself.
type moment struct {
	at       time.Duration
	known    bool // there is a value
	value    float64
	events   float64
	baseline float64 // the greatest exported; 0 without one
	missing  bool    // no measurement arrives
	released bool    // a release is out
}

// scenario is a course of events and what the SLI's alerts must make of it.
type scenario struct {
	name     string
	series   []series
	timeline func(window time.Duration) []moment // a violation stays visible as long as it is in the window
	peak     time.Duration                       // an evaluation at which the interesting value still stands
	until    time.Duration
	recorded bool        // the recorded value is compared at the peak, too
	group    specimen    // that it plays in
	alerts   []alertTest // looked at beside those that the timeline calls for
	values   []valueTest
}

// same is a timeline that does not depend on the window.
func same(moments ...moment) func(time.Duration) []moment {
	return func(time.Duration) []moment { return moments }
}

// at is the moment that a time belongs to.
func at(timeline []moment, t time.Duration) moment {
	var current moment
	for _, m := range timeline {
		if m.at <= t {
			current = m
		}
	}
	return current
}

// holds says whether the alert's condition is true.
func (a alert) holds(m moment) bool {
	switch a.watches {
	case theBound:
		return m.known && a.violated(m)
	case theData:
		return m.missing
	case theGate:
		return m.missing && m.released
	case theBaseline:
		return m.released && m.baseline <= 0
	}
	return true
}

func (a alert) violated(m moment) bool {
	if a.bound.Relative != nil && m.baseline <= 0 {
		return false
	}
	if !a.bound.Op.Holds(compare(m.value, a.limit(m.baseline))) || m.events < a.guard.Float() {
		return false
	}
	excess := m.value - m.baseline
	if lowIsBad(a.bound.Op) {
		excess = -excess
	}
	return a.floor().Sign() <= 0 || excess > a.floor().Float()
}

// window is the look-back of what the alert reads.
func (a alert) window() slo.Duration {
	if a.watches == theBound {
		return a.bound.Window
	}
	return a.sli.Alert.Window
}

// limit is the bound as a number, for a given baseline.
func (a alert) limit(base float64) float64 {
	if a.bound.Relative != nil && !missable(baseline(a.sli)) {
		return a.bound.Relative.PlusOne().Times(baseline(a.sli).Value).Float()
	}
	if a.bound.Relative != nil {
		return a.bound.Relative.PlusOne().Float() * base
	}
	if a.bound.Value == nil {
		return 0
	}
	return a.bound.Value.Float()
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// grouped says whether the alert fires for each group.
func (a alert) grouped() bool { return a.watches == theBound || a.watches == theBudget }

// checks are the evaluations at which an alert is looked at: before and at every change of it, before every turn of events, at the peak, and
// at the end.
func (s scenario) checks(a alert, p pace) []alertTest {
	timeline := s.timeline(a.window().Std())
	firing := map[time.Duration]bool{}
	looked := append(turns(timeline, s.until, p), s.peak, s.until)
	var since time.Duration
	active := false
	for t := time.Duration(0); t <= s.until; t += p.evaluation {
		holds := a.holds(at(timeline, t))
		if holds && !active {
			since = t
		}
		active = holds
		firing[t] = active && t-since >= a.wait.Std()
		if t > 0 && firing[t] != firing[t-p.evaluation] {
			looked = append(looked, t-p.evaluation, t)
		}
	}
	slices.Sort(looked)
	var tests []alertTest
	for _, t := range slices.Compact(looked) {
		tests = append(tests, a.expect(t, firing[t], at(timeline, t).value, s.group))
	}
	return tests
}

// turns are the last evaluations before anything else is known, missing or out: what should not have fired had the longest time to.
func turns(timeline []moment, until time.Duration, p pace) []time.Duration {
	var all []time.Duration
	for i := 1; i < len(timeline); i++ {
		was, is := timeline[i-1], timeline[i]
		if t := p.beforeEnd(is.at); t >= 0 && t <= until && (was.known != is.known || was.missing != is.missing || was.released != is.released) {
			all = append(all, t)
		}
	}
	return all
}

// expect is one line of a test: what the alert says at a time.
func (a alert) expect(t time.Duration, firing bool, value float64, group specimen) alertTest {
	test := alertTest{EvalTime: slo.Duration(t), Name: a.name}
	if firing {
		labels := a.labels()
		if a.grouped() {
			maps.Copy(labels, group)
		}
		test.Firing = []firingAlert{{Labels: labels, Annotations: a.words.of(value, group)}}
	}
	return test
}
