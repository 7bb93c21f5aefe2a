package agent

import (
	"testing"
	"time"

	"github.com/coclai/cutover/agent/rollback"
)

// TestAReminderIsDueSoLongAfterTheLast, also when `locked_after` was another until now.
func TestAReminderIsDueSoLongAfterTheLast(t *testing.T) {
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		stands, last, after time.Duration // last: ago, 0 for never
		reminded            int
		due                 bool
	}{
		"never, too early":         {day - time.Second, 0, day, 0, false},
		"never":                    {day, 0, day, 0, true},
		"the next, too early":      {2 * day, day - time.Second, day, 1, false},
		"the next":                 {3 * day, day, day, 2, true},
		"raised, too early":        {30 * day, 6 * day, 7 * day, 24, false},
		"raised from 1 d":          {31 * day, 7 * day, 7 * day, 24, true},
		"lowered":                  {8 * day, day, day, 1, true},
		"nobody is to be reminded": {8 * day, 0, 0, 0, false},
	} {
		l := &rollback.Lock{Incident: "inc-1", Since: fired.Add(-test.stands), Reminded: test.reminded}
		if test.last > 0 {
			l.Last = fired.Add(-test.last)
		}
		a, e := &Agent{now: func() time.Time { return fired }}, &environment{name: "checkout/production", lockedAfter: test.after}
		notes := a.remind(e, &rollback.Environment{Name: e.name, Lock: l})
		if due := len(notes) > 0; due != test.due {
			t.Errorf("%s: %t", name, due)
		} else if due && notes[0].body.(rollback.Reminder).Times != test.reminded+1 {
			t.Errorf("%s: %+v", name, notes[0].body)
		}
	}
}
