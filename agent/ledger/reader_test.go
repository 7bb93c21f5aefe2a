package ledger_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/ledger/ledgertest"
)

// read opens a ledger to read it, gives its extent and closes it.
func read(t *testing.T, path string) ledger.Extent {
	t.Helper()
	r, err := ledger.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	extent, err := r.Inspect(t.Context())
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return extent
}

// folder is every file in the ledger's folder with its content's hash.
func folder(t *testing.T, path string) map[string]string {
	t.Helper()
	files := map[string]string{}
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		files[filepath.Base(name)] = hex.EncodeToString(sum[:])
	}
	return files
}

func TestReadingLeavesEveryFileAsItIs(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T) (path string, entries int64){
		"at rest": func(t *testing.T) (string, int64) { return filled(t), 5 },
		"at rest in a read-only folder": func(t *testing.T) (string, int64) {
			path := filled(t)
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			there := t.TempDir()
			if os.Getuid() == 0 {
				mountWith(t, there, path)
				return filepath.Join(there, "ledger.db"), 5
			}
			write(t, filepath.Join(there, "ledger.db"), content)
			readOnly(t, there)
			return filepath.Join(there, "ledger.db"), 5
		},
		"after a crash": func(t *testing.T) (string, int64) {
			path := filled(t)
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), "LEDGER_TEST_APPEND_FOREVER="+path)
			return path, killAfter(t, child, 3)
		},
		"of the first version": func(t *testing.T) (string, int64) { return version1(t), 4 },
	} {
		t.Run(name, func(t *testing.T) {
			path, entries := leave(t)
			before := folder(t, path)
			extent := read(t, path)
			if extent.Last < entries || len(extent.Hash) != 64 {
				t.Errorf("got %+v, want at least %d entries", extent, entries)
			}
			if diff := cmp.Diff(before, folder(t, path)); diff != "" {
				t.Errorf("reading changed the folder (-before +after):\n%s", diff)
			}
		})
	}
}

// mountWith bind-mounts the ledger's folder read-only; where that is not allowed, the test cannot be run by root.
func mountWith(t *testing.T, there, path string) {
	t.Helper()
	from := filepath.Dir(path)
	if exec.Command("mount", "--bind", from, there).Run() != nil || exec.Command("mount", "-o", "remount,bind,ro", there).Run() != nil {
		t.Skip("root without the right to mount: modes do not bind it")
	}
	t.Cleanup(func() { unmount(t, there) })
}

func TestReadingBesideARunningAgentSeesWhatIsAppended(t *testing.T) {
	path := newPath(t)
	l := open(t, path)
	for n := range int64(3) {
		appended(t, l, entry(fmt.Sprint(n)))
		if extent := read(t, path); extent.Last != n+1 {
			t.Fatalf("after entry %d the reader ends with %d", n+1, extent.Last)
		}
	}
	appended(t, l, entry(`"the writer goes on"`))
	ledgertest.Cut(t, l, 2)
	if extent := read(t, path); extent.Cut != 2 || extent.Last != 5 || extent.From != ledgertest.Noon || extent.To != ledgertest.Noon {
		t.Errorf("after a cut: %+v", extent)
	}
}

func TestAnAgentThatStartsWhileAFileAtRestIsReadIsNoticed(t *testing.T) {
	path := filled(t)
	r, err := ledger.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, path)
	appended(t, l, entry(`"meanwhile"`))
	var refused *ledger.Refusal
	if err := r.Close(); !errors.As(err, &refused) || refused.Kind != ledger.InUse {
		t.Errorf("got %v, want to be told", err)
	}
}

func TestAReaderRefusesWhatAnAgentWould(t *testing.T) {
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		kind ledger.Kind
	}{
		"removed":       {func(t *testing.T, path string) { remove(t, path) }, ledger.Lost},
		"never there":   {func(t *testing.T, path string) { remove(t, path); remove(t, path+".lock") }, ledger.NoAccess},
		"empty":         {func(t *testing.T, path string) { write(t, path, nil) }, ledger.Damaged},
		"notes":         {func(t *testing.T, path string) { write(t, path, []byte("# notes, long enough")) }, ledger.Foreign},
		"newer":         {func(t *testing.T, path string) { change(t, path, "PRAGMA user_version = 1000") }, ledger.Newer},
		"page replaced": {func(t *testing.T, path string) { overwrite(t, path, 4096, 4096) }, ledger.Damaged},
		"shortened":     {func(t *testing.T, path string) { change(t, path, "DELETE FROM entries WHERE seq > 3") }, ledger.Lost},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			c.make(t, path)
			r, err := ledger.OpenReader(path)
			if err == nil {
				_, err = r.Inspect(t.Context())
				_ = r.Close()
			}
			var refused *ledger.Refusal
			if !errors.As(err, &refused) || refused.Kind != c.kind || refused.Hint == "" {
				t.Errorf("got %v, want a refusal of kind %s with a hint", err, c.kind)
			}
		})
	}
}

func TestAnExportEndsBeforeWhatIsWrong(t *testing.T) {
	path := filled(t)
	change(t, path, "UPDATE entries SET author = 'kim' WHERE seq = 3")
	r, err := ledger.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out strings.Builder
	var bad *ledger.BadEntry
	if err := r.Export(t.Context(), &out); !errors.As(err, &bad) || bad.Seq != 3 || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("got %v after %d lines, want entry 3 named after two", err, strings.Count(out.String(), "\n"))
	}
	if err := r.Export(t.Context(), failing{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v, want the writer's own error", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
