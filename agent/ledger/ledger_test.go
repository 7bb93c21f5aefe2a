package ledger_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/ledger/ledgertest"
	"github.com/coclai/cutover/agent/rollback"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("LEDGER_TEST_APPEND_FOREVER"); path != "" {
		appendForever(path)
		return
	}
	if path := os.Getenv("LEDGER_TEST_DIE_AT"); path != "" {
		appendUntilDead(path)
		return
	}
	if path := os.Getenv("LEDGER_TEST_FAILING_DISK"); path != "" {
		appendPastLimit(path)
		return
	}
	os.Exit(m.Run())
}

// The contract's own entries serve here as well.
var (
	entry = ledgertest.Entry
	once  = ledgertest.Once
)

func open(t testing.TB, path string) *ledger.Ledger {
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
	return ledgertest.All(t, l, after)
}

func appended(t *testing.T, l *ledger.Ledger, entries ...rollback.Entry) []rollback.Entry {
	t.Helper()
	return ledgertest.Append(t, l, entries...)
}

func TestItKeepsTheContract(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Open {
		path := newPath(t)
		return func(t *testing.T) ledgertest.Opened {
			l := open(t, path) // verifies the chain
			return ledgertest.Opened{Store: l, Close: l.Close}
		}
	})
}

func TestTheFileIsItsOwnersAlone(t *testing.T) {
	path := newPath(t)
	appended(t, open(t, path), entry(`{}`))
	for _, name := range []string{path, path + ".lock", path + "-wal", path + "-shm"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v, want 0600", filepath.Base(name), info.Mode(), err)
		}
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
