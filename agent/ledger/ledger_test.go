package ledger_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/rollback"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("LEDGER_TEST_APPEND_FOREVER"); path != "" {
		appendForever(path)
		return
	}
	if path := os.Getenv("LEDGER_TEST_FAILING_DISK"); path != "" {
		appendPastLimit(path)
		return
	}
	os.Exit(m.Run())
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

func entry(body string) rollback.Entry {
	return rollback.Entry{At: noon, Environment: "checkout/production", Kind: rollback.GateRecorded, Author: "ci", Body: json.RawMessage(body)}
}

func once(key string) rollback.Entry {
	e := entry(`{}`)
	e.Kind, e.Incident, e.Once = rollback.Decided, "inc-1", key
	return e
}

func open(t *testing.T, path string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "ledger.db") }

func all(t *testing.T, l *ledger.Ledger, after int64) []rollback.Entry {
	t.Helper()
	var entries []rollback.Entry
	for e, err := range l.Entries(t.Context(), after) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

func appended(t *testing.T, l *ledger.Ledger, entries ...rollback.Entry) []rollback.Entry {
	t.Helper()
	stored, err := l.Append(t.Context(), entries...)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestEntriesComeBackAsAppendedAfterReopening(t *testing.T) {
	path := newPath(t)
	l := open(t, path)
	seoul := time.FixedZone("KST", 9*60*60)
	first := entry(`{ "b" : "<&>", "ü":1,` + "\n" + `"a":2.50 }`) // white space, escapes and number as written
	second := once("decided/inc-1")
	second.At = noon.In(seoul)
	stored := append(appended(t, l, first, second), appended(t, l, entry(`[]`))...)
	for i := range stored {
		if stored[i].Seq != int64(i+1) {
			t.Errorf("entry %d has number %d", i+1, stored[i].Seq)
		}
	}
	if got := string(stored[0].Body); got != string(first.Body) {
		t.Errorf("body became %q", got)
	}
	if stored[1].At != noon {
		t.Errorf("time became %v, want the same instant in UTC", stored[1].At)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, path)
	if diff := cmp.Diff(stored, all(t, again, 0)); diff != "" {
		t.Errorf("after reopening (-stored +read):\n%s", diff)
	}
	if diff := cmp.Diff(stored[2:], all(t, again, 2)); diff != "" {
		t.Errorf("after entry 2 (-stored +read):\n%s", diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v, want 0600", info.Mode(), err)
	}
}

func TestAKeyIsAdmittedOnceAndTheWholeAppendFails(t *testing.T) {
	path := newPath(t)
	l := open(t, path)
	appended(t, l, once("key"))
	for _, entries := range [][]rollback.Entry{{once("key")}, {entry(`1`), once("key"), entry(`2`)}, {once("new"), once("new")}} {
		if _, err := l.Append(t.Context(), entries...); !errors.Is(err, ledger.ErrTwice) {
			t.Errorf("append of %d entries: got %v, want ErrTwice", len(entries), err)
		}
	}
	_ = l.Close()
	l = open(t, path)
	if _, err := l.Append(t.Context(), once("key")); !errors.Is(err, ledger.ErrTwice) {
		t.Errorf("after reopening: got %v, want ErrTwice", err)
	}
	if stored := appended(t, l, once("new"), entry(`{}`), entry(`{}`)); stored[2].Seq != 4 {
		t.Errorf("refused appends left a gap: next number is %d, want 4", stored[2].Seq)
	}
}

func TestFiftyAtOnceAreGaplessAndOneKeyWins(t *testing.T) {
	l := open(t, newPath(t))
	outcomes := make([]error, 100)
	var group sync.WaitGroup
	for i := range outcomes {
		group.Go(func() {
			e := entry(fmt.Sprint(i))
			if i%2 == 0 {
				e = once("the one firing")
			}
			_, outcomes[i] = l.Append(t.Context(), entry(`"before"`), e)
		})
	}
	group.Wait()
	won := 0
	for i, err := range outcomes {
		if i%2 == 1 && err != nil {
			t.Errorf("append %d had nothing to do with the key, and failed: %v", i, err)
		}
		if i%2 == 0 && err == nil {
			won++
		}
		if i%2 == 0 && err != nil && !errors.Is(err, ledger.ErrTwice) {
			t.Errorf("append %d: got %v, want ErrTwice", i, err)
		}
	}
	if won != 1 {
		t.Errorf("the key was admitted %d times", won)
	}
	if err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	entries := all(t, l, 0)
	if len(entries) != 102 || entries[101].Seq != 102 {
		t.Errorf("%d entries, the last is %d, want 102", len(entries), entries[len(entries)-1].Seq)
	}
}

func TestWhatCannotBeReadBackIsRefused(t *testing.T) {
	l := open(t, newPath(t))
	for name, change := range map[string]func(*rollback.Entry){
		"unknown kind":   func(e *rollback.Entry) { e.Kind = "made.up" },
		"no time":        func(e *rollback.Entry) { e.At = time.Time{} },
		"no body":        func(e *rollback.Entry) { e.Body = nil },
		"body no JSON":   func(e *rollback.Entry) { e.Body = json.RawMessage(`{`) },
		"text not UTF-8": func(e *rollback.Entry) { e.Author = "\xff" },
	} {
		bad := entry(`{}`)
		change(&bad)
		if _, err := l.Append(t.Context(), entry(`{}`), bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if got := all(t, l, 0); len(got) != 0 {
		t.Errorf("refused appends left %d entries", len(got))
	}
}

func TestAppendAfterCloseOrCancelIsNotDurable(t *testing.T) {
	l := open(t, newPath(t))
	_ = l.Close()
	if _, err := l.Append(t.Context(), entry(`{}`)); !errors.Is(err, ledger.ErrNotDurable) {
		t.Errorf("after close: got %v, want ErrNotDurable", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	// The hand-over may win against the cancellation; then the entry is durable.
	l = open(t, newPath(t))
	stored, err := l.Append(cancelled, entry(`{}`))
	if got := len(all(t, l, 0)); (err == nil) != (got == 1) || got != len(stored) {
		t.Errorf("cancelled append says %v and left %d entries", err, got)
	}
}

func TestExportHasALineWithItsHashForEveryEntry(t *testing.T) {
	l := open(t, newPath(t))
	appended(t, l, entry("{\n\"text\": \"<b>\"}"), once("key"))
	var out strings.Builder
	if err := l.Export(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := `{"seq":1,"at":"2026-03-01T12:00:00.123456789Z","environment":"checkout/production","kind":"gate.recorded","author":"ci",` +
		`"incident":"","once":"","body_sha256":"182c9ede5f384354646d861d6a76f446359df4277b48c65b95816acffe50af54",` +
		`"hash":"HASH","body":{"text":"<b>"}}`
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2:\n%s", len(lines), out.String())
	}
	var read struct{ Hash string }
	if err := json.Unmarshal([]byte(lines[0]), &read); err != nil || len(read.Hash) != 64 {
		t.Fatalf("hash %q, %v", read.Hash, err)
	}
	if diff := cmp.Diff(want, strings.Replace(lines[0], read.Hash, "HASH", 1)); diff != "" {
		t.Errorf("first line (-want +got):\n%s", diff)
	}
}

// appendForever is the process that TestNothingAcknowledgedIsLostToKill9 kills: four writers, each saying which numbers were acknowledged.
func appendForever(path string) {
	l, err := ledger.Open(path)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for range 4 {
		go func() {
			for {
				stored, err := l.Append(context.Background(), entry(`"one"`), entry(`"two"`))
				if err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				fmt.Println(stored[1].Seq)
			}
		}()
	}
	select {}
}

func TestNothingAcknowledgedIsLostToKill9(t *testing.T) {
	path := newPath(t)
	acknowledged := int64(0)
	for _, lines := range []int{1, 7, 100, 400} {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "LEDGER_TEST_APPEND_FOREVER="+path)
		acknowledged = max(acknowledged, killAfter(t, child, lines))
		l := open(t, path) // verifies the chain
		entries := all(t, l, 0)
		if int64(len(entries)) < acknowledged {
			t.Fatalf("%d entries left, %d were acknowledged", len(entries), acknowledged)
		}
		if len(entries)%2 != 0 {
			t.Errorf("half an append is left: %d entries", len(entries))
		}
		_ = l.Close()
	}
}

// killAfter starts the child, kills it when it has printed so many numbers, and returns the highest of all that it printed.
func killAfter(t *testing.T, child *exec.Cmd, lines int) (highest int64) {
	t.Helper()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for n := 1; scanner.Scan(); n++ {
		var seq int64
		if _, err := fmt.Sscan(scanner.Text(), &seq); err != nil {
			t.Fatalf("the child said %q", scanner.Text())
		}
		highest = max(highest, seq)
		if n == lines {
			_ = child.Process.Kill()
		}
	}
	_ = child.Wait()
	return highest
}
