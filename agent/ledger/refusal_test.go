package ledger_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/rollback"
)

// refusal opens a ledger that must be refused.
func refusal(t *testing.T, path string, kind ledger.Kind) *ledger.Refusal {
	t.Helper()
	l, err := ledger.Open(path)
	if err == nil {
		_ = l.Close()
		t.Fatalf("opened, want a refusal of kind %s", kind)
	}
	var r *ledger.Refusal
	if !errors.As(err, &r) || r.Kind != kind {
		t.Fatalf("got %v, want a refusal of kind %s", err, kind)
	}
	if r.Hint == "" {
		t.Errorf("refusal without a hint: %v", err)
	}
	return r
}

// filled makes a closed ledger of five entries.
func filled(t *testing.T) string {
	t.Helper()
	path := newPath(t)
	l := open(t, path)
	appended(t, l, entry(`1`), entry(`2`), once("key"), entry(`4`))
	appended(t, l, entry(`5`))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// change runs SQL on the file as an attacker would, with the guards dropped.
func change(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	guards := "DROP TRIGGER entries_are_not_changed; DROP TRIGGER entries_are_not_deleted;"
	if _, err := db.Exec(guards + statements); err != nil {
		t.Fatal(err)
	}
}

func TestEveryTamperingIsFoundWithItsEntry(t *testing.T) {
	for name, tampering := range map[string]struct {
		statements string
		seq        int64
	}{
		"time":              {"UPDATE entries SET at = '2026-03-01T12:00:00.12345679Z' WHERE seq = 2", 2},
		"time respelled":    {"UPDATE entries SET at = '2026-03-01T12:00:00.123456789+00:00' WHERE seq = 2", 2},
		"environment":       {"UPDATE entries SET environment = 'checkout/staging' WHERE seq = 2", 2},
		"kind":              {"UPDATE entries SET kind = 'lock.cleared' WHERE seq = 2", 2},
		"author":            {"UPDATE entries SET author = 'kim' WHERE seq = 2", 2},
		"incident":          {"UPDATE entries SET incident = 'inc-2' WHERE seq = 3", 3},
		"key":               {"UPDATE entries SET once = 'other' WHERE seq = 3", 3},
		"key removed":       {"UPDATE entries SET once = NULL WHERE seq = 3", 3},
		"body":              {"UPDATE entries SET body = CAST('9' AS BLOB) WHERE seq = 5", 5},
		"body's space":      {"UPDATE entries SET body = CAST('1 ' AS BLOB) WHERE seq = 1", 1},
		"hash":              {"UPDATE entries SET hash = zeroblob(32) WHERE seq = 4", 4},
		"first removed":     {"DELETE FROM entries WHERE seq = 1", 1},
		"one removed":       {"DELETE FROM entries WHERE seq = 3", 3},
		"removed, numbered": {"DELETE FROM entries WHERE seq = 2; UPDATE entries SET seq = seq - 1 WHERE seq > 2", 2},
		"two swapped": {"UPDATE entries SET seq = -1 WHERE seq = 1; UPDATE entries SET seq = 1 WHERE seq = 2; " +
			"UPDATE entries SET seq = 2 WHERE seq = -1", 1},
		"one added": {"INSERT INTO entries SELECT 6, at, environment, kind, author, incident, NULL, body, hash FROM entries WHERE seq = 5", 6},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			change(t, path, tampering.statements)
			var bad *ledger.BadEntry
			if r := refusal(t, path, ledger.Tampered); !errors.As(r, &bad) || bad.Seq != tampering.seq {
				t.Errorf("got %v, want entry %d named", r, tampering.seq)
			}
		})
	}
}

func TestVerifyFindsTamperingWhileItIsOpen(t *testing.T) {
	path := filled(t)
	l := open(t, path)
	change(t, path, "UPDATE entries SET author = 'kim' WHERE seq = 2")
	var bad *ledger.BadEntry
	if err := l.Verify(t.Context()); !errors.As(err, &bad) || bad.Seq != 2 {
		t.Errorf("got %v, want entry 2 named", err)
	}
}

func TestLostEntriesAreMissed(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, path string){
		"last entry removed": func(t *testing.T, path string) { change(t, path, "DELETE FROM entries WHERE seq = 5") },
		"all removed":        func(t *testing.T, path string) { change(t, path, "DELETE FROM entries") },
		"file removed":       func(t *testing.T, path string) { remove(t, path) },
		"older copy": func(t *testing.T, path string) {
			older, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			l := open(t, path)
			appended(t, l, entry(`6`))
			_ = l.Close()
			write(t, path, older)
		},
		"another ledger": func(t *testing.T, path string) {
			other := filled2(t)
			content, err := os.ReadFile(other)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, content)
		},
		"-wal file removed": func(t *testing.T, path string) { // the agent was killed, and somebody tidied up
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), "LEDGER_TEST_APPEND_FOREVER="+path)
			killAfter(t, child, 3)
			remove(t, path+"-wal")
			remove(t, path+"-shm")
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			lose(t, path)
			_, before := os.Stat(path)
			refusal(t, path, ledger.Lost)
			if _, after := os.Stat(path); errors.Is(before, fs.ErrNotExist) != errors.Is(after, fs.ErrNotExist) {
				t.Errorf("refusing made a file: before %v, after %v", before, after)
			}
		})
	}
}

// filled2 is a ledger as long as filled's, of other entries.
func filled2(t *testing.T) string {
	t.Helper()
	path := newPath(t)
	l := open(t, path)
	for range 6 {
		appended(t, l, entry(`"other"`))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheLossIsAcceptedByRemovingTheLockFile(t *testing.T) {
	path := filled(t)
	change(t, path, "DELETE FROM entries WHERE seq = 5")
	if r := refusal(t, path, ledger.Lost); !strings.Contains(r.Hint, path+".lock") {
		t.Errorf("the hint does not name the lock file: %s", r.Hint)
	}
	remove(t, path+".lock")
	if got := all(t, open(t, path), 0); len(got) != 4 {
		t.Errorf("%d entries, want 4", len(got))
	}
}

func TestFilesThatAreNoWholeLedgerAreRefused(t *testing.T) {
	for name, file := range map[string]struct {
		make func(t *testing.T, path string)
		kind ledger.Kind
	}{
		"empty file":       {func(t *testing.T, path string) { write(t, path, nil) }, ledger.Damaged},
		"cut in header":    {func(t *testing.T, path string) { cut(t, path, 10) }, ledger.Damaged},
		"cut in page 1":    {func(t *testing.T, path string) { cut(t, path, 3000) }, ledger.Damaged},
		"cut by a page":    {func(t *testing.T, path string) { cut(t, path, -4096) }, ledger.Damaged},
		"page overwritten": {func(t *testing.T, path string) { overwrite(t, path, 4096, 4096) }, ledger.Damaged},
		"text file":        {func(t *testing.T, path string) { write(t, path, []byte("# my notes, not a ledger\n")) }, ledger.Foreign},
		"other database": {func(t *testing.T, path string) {
			change(t, path, "PRAGMA application_id = 7")
		}, ledger.Foreign},
		"newer version": {func(t *testing.T, path string) { change(t, path, "PRAGMA user_version = 1000") }, ledger.Newer},
		"a folder": {func(t *testing.T, path string) {
			remove(t, path)
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, ledger.NoAccess},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			file.make(t, path)
			refusal(t, path, file.kind)
		})
	}
}

func TestAnUnknownKindIsRefusedWithItsEntry(t *testing.T) {
	path := newPath(t)
	l := open(t, path)
	appended(t, l, entry(`1`))
	change(t, path, `INSERT INTO entries VALUES (2, '2026-03-01T12:00:00Z', '', 'from.the.future', 'a', '', NULL, CAST('{}' AS BLOB), zeroblob(32))`)
	var got []rollback.Entry
	var failed error
	for e, err := range l.Entries(t.Context(), 0) {
		if err != nil {
			failed = err
			break
		}
		got = append(got, e)
	}
	var bad *ledger.BadEntry
	if !errors.As(failed, &bad) || bad.Seq != 2 || len(got) != 1 {
		t.Errorf("got %d entries and %v, want one, and entry 2 named", len(got), failed)
	}
}

func TestTheFileItselfRefusesChanges(t *testing.T) {
	path := filled(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"UPDATE entries SET author = 'kim'", "DELETE FROM entries"} {
		if _, err := db.Exec(statement); err == nil {
			t.Errorf("%s: allowed", statement)
		}
	}
}

func TestASecondProcessIsRefusedUntilTheFirstIsGone(t *testing.T) {
	path := newPath(t)
	l := open(t, path)
	refusal(t, path, ledger.InUse)
	appended(t, l, entry(`{}`)) // the first goes on
	_ = l.Close()

	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "LEDGER_TEST_APPEND_FOREVER="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // it has appended: it is open
		t.Fatal(err)
	}
	refusal(t, path, ledger.InUse)
	_ = child.Process.Kill()
	_ = child.Wait()
	open(t, path) // a killed process leaves no lock behind
}

func TestAHalfMadeLedgerIsMadeAgain(t *testing.T) {
	path := newPath(t)
	write(t, path+".new", []byte("SQLite for"))
	write(t, path+".new-wal", []byte("x"))
	appended(t, open(t, path), entry(`{}`))
	if left, _ := filepath.Glob(path + ".new*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPathsWithOddCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a?b=c#d%20 é.db")
	appended(t, open(t, path), entry(`{}`))
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatIsMissingOrReadOnlyIsRefused(t *testing.T) {
	refusal(t, filepath.Join(t.TempDir(), "missing", "ledger.db"), ledger.NoAccess)
	folder := t.TempDir()
	readOnly(t, folder)
	refusal(t, filepath.Join(folder, "ledger.db"), ledger.NoAccess)
}

// readOnly makes a folder so; for root, whom modes do not bind, by a mount.
func readOnly(t *testing.T, folder string) {
	t.Helper()
	if os.Getuid() == 0 && mount(folder, "ro") == nil {
		t.Cleanup(func() { unmount(t, folder) })
		return
	}
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		t.Skip("root without the right to mount: modes do not bind it")
	}
}

func mount(folder, options string) error {
	return exec.CommandContext(context.Background(), "mount", "-t", "tmpfs", "-o", options, "tmpfs", folder).Run()
}

func unmount(t *testing.T, folder string) {
	if out, err := exec.Command("umount", folder).CombinedOutput(); err != nil {
		t.Errorf("umount: %v: %s", err, out)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// cut leaves the first n bytes, or all but the last -n.
func cut(t *testing.T, path string, n int64) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if n < 0 {
		n += info.Size()
	}
	if err := os.Truncate(path, n); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t *testing.T, path string, at, n int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(strings.Repeat("\xa5", int(n))), at); err != nil {
		t.Fatal(err)
	}
}
