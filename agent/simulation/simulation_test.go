package simulation

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

var (
	seeds = flag.Int("seeds", 1000, "how many worlds are simulated")
	first = flag.Uint64("seed", 1, "the first of them; with -seeds 1 its log is shown")
)

// play runs one script in a bubble of its own.
func play(t *testing.T, s script, plant func(*world)) (found []string) {
	logger := slog.New(slog.DiscardHandler)
	if *seeds == 1 {
		logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	dir := t.TempDir()
	synctest.Test(t, func(*testing.T) { found = run(s, dir, logger, plant) })
	return found
}

// TestNoSeedBreaksARule is the simulation. One seed: go test ./agent/simulation -run NoSeed -seed 42 -seeds 1
func TestNoSeedBreaksARule(t *testing.T) {
	var next atomic.Uint64
	next.Store(*first)
	end := *first + uint64(*seeds)
	for n := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			for seed := next.Add(1) - 1; seed < end && !t.Failed(); seed = next.Add(1) - 1 {
				if found := play(t, draw(seed), nil); len(found) > 0 {
					t.Errorf("%s\n%s\nagain: go test ./agent/simulation -run NoSeed -seed %d -seeds 1", strings.Join(found, "\n"), shrunk(t, draw(seed), found), seed)
				}
			}
		})
	}
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
