package agent

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
	"github.com/coclai/cutover/agent/web"
)

// What is said of disks and of their speed.
const (
	slowAppend  = time.Second // Alertmanager waits 10 s for its answer; a storm shares a sync
	littleRoom  = 1 << 30     // bytes
	noRoom      = 64 << 20
	verifyAtMax = time.Minute
)

// storageHealth looks at where the agent keeps what it knows.
type storageHealth struct {
	agent  *Agent
	config config.Config
	tell   func(web.Progress)
}

func (s storageHealth) examine(ctx context.Context) {
	s.tell(web.Progress{Doing: "storage"})
	s.appends(ctx)
	s.chain(ctx)
	s.durable()
	s.rooms()
}

func (s storageHealth) found(check string, health release.Health, seen, fix string) {
	if health == release.Healthy {
		fix = ""
	}
	s.tell(web.Progress{Finding: &release.Finding{Check: check, Health: health, Seen: inOneParagraph(s.config.Redact(seen)), Fix: fix}})
}

// appends writes as much as a small entry needs, three times, each synced: nothing of it is an entry.
func (s storageHealth) appends(ctx context.Context) {
	var took []time.Duration
	for range 3 {
		began := time.Now()
		if _, err := s.agent.ledger.Append(ctx); err != nil {
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

func (s storageHealth) where() string {
	if s.config.Storage.SQLite != "" {
		return s.config.Storage.SQLite
	}
	return "PostgreSQL"
}

// chain verifies every hash there is.
func (s storageHealth) chain(ctx context.Context) {
	const check = "storage: chain"
	checked, ok := s.agent.ledger.(interface {
		Verify(ctx context.Context) error
	})
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, verifyAtMax)
	defer cancel()
	err := checked.Verify(ctx)
	refusal, wrong := errors.AsType[*ledger.Refusal](err)
	switch state := s.agent.journal.snapshot(); {
	case err == nil:
		s.found(check, release.Healthy, fmt.Sprintf("the hashes of all entries up to %d fit together", state.Seq), "")
	case wrong:
		s.found(check, release.Broken, refusal.Error(), refusal.Hint)
	default:
		s.found(check, release.Untold, err.Error(), "rollback-agent ledger verify, beside the agent or with a copy")
	}
}

// durable says what a crash or a failover could lose.
func (s storageHealth) durable() {
	const check = "storage: durable"
	if s.agent.replica == nil {
		s.found(check, release.Healthy, "SQLite with synchronous=FULL, and this agent the only one", "")
		return
	}
	health, seen := release.Healthy, "PostgreSQL; acting: "+s.agent.actor()
	weak := s.agent.weaknesses()
	if why := s.agent.replica.unready(); why != "" {
		health, seen = release.Broken, seen+"; "+why
	} else if len(weak) > 0 {
		health, seen = release.Weak, seen+"; "+strings.Join(weak, "; ")
	}
	s.found(check, health, seen, "a synchronous standby (synchronous_standby_names = 'ANY 1 (*)'), or accept that a failover loses what was acknowledged last")
}

// rooms look how much room there is where something is written.
func (s storageHealth) rooms() {
	folders := []string{}
	if s.config.Storage.SQLite != "" {
		folders = append(folders, filepath.Dir(s.config.Storage.SQLite))
	}
	for _, folder := range []string{s.config.Logs, s.config.Reports} {
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
