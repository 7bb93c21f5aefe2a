package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

const shop = "checkout/production"

// journalAt is a journal on a new ledger, and the clock that it reads.
func journalAt(t *testing.T) (*journal, *ledger.Ledger, *time.Time) {
	t.Helper()
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	clock := fired
	j, err := openJournal(t.Context(), l, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	return j, l, &clock
}

func (j *journal) must(t *testing.T, notes ...note) int64 {
	t.Helper()
	for i := range notes {
		notes[i].environment, notes[i].author = shop, "kim"
	}
	seq, err := j.append(t.Context(), notes...)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func alert(fingerprint int, status string) note {
	f := rollback.Firing{Status: status, Fingerprint: fmt.Sprintf("%016x", fingerprint), StartsAt: fired}
	if status == "resolved" {
		f.EndsAt = fired.Add(time.Minute)
	}
	return note{kind: rollback.AlertsReceived, body: rollback.Delivery{Source: "am", Firings: []rollback.Firing{f}}}
}

// asText is the state as it is stored.
func asText(t *testing.T, s *rollback.State) string {
	t.Helper()
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAppendsAtOnceAreInTheStateWhenTheyReturn(t *testing.T) {
	j, l, _ := journalAt(t)
	var all sync.WaitGroup
	for writer := range 16 {
		all.Go(func() {
			for n := range 20 {
				fingerprint := 100*writer + n
				seq := j.must(t, alert(fingerprint, "firing"), alert(fingerprint, "firing"))
				e := j.environment(shop).Episodes[rollback.Key("am", fmt.Sprintf("%016x", fingerprint))]
				if e == nil || e.Seq != seq || j.snapshot().Seq < seq {
					t.Errorf("append %d has returned, and the state does not hold it: %+v", seq, e)
				}
			}
		})
	}
	all.Wait()
	again, err := openJournal(t.Context(), l, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asText(t, again.snapshot()), asText(t, j.snapshot())); diff != "" {
		t.Errorf("folded again (-again +first):\n%s", diff)
	}
}

// overtaking is a store whose first append is heard of last.
type overtaking struct {
	*ledger.Ledger
	second chan struct{} // the second append has returned
}

func (o *overtaking) Append(ctx context.Context, entries ...rollback.Entry) ([]rollback.Entry, error) {
	stored, err := o.Ledger.Append(ctx, entries...)
	if err == nil && stored[0].Seq == 1 {
		<-o.second
	}
	return stored, err
}

func TestAnAppendThatOvertakesAnotherWaitsForIt(t *testing.T) {
	j, l, _ := journalAt(t)
	o := &overtaking{l, make(chan struct{})}
	j.ledger = o
	ended := make(chan int64, 2)
	go func() { ended <- j.must(t, alert(1, "firing")) }()
	for l.Verify(t.Context()) == nil && len(j.durable(t)) == 0 { // until the first is on disk
	}
	go func() { ended <- j.must(t, alert(2, "firing")) }()
	for len(j.durable(t)) < 2 {
	}
	if seq := j.snapshot().Seq; seq != 0 || len(ended) != 0 {
		t.Errorf("the state is at %d, %d appends have returned: the second has overtaken the first", seq, len(ended))
	}
	close(o.second)
	<-ended
	<-ended
	if seq := j.snapshot().Seq; seq != 2 {
		t.Errorf("the state is at %d, want 2", seq)
	}
}

// durable is what the ledger holds.
func (j *journal) durable(t *testing.T) (all []rollback.Entry) {
	t.Helper()
	for e, err := range j.ledger.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestAReaderKeepsTheStateItWasGiven(t *testing.T) {
	j, _, _ := journalAt(t)
	j.must(t, alert(1, "firing"))
	seen := j.snapshot()
	before := asText(t, seen)
	j.must(t, alert(1, "resolved"), alert(2, "firing"))
	if diff := cmp.Diff(before, asText(t, seen)); diff != "" {
		t.Errorf("it changed under its reader:\n%s", diff)
	}
	if again := j.snapshot(); again == seen || again != j.snapshot() {
		t.Error("a snapshot is made anew when the state has changed, and only then")
	}
}

// TestWhatIsOldAndDoneIsCut: a year of alerts, and two releases with an incident each, of which one is still locked.
func TestWhatIsOldAndDoneIsCut(t *testing.T) {
	j, l, clock := journalAt(t)
	rolledBack := func(commit string) string {
		r := release.Release{Commit: commit, Tree: "tree of " + commit, T0: *clock}
		id := rollback.IncidentID(commit, r.T0)
		j.must(t, note{kind: rollback.ReleaseDeployed, body: r})
		*clock = clock.Add(time.Minute)
		j.must(t, note{kind: rollback.Decided, incident: id, once: "rollback " + id, body: rollback.Decision{Verdict: rollback.Rollback, Release: commit}},
			note{kind: rollback.LockSet, incident: id, body: rollback.Lock{Incident: id, Tree: r.Tree}})
		j.must(t, note{kind: rollback.Classified, incident: id, body: rollback.Classification{Component: "web"}})
		return id
	}
	days := func(n int) time.Time { *clock = clock.Add(time.Duration(n) * 24 * time.Hour); return *clock }

	for n := range 3 {
		j.must(t, alert(n, "firing"), alert(n, "resolved"))
	}
	first := rolledBack("aaaaaaaa")
	days(1)
	j.must(t, note{kind: rollback.LockCleared, incident: first, body: rollback.Unlock{Incident: first, Cause: "an index"}})
	kept := j.must(t, alert(7, "firing"))
	days(30)
	second := rolledBack("bbbbbbbb")
	days(300)
	last := j.must(t, alert(8, "firing"))

	before := j.environment(shop)
	cut, err := j.cut(t.Context(), days(0).Add(-90*24*time.Hour))
	if err != nil || cut != kept {
		t.Fatalf("cut up to %d, %v; want %d, the last before the incident that is open", cut, err, kept)
	}
	after := j.environment(shop)
	if j.snapshot().Cut != kept || after.Lock == nil || after.Lock.Incident != second || len(after.Incidents) != 2 || len(after.Banned) != 2 || after.IncidentByID(first).Cause != "an index" {
		t.Errorf("something was forgotten: %s", asText(t, j.snapshot()))
	}
	if len(before.Episodes) != 5 || len(after.Episodes) != 5 {
		t.Errorf("%d episodes before, %d after: alerts that nobody has judged are kept", len(before.Episodes), len(after.Episodes))
	}
	again, err := openJournal(t.Context(), l, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asText(t, again.snapshot()), asText(t, j.snapshot())); diff != "" {
		t.Errorf("folded again from the checkpoint (-again +first):\n%s", diff)
	}
	if _, err := j.append(t.Context(), note{environment: shop, kind: rollback.Decided, author: self, incident: first, once: "rollback " + first, body: rollback.Decision{}}); !errors.Is(err, ledger.ErrTwice) {
		t.Errorf("a second rollback of the first release: got %v, want ErrTwice", err)
	}
	if again, err := j.cut(t.Context(), days(0).Add(-90*24*time.Hour)); again != 0 || err != nil {
		t.Errorf("cut again up to %d, %v: the incident is still open", again, err)
	}
	j.must(t, note{kind: rollback.LockCleared, incident: second, body: rollback.Unlock{Incident: second, Cause: "another index"}})
	if again, err := j.cut(t.Context(), days(0).Add(-90*24*time.Hour)); again != last-1 || err != nil {
		t.Errorf("after the unlock cut up to %d, %v; want %d", again, err, last-1)
	}
	if err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestALedgerIsNotCutForOneDay(t *testing.T) {
	j, _, clock := journalAt(t)
	for range 5 {
		j.must(t, alert(1, "firing"))
		*clock = clock.Add(time.Hour)
	}
	for hours, want := range map[int]int64{3: 0, 23: 0} {
		if got, err := j.cut(t.Context(), fired.Add(time.Duration(hours)*time.Hour)); got != want || err != nil {
			t.Errorf("%d h past the first entry's time: cut up to %d, %v", hours, got, err)
		}
	}
	if got, err := j.cut(t.Context(), fired.Add(25*time.Hour)); got != 5 || err != nil {
		t.Errorf("a day later: cut up to %d, %v; want 5", got, err)
	}
}

// full is a store whose disk is full until it is not.
type full struct {
	*ledger.Ledger
	mu    sync.Mutex
	taken bool
}

func (f *full) Append(ctx context.Context, entries ...rollback.Entry) ([]rollback.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.taken {
		return nil, fmt.Errorf("no space: %w", ledger.ErrNotDurable)
	}
	return f.Ledger.Append(ctx, entries...)
}

func TestAFullDiskIsSaidAndItsRecoveryIsNoticedWithoutAnAppend(t *testing.T) {
	j, l, _ := journalAt(t)
	disk := &full{Ledger: l, taken: true}
	j.ledger = disk
	if _, err := j.append(t.Context(), alert(1, "firing")); !errors.Is(err, ledger.ErrNotDurable) || j.unwritable() == "" {
		t.Fatalf("got %v, not ready because %q", err, j.unwritable())
	}
	j.mend(t.Context())
	if j.unwritable() == "" {
		t.Error("it is called ready while the disk is full")
	}
	disk.taken = false
	j.mend(t.Context())
	if why := j.unwritable(); why != "" {
		t.Errorf("the disk has room again, and it is still %q", why)
	}
	if seq := j.must(t, alert(1, "firing")); seq != 1 {
		t.Errorf("the next entry is %d, want 1", seq)
	}
}

// stuck is a store whose disk does not answer until it does.
type stuck struct {
	*ledger.Ledger
	entered, release chan struct{}
}

func (s *stuck) Append(ctx context.Context, entries ...rollback.Entry) ([]rollback.Entry, error) {
	s.entered <- struct{}{}
	<-s.release
	return s.Ledger.Append(ctx, entries...)
}

func TestAStuckDiskDoesNotFillTheMemory(t *testing.T) {
	j, l, _ := journalAt(t)
	disk := &stuck{l, make(chan struct{}, 100), make(chan struct{})}
	j.ledger, j.room = disk, 64<<10
	large := note{environment: shop, kind: rollback.AlertsReceived, author: "am", body: rollback.Delivery{BodySHA: strings.Repeat("x", 16<<10)}}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { _, _ = j.append(context.Background(), large) })
	}
	for range 4 {
		<-disk.entered
	}
	if _, err := j.append(t.Context(), alert(1, "firing")); !errors.Is(err, ledger.ErrNotDurable) || !errors.Is(err, errCrowded) {
		t.Errorf("got %v, want to be told to come again", err)
	}
	all.Go(func() {
		if _, err := j.append(context.Background(), note{environment: shop, kind: rollback.StablePinned, author: self, body: release.Pin{}}); err != nil {
			t.Errorf("the agent's own: %v", err)
		}
	})
	<-disk.entered
	close(disk.release)
	all.Wait()
	if seq := j.must(t, alert(1, "firing")); seq != 6 || j.unwritable() != "" {
		t.Errorf("afterwards the next entry is %d, want 6; not ready because %q", seq, j.unwritable())
	}
}
