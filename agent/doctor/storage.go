package doctor

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/release"
)

// What is said of disks and of their speed.
const (
	slowAppend  = time.Second // Alertmanager waits 10 s for its answer; a storm shares a sync
	littleRoom  = 1 << 30     // bytes
	noRoom      = 64 << 20
	verifyAtMax = time.Minute
)

// Storage is where the agent keeps what it knows.
type Storage struct {
	Listener
	Config  config.Config
	Append  func(context.Context) error          // nothing, but as durably as an entry
	Verify  func(context.Context) (int64, error) // every hash up to an entry; nil: they cannot be verified beside the agent
	Replica func() Replica                       // nil: this agent is the only one
}

// Replica is how an agent that shares its ledger stands to the others.
type Replica struct {
	Acting  string   // who acts
	Unready string   // why it is not ready to receive, "" when it is
	Weak    []string // what a failover could lose
}

// Examine looks whether entries can be stored, whether those that are there fit together, what a failover could lose, and what room is left.
func (s *Storage) Examine(ctx context.Context) {
	s.Doing("storage")
	s.appends(ctx)
	s.chain(ctx)
	s.durable()
	s.rooms()
}

func (s *Storage) found(check string, health release.Health, seen, fix string) {
	s.Listener.found(release.Finding{Check: check, Health: health, Seen: seen, Fix: fix})
}

// appends writes as much as a small entry needs, three times, each synced: nothing of it is an entry.
func (s *Storage) appends(ctx context.Context) {
	var took []time.Duration
	for range 3 {
		began := time.Now()
		if err := s.Append(ctx); err != nil {
			s.found("storage", release.Broken, "nothing can be stored, and no alert is acknowledged: "+err.Error(),
				"make room on its disk, or see its database; `rollback-agent ledger verify` looks at it while the agent stands still")
			return
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	seen, health := fmt.Sprintf("%s takes entries, each synced: %s to %s", s.where(), took[0].Round(10*time.Microsecond),
		took[2].Round(10*time.Microsecond)), release.Healthy
	if took[2] > slowAppend {
		health = release.Weak
	}
	s.found("storage", health, seen, "a faster disk, or one that is not shared: an alert is acknowledged only when it is on it")
}

func (s *Storage) where() string {
	if s.Config.Storage.SQLite != "" {
		return s.Config.Storage.SQLite
	}
	return "PostgreSQL"
}

// chain verifies every hash there is.
func (s *Storage) chain(ctx context.Context) {
	const check = "storage: chain"
	if s.Verify == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, verifyAtMax)
	defer cancel()
	last, err := s.Verify(ctx)
	refusal, wrong := errors.AsType[*ledger.Refusal](err)
	switch {
	case err == nil:
		s.found(check, release.Healthy, fmt.Sprintf("the hashes of all entries up to %d fit together", last), "")
	case wrong:
		s.found(check, release.Broken, refusal.Error(), refusal.Hint)
	default:
		s.found(check, release.Untold, err.Error(), "rollback-agent ledger verify, beside the agent or with a copy")
	}
}

// durable says what a crash or a failover could lose.
func (s *Storage) durable() {
	const check = "storage: durable"
	if s.Replica == nil {
		s.found(check, release.Healthy, "SQLite with synchronous=FULL, and this agent the only one", "")
		return
	}
	r := s.Replica()
	health, seen := release.Healthy, "PostgreSQL; acting: "+r.Acting
	switch {
	case r.Unready != "":
		health, seen = release.Broken, seen+"; "+r.Unready
	case len(r.Weak) > 0:
		health, seen = release.Weak, seen+"; "+strings.Join(r.Weak, "; ")
	}
	s.found(check, health, seen, "a synchronous standby (synchronous_standby_names = 'ANY 1 (*)'), or accept that a failover loses what was acknowledged last")
}

// rooms look how much room there is where something is written.
func (s *Storage) rooms() {
	folders := []string{}
	if s.Config.Storage.SQLite != "" {
		folders = append(folders, filepath.Dir(s.Config.Storage.SQLite))
	}
	for _, folder := range []string{s.Config.Logs, s.Config.Reports} {
		if folder != "" && !slices.Contains(folders, filepath.Dir(folder)) {
			folders = append(folders, filepath.Dir(folder))
		}
	}
	for _, folder := range folders {
		if whole, err := filepath.Abs(folder); err == nil { // who reads of it is elsewhere
			folder = whole
		}
		free, err := roomIn(folder)
		seen, health := fmt.Sprintf("%s has %d MiB free", folder, free>>20), release.Healthy
		switch {
		case err != nil:
			seen, health = err.Error(), release.Untold
		case free < noRoom:
			health = release.Broken
		case free < littleRoom:
			health = release.Weak
		}
		s.found("storage: room", health, seen, "make room, or set ledger.retention: a ledger grows by a few kB for each alert")
	}
}
