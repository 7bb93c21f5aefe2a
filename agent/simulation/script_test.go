package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// script is what happens in one world. The same script happens in the same way.
type script struct {
	seed   uint64
	bad    string   // which SLO the release breaks, "" for a good one
	pushed bool     // by a person and declared by CI; else released by the agent
	mode   slo.Mode // the agent's max_mode
	perDay int
	onset  time.Duration // after the release is out
	events []event       // in order
}

// event is one thing that goes wrong, or somebody's deed, at a time after the beginning.
type event struct {
	at    time.Duration
	do    string
	n     int
	lasts time.Duration
	f     fault
}

func (e event) String() string {
	text := fmt.Sprintf("%7s  %s", e.at, e.do)
	if e.f != "" {
		text += " " + string(e.f)
	}
	if e.n != 0 {
		text += fmt.Sprintf(" %d", e.n)
	}
	if e.lasts != 0 {
		text += fmt.Sprintf(" for %s", e.lasts)
	}
	return text
}

func (s script) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: the release breaks %q %s after it is out, pushed by a person: %v, max_mode %s, %d a day\n", s.seed, s.bad, s.onset, s.pushed, s.mode, s.perDay)
	for _, e := range s.events {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}

// calmAt is when every fault ends; until then the script's events are spread.
const calmAt = 5 * time.Minute

// what can happen; those of a person's deed and of the world are drawn as often as they stand here.
var kinds = []struct {
	do     string
	faults []fault
	gentle bool // never a reason not to roll back
}{
	{do: "git", faults: []fault{refused, busy, lost, empty, login, hang}, gentle: true},
	{do: "push", faults: []fault{refused, busy, lost, lost, empty, login, hang}, gentle: true},
	{do: "prometheus", faults: []fault{refused, busy, empty, stale, partial, idle, hang}, gentle: true},
	{do: "prometheus after the push", faults: []fault{empty, empty, stale, partial, idle}, gentle: true},
	{do: "alertmanager", faults: []fault{refused, busy, hang}, gentle: true},
	{do: "disk full", gentle: true},
	{do: "fsync fails", gentle: true},
	{do: "crash", gentle: true}, {do: "crash", gentle: true}, {do: "crash", gentle: true}, {do: "crash after", gentle: true}, {do: "crash after", gentle: true},
	{do: "repeat", gentle: true}, {do: "lose", gentle: true}, {do: "delay", gentle: true}, {do: "truncate", gentle: true},
	{do: "move startsAt", gentle: true}, {do: "repeat an old body", gentle: true}, {do: "month-old firing", gentle: true}, {do: "firing without a token", gentle: true},
	{do: "malformed body", gentle: true}, {do: "uncorroborated firing", gentle: true}, {do: "resolved only", gentle: true},
	{do: "silence"}, {do: "kill switch"}, {do: "killed by a person"}, {do: "hook refuses"}, {do: "same content pushed"}, {do: "same content pushed in the race", gentle: true},
	{do: "fix pushed"}, {do: "fix pushed in the race"}, {do: "rewound"}, {do: "rewound in the race"}, {do: "unrelated history"}, {do: "tag moved"}, {do: "tag deleted"},
	{do: "push lost by the server", gentle: true}, {do: "pushed past the lock"}, {do: "clock"}, {do: "approve"}, {do: "cancel"}, {do: "hold"},
	{do: "fire from elsewhere"}, {do: "recovers by itself"}, {do: "restart", gentle: true}, {do: "gate", gentle: true},
}

// draw makes the script of a seed.
func draw(seed uint64) script {
	r := rand.New(rand.NewPCG(seed, 7))
	s := script{seed: seed, mode: slo.ModeAuto, perDay: 1 + r.IntN(2), pushed: r.IntN(2) == 0,
		bad: []string{errorsSLO, errorsSLO, errorsSLO, violationsSLO, violationsSLO, latencySLO, ""}[r.IntN(7)], onset: time.Duration(10+r.IntN(50)) * time.Second}
	if r.IntN(8) == 0 {
		s.mode = []slo.Mode{slo.ModePropose, slo.ModeObserve}[r.IntN(2)]
	}
	gentle := r.IntN(3) == 0
	for range r.IntN(10) {
		k := kinds[r.IntN(len(kinds))]
		if gentle && !k.gentle {
			continue
		}
		e := event{at: time.Duration(r.IntN(int(calmAt/time.Second))) * time.Second, do: k.do, n: r.IntN(6), lasts: time.Duration(5+r.IntN(90)) * time.Second}
		if r.IntN(3) > 0 { // most things happen when there is something to break
			e.at = 20*time.Second + time.Duration(r.IntN(90))*time.Second
		}
		if len(k.faults) > 0 {
			e.f = k.faults[r.IntN(len(k.faults))]
		}
		s.events = append(s.events, e)
	}
	slices.SortStableFunc(s.events, func(a, b event) int { return int(a.at - b.at) })
	return s
}

// gentle says whether nothing in the script is a reason not to roll a bad release back.
func (s script) gentle() bool {
	if s.mode != slo.ModeAuto || s.bad == "" || s.bad == latencySLO {
		return false
	}
	for _, e := range s.events {
		for _, k := range kinds {
			if k.do != e.do {
				continue
			}
			if !k.gentle || s.bad == violationsSLO && (strings.HasPrefix(e.do, "prometheus") || e.do == "alertmanager" || e.do == "disk full") {
				return false // one violation may be over before anybody can be asked
			}
		}
	}
	return true
}

// without is the script with one event less.
func (s script) without(n int) script {
	s.events = slices.Delete(slices.Clone(s.events), n, n+1)
	return s
}
