package simulation

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

var (
	seeds = flag.Int("seeds", 1000, "how many worlds are simulated")
	first = flag.Uint64("seed", 1, "the first of them; with -seeds 1 its log is shown")
)

// play runs one script in a bubble of its own.
func play(t *testing.T, s script, plant func(*world)) []string {
	return playIn(t, t.TempDir(), s, plant)
}

func playIn(t *testing.T, dir string, s script, plant func(*world)) (found []string) {
	logger := slog.New(slog.DiscardHandler)
	if *seeds == 1 {
		logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	synctest.Test(t, func(*testing.T) { found = run(s, dir, logger, plant) })
	return found
}

// TestNoSeedBreaksARule is the simulation. One seed: go test ./agent/simulation -run NoSeed -seed 42 -seeds 1. Many, with a word about how far it
// is every ten seconds: go test ./agent/simulation -run NoSeed -seeds 100000 -v -timeout 60m. When -timeout comes first, it ends in time and
// says how many seeds were left.
func TestNoSeedBreaksARule(t *testing.T) {
	p := progress{t: t, began: time.Now(), said: time.Now()}
	p.next.Store(*first)
	p.end = *first + uint64(*seeds)
	for n := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for seed, more := p.seed(); more && !t.Failed(); seed, more = p.seed() {
				if found := playIn(t, dir, draw(seed), nil); len(found) > 0 {
					t.Errorf("%s\n%s\nagain: go test ./agent/simulation -run NoSeed -seed %d -seeds 1", strings.Join(found, "\n"), shrunk(t, draw(seed), found), seed)
				}
			}
		})
	}
}

// TestAClockThatWasPutBackDelaysNoDecision: the remote answers again, the hold ends, and it is asked again about what burns.
func TestAClockThatWasPutBackDelaysNoDecision(t *testing.T) {
	found := play(t, script{bad: errorsSLO, pushed: true, mode: slo.ModeAuto, perDay: 1, onset: 49 * time.Second, events: []event{
		{at: 34 * time.Second, do: "hold", n: 3, lasts: 29 * time.Second},
		{at: 111 * time.Second, do: "git", f: busy, n: 2, lasts: 28 * time.Second},
		{at: 140 * time.Second, do: "clock", lasts: 10 * time.Second},
	}}, nil)
	if len(found) > 0 {
		t.Error(strings.Join(found, "\n"))
	}
}

// progress hands out the seeds, and tells how far it is.
type progress struct {
	t     *testing.T
	began time.Time
	next  atomic.Uint64
	end   uint64

	mu   sync.Mutex
	said time.Time
	cut  sync.Once
}

const (
	sayEvery = 10 * time.Second
	reserve  = 30 * time.Second // of -timeout, for what is running and for a seed to be shrunk
)

// seed is the next one; false when there is none, or no time for it.
func (p *progress) seed() (uint64, bool) {
	seed := p.next.Add(1) - 1
	if seed >= p.end {
		return 0, false
	}
	done := seed - *first
	if deadline, limited := p.t.Deadline(); limited && time.Until(deadline) < reserve {
		p.cut.Do(func() {
			p.t.Errorf("-timeout comes after %d of %d seeds, none of which broke a rule so far: give it more time, or begin with -seed %d", done, *seeds, seed)
		})
		return 0, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.said) >= sayEvery && testing.Verbose() {
		p.said = time.Now()
		rate := float64(done) / time.Since(p.began).Seconds()
		fmt.Printf("%d of %d seeds in %s, %.0f a second, %s to go\n", done, *seeds, time.Since(p.began).Round(time.Second), rate,
			time.Duration(float64(p.end-seed)/rate*float64(time.Second)).Round(time.Second))
	}
	return seed, true
}

// shrunk leaves out every event without which the same rule is still broken.
func shrunk(t *testing.T, s script, found []string) script {
	rule := func(found []string) string {
		if len(found) == 0 {
			return ""
		}
		name, _, _ := strings.Cut(found[0], " at ")
		return name
	}
	want := rule(found)
	for n := len(s.events) - 1; n >= 0; n-- {
		if less := s.without(n); rule(play(t, less, nil)) == want {
			s = less
		}
	}
	return s
}
