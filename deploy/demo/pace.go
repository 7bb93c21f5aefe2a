package main

import (
	"fmt"
	"time"
)

// pace is how many times sooner than the runbook says its milestones come: 1 is real time.
type pace float64

// Unless told otherwise 48 hours pass in a minute.
const fastMotion pace = 2880

// No milestone comes before a whole window of the alerts has passed since T0, nor at once after another: it would have nothing to judge.
const (
	firstAfter = 15 * time.Second
	nextAfter  = 5 * time.Second
)

// moments are the times after T0 as the demo's runbook has them.
type moments struct{ Intensive, First, Stabilisation, Watch string }

// moments divides the 30 minutes, 2, 24 and 48 hours of the runbook.
func (p pace) moments() moments {
	var m moments
	last := firstAfter - nextAfter
	for _, one := range []struct {
		into    *string
		written time.Duration
	}{{&m.Intensive, 30 * time.Minute}, {&m.First, 2 * time.Hour}, {&m.Stabilisation, 24 * time.Hour}, {&m.Watch, 48 * time.Hour}} {
		last = max(time.Duration(float64(one.written)/float64(p)), last+nextAfter).Round(time.Second)
		*one.into = words(last)
	}
	return m
}

// words is a time as a runbook says it, in one unit: whole seconds, minutes from ten on, hours from ten on.
func words(d time.Duration) string {
	switch {
	case d >= 10*time.Hour || d%time.Hour == 0:
		return fmt.Sprintf("%.0fh", d.Hours())
	case d >= 10*time.Minute || d%time.Minute == 0:
		return fmt.Sprintf("%.0fm", d.Minutes())
	}
	return fmt.Sprintf("%.0fs", d.Seconds())
}
