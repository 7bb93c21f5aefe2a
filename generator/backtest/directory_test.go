package backtest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/generator/backtest/pasttest"
)

// day is a short past with an outage at noon.
var day = Span{monthBegins, monthBegins.Add(24 * time.Hour)}

func writeDay(t *testing.T, blocks bool, incidents ...pasttest.Incident) string {
	t.Helper()
	dir := t.TempDir()
	past := pasttest.Past{From: day.From.Add(-2 * time.Hour), To: day.To, Scrape: 15 * time.Second, Blocks: blocks}
	incidents = append(incidents, incident(pasttest.Errors, 12*time.Hour, 20*time.Minute))
	if err := past.Write(dir, pasttest.Shop(past.Scrape, incidents...)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// state is every file of a folder, with its content, mode and time.
func state(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		content := []byte(nil)
		if !e.IsDir() {
			if content, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		all[path] = fmt.Sprintf("%x %s %s", sha256.Sum256(content), info.Mode(), info.ModTime())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestADirectoryIsOnlyRead(t *testing.T) {
	for name, parts := range map[string]struct{ blocks, log bool }{
		"blocks and a log": {true, true}, "a write-ahead log alone": {false, true}, "blocks alone, as of a snapshot": {true, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := writeDay(t, parts.blocks)
			if !parts.log {
				withoutLog(t, dir)
			}
			before := state(t, dir)
			past, err := OpenDirectory(dir)
			if err != nil {
				t.Fatal(err)
			}
			r := replayed(t, past, groupsIn(t, "api-error-rate"), Options{Span: Span{day.From, day.From.Add(18 * time.Hour)}}) // what is later may be in the log alone
			if err := past.Close(); err != nil {
				t.Error(err)
			}
			if fired := r.Totals().Fired; fired != 2 {
				t.Errorf("%d episodes fired, want that of the alert and that of its objective", fired)
			}
			if diff := cmp.Diff(before, state(t, dir)); diff != "" {
				t.Errorf("the directory changed:\n%s", diff)
			}
		})
	}
}

// withoutLog leaves only the blocks.
func withoutLog(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"wal", "wbl", "chunks_head"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAWorkingCopyIsNotLeftBehind(t *testing.T) {
	working := t.TempDir()
	dir := writeDay(t, false)
	t.Setenv("TMPDIR", working)
	past, err := OpenDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := past.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(working); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestADirectoryThatCannotBeReadIsRefused(t *testing.T) {
	damage := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			blocks, err := filepath.Glob(filepath.Join(dir, "*", "meta.json"))
			if err != nil || len(blocks) == 0 {
				t.Fatalf("no block: %v", err)
			}
			if err := os.Truncate(filepath.Join(filepath.Dir(blocks[0]), name), 10); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name string
		dir  func(t *testing.T) string
		do   func(t *testing.T, dir string)
	}{
		{"missing", func(t *testing.T) string { return filepath.Join(t.TempDir(), "no") }, nil},
		{"empty", func(t *testing.T) string { return t.TempDir() }, nil},
		{"index cut short", func(t *testing.T) string { return writeDay(t, true) }, damage("index")},
		{"meta cut short", func(t *testing.T) string { return writeDay(t, true) }, damage("meta.json")},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := test.dir(t)
			if test.do != nil {
				test.do(t, dir)
			}
			_, err := OpenDirectory(dir)
			var refusal *Refusal
			if !errors.As(err, &refusal) || refusal.Hint == "" || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want a refusal that names the directory and has a hint", err)
			}
		})
	}
}

// What stands in a damaged chunk is not taken for quiet.
func TestADamagedChunkIsAProblemOfTheAlertsThatReadIt(t *testing.T) {
	dir := writeDay(t, true)
	chunks, err := filepath.Glob(filepath.Join(dir, "*", "chunks", "000001"))
	if err != nil || len(chunks) == 0 {
		t.Fatalf("no chunks: %v", err)
	}
	for _, c := range chunks {
		if err := os.Truncate(c, 64); err != nil {
			t.Fatal(err)
		}
	}
	past, err := OpenDirectory(dir)
	if err != nil {
		return // found when it was opened: as well
	}
	defer past.Close()
	r, err := Run(t.Context(), past, groupsIn(t, "api-error-rate"), Options{Span: Span{day.From, day.From.Add(10 * time.Hour)}})
	if err != nil {
		return
	}
	for _, a := range r.Alerts {
		if a.Judged() {
			t.Errorf("%s: measured %v, %d episodes, and no problem", a.Name, a.Measured, len(a.Episodes))
		}
	}
}

func TestARangeOutsideIsRefusedAndOneInPartSaysSo(t *testing.T) {
	past, err := OpenDirectory(writeDay(t, true))
	if err != nil {
		t.Fatal(err)
	}
	defer past.Close()
	rules := groupsIn(t, "api-error-rate")
	_, err = Run(t.Context(), past, rules, Options{Span: Span{day.From.Add(-100 * time.Hour), day.From.Add(-50 * time.Hour)}})
	if err == nil || !strings.Contains(err.Error(), "holds nothing before 2026-02-28") {
		t.Errorf("before all data: %v", err)
	}
	r := replayed(t, past, rules, Options{Span: Span{day.From.Add(-24 * time.Hour), day.To}})
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "holds nothing before 2026-02-28 22:00:00Z") {
		t.Errorf("notes: %s", notes)
	}
	if gaps := r.Alerts[0].Gaps; len(gaps) != 1 || gaps[0].To.Sub(day.From.Add(-2*time.Hour)).Abs() > 10*time.Minute {
		t.Errorf("gaps %v, want one up to the first data", gaps)
	}
	for _, a := range r.Alerts {
		if len(a.Episodes) > 0 && a.Episodes[0].Onset.Before(day.From.Add(-2*time.Hour)) {
			t.Errorf("%s: fires where no data are kept: %+v", a.Name, a.Episodes[0])
		}
	}
	if m := r.Alerts[0].Measured; math.Abs(m-26.0/48) > 0.01 {
		t.Errorf("measured %v", m)
	}
}
