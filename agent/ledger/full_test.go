package ledger_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/ledger"
)

// A full disk is staged on a file system of 1 MiB where it may be mounted, otherwise with SQLite's own limit on the file's size.
func TestAFullDiskFailsAppendsAndRecovers(t *testing.T) {
	folder := t.TempDir()
	if mount(folder, "size=1m") != nil {
		t.Log("no right to mount: staged with max_page_count")
		testFull(t, open(t, filepath.Join(folder, "ledger.db")), ledger.LimitPages)
		return
	}
	t.Cleanup(func() { unmount(t, folder) })
	ballast := filepath.Join(folder, "ballast")
	write(t, ballast, make([]byte, 500<<10))
	l := open(t, filepath.Join(folder, "ledger.db"))
	testFull(t, l, func(_ *ledger.Ledger, full bool) error {
		if full {
			return nil // appends fill what is left
		}
		return os.Remove(ballast)
	})
	_ = l.Close()
	if left := all(t, open(t, filepath.Join(folder, "ledger.db")), 0); len(left) == 0 {
		t.Error("nothing is left after reopening")
	}
}

func testFull(t *testing.T, l *ledger.Ledger, limit func(l *ledger.Ledger, full bool) error) {
	t.Helper()
	appended(t, l, entry(`"first"`))
	if err := limit(l, true); err != nil {
		t.Fatal(err)
	}
	large := entry(`"` + strings.Repeat("x", 64<<10) + `"`)
	var failed error
	stored := 1
	for ; failed == nil && stored < 1000; stored++ {
		_, failed = l.Append(t.Context(), large)
	}
	if !errors.Is(failed, ledger.ErrNotDurable) || errors.Is(failed, ledger.ErrBroken) {
		t.Fatalf("after %d appends: got %v, want ErrNotDurable, and nothing broken", stored, failed)
	}
	if got := len(all(t, l, 0)); got != stored-1 {
		t.Errorf("%d entries can be read, %d were acknowledged", got, stored-1)
	}
	if err := limit(l, false); err != nil {
		t.Fatal(err)
	}
	if again := appended(t, l, large); again[0].Seq != int64(stored) {
		t.Errorf("the failed append left a gap: next number is %d, want %d", again[0].Seq, stored)
	}
	if err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}
