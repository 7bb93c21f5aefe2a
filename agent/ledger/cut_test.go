package ledger_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/ledger/ledgertest"
)

// cutLedger is a closed ledger whose first four entries were cut: 5 to 8 remain, of which 8 is the checkpoint.
func cutLedger(t *testing.T) string {
	t.Helper()
	path := newPath(t)
	l := open(t, path)
	appended(t, l, entry(`1`), once("spent"), entry(`3`), entry(`4`), entry(`5`), once("in use"), entry(`7`))
	ledgertest.Cut(t, l, 4)
	for rows(t, path) != 4 {
		appended(t, l) // what was cut is deleted between appends
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestALedgerThatWasCutVerifiesAndGoesOn(t *testing.T) {
	path := cutLedger(t)
	l := open(t, path)
	if stored := appended(t, l, entry(`9`)); stored[0].Seq != 9 {
		t.Errorf("the next entry is %d, want 9", stored[0].Seq)
	}
	extent, err := l.Inspect(t.Context())
	if err != nil || extent.Cut != 4 || extent.Last != 9 {
		t.Errorf("got %+v, %v", extent, err)
	}
}

func TestTamperingWithTheBeginningIsFound(t *testing.T) {
	for name, statements := range map[string]string{
		"begun later":              "UPDATE start SET cut = 5, hash = (SELECT hash FROM entries WHERE seq = 5); DELETE FROM entries WHERE seq = 5",
		"begun elsewhere":          "UPDATE start SET hash = zeroblob(32)",
		"another checkpoint named": "UPDATE start SET checkpoint = 7",
		"no checkpoint named":      "UPDATE start SET checkpoint = 99",
		"begun at the beginning":   "UPDATE start SET cut = 0, hash = zeroblob(32), checkpoint = 0",
		"place removed":            "DELETE FROM start",
		"key freed":                "DELETE FROM spent",
		"key added":                "INSERT INTO spent VALUES ('rollback checkout/production inc-2')",
	} {
		t.Run(name, func(t *testing.T) {
			path := cutLedger(t)
			change(t, path, statements)
			refusal(t, path, ledger.Tampered)
		})
	}
}

func TestWhatWasCutIsDeletedAlsoAfterARestart(t *testing.T) {
	path := newPath(t)
	l := open(t, path)
	for range 20 {
		for range 10 {
			appended(t, l, entry(`"some text that takes room"`), entry(`2`), entry(`3`), entry(`4`), entry(`5`))
		}
	}
	ledgertest.Cut(t, l, 990)
	_ = l.Close() // perhaps before all of it is gone
	l = open(t, path)
	for rows(t, path) != 11 {
		appended(t, l) // the writer makes room between appends
	}
	if err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheFileGuardsWhatWasNotCut(t *testing.T) {
	path := cutLedger(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("DELETE FROM entries WHERE seq = 5"); err == nil {
		t.Error("an entry behind the cut can be deleted")
	}
}

func rows(t *testing.T, path string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("SELECT count(*) FROM entries").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// version1 is a copy of a ledger that the first released version wrote: four entries, one of them with a key.
func version1(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("testdata/version1.db")
	if err != nil {
		t.Fatal(err)
	}
	path := newPath(t)
	write(t, path, content)
	return path
}

func TestALedgerOfTheFirstVersionIsBroughtForward(t *testing.T) {
	path := version1(t)
	before := read(t, path)
	l := open(t, path)
	if _, err := l.Append(t.Context(), once("rollback checkout/production inc-1")); !errors.Is(err, ledger.ErrTwice) {
		t.Errorf("its key: got %v, want ErrTwice", err)
	}
	appended(t, l, entry(`5`))
	ledgertest.Cut(t, l, 4)
	if _, err := l.Append(t.Context(), once("rollback checkout/production inc-1")); !errors.Is(err, ledger.ErrTwice) {
		t.Errorf("its key after the cut: got %v, want ErrTwice", err)
	}
	_ = l.Close()
	if after := read(t, path); before.Last != 4 || after.Last != 6 || after.Cut != 4 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestAnOlderLedgerThatDoesNotVerifyIsNotTouched(t *testing.T) {
	path := version1(t)
	change(t, path, "UPDATE entries SET author = 'kim' WHERE seq = 2")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refusal(t, path, ledger.Tampered)
	after, err := os.ReadFile(path)
	if err != nil || fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("it was changed (%v)", err)
	}
}
