package condition_test

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/slo"
)

// spelling is a line of testdata/conditions: a cell and its exact meaning, or the part under the caret and the reason.
type spelling struct {
	place, cell, meaning string
	refused              bool
	caret, reason        string
}

// spellings reads the tables. Cells with a backslash are written as Go writes strings, so that invisible characters can be seen.
func spellings(t *testing.T) []spelling {
	t.Helper()
	files, err := filepath.Glob("testdata/conditions/*.tsv")
	if err != nil || len(files) < 2 {
		t.Fatalf("tables of spellings: %v, %v", files, err)
	}
	var list []spelling
	for _, file := range files {
		list = append(list, readSpellings(t, file)...)
	}
	return list
}

func readSpellings(t *testing.T, file string) []spelling {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []spelling
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if lines.Text() == "" || strings.HasPrefix(lines.Text(), "# ") {
			continue
		}
		s := spelling{place: file + ":" + strconv.Itoa(n)}
		fields := strings.Split(lines.Text(), "\t")
		s.cell = unescaped(t, fields[0])
		switch {
		case len(fields) == 2:
			s.meaning = fields[1]
		case len(fields) == 4 && fields[1] == "refused":
			s.refused, s.caret, s.reason = true, unescaped(t, fields[2]), unescaped(t, fields[3])
		default:
			t.Fatalf("%s: neither two fields nor four", s.place)
		}
		list = append(list, s)
	}
	return list
}

func unescaped(t *testing.T, text string) string {
	t.Helper()
	if !strings.Contains(text, `\`) {
		return text
	}
	plain, err := strconv.Unquote("`" + text + "`")
	if err == nil {
		plain, err = strconv.Unquote(`"` + strings.ReplaceAll(plain, `"`, `\"`) + `"`)
	}
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return plain
}

// meaning writes every field of a condition that is not zero.
func meaning(c slo.Condition) string {
	parts := []string{string(c.Op), c.Value.String()}
	note := func(present bool, text string) {
		if present {
			parts = append(parts, text)
		}
	}
	note(c.Unit != "", string(c.Unit))
	note(c.Relative, "over-baseline")
	note(c.Consecutive, "consecutive")
	note(c.Per != 0, "per="+c.Per.String())
	note(c.Quantile.Sign() != 0, "quantile="+c.Quantile.String())
	note(c.Window != 0, "window="+c.Window.String())
	note(c.Period != 0, "period="+c.Period.String())
	note(c.For != 0, "for="+c.For.String())
	note(c.Sense != "", "sense="+string(c.Sense))
	note(c.Share != "", "share="+string(c.Share))
	return strings.Join(parts, " ")
}

func TestSpellingsOfRealTables(t *testing.T) {
	list := spellings(t)
	if len(list) < 150 {
		t.Errorf("only %d spellings", len(list))
	}
	for _, s := range list {
		c, err := condition.Parse(s.cell)
		var e *condition.Error
		switch {
		case !errors.As(err, &e) && s.refused:
			t.Errorf("%s: %q is read as %s, want it refused", s.place, s.cell, meaning(c))
		case e != nil && !s.refused:
			t.Errorf("%s: %q is refused: %s, want %s", s.place, s.cell, e.Message, s.meaning)
		case e == nil && meaning(c) != s.meaning:
			t.Errorf("%s: %q\n got %s\nwant %s", s.place, s.cell, meaning(c), s.meaning)
		case e != nil && (e.Message != s.reason || caret(s.cell, e) != s.caret):
			t.Errorf("%s: %q\n got %s under %q\nwant %s under %q", s.place, s.cell, e.Message, caret(s.cell, e), s.reason, s.caret)
		}
	}
}

// Printing and reading again changes nothing in any spelling, and the printed form is its own.
func TestSpellingsSurvivePrinting(t *testing.T) {
	for _, s := range spellings(t) {
		if c, err := condition.Parse(s.cell); err == nil {
			mustSurvivePrinting(t, s.cell, c)
		}
	}
}

var quotation = regexp.MustCompile(`"([^"]+)"`)

// Whoever is refused is told at least one spelling that is read, and none that is not.
func TestEveryRefusalNamesASpellingThatWorks(t *testing.T) {
	var cells []string
	for _, s := range spellings(t) {
		cells = append(cells, s.cell)
	}
	for _, test := range refusedCells {
		cells = append(cells, test.cell)
	}
	for _, cell := range cells {
		_, err := condition.Parse(cell)
		var e *condition.Error
		if !errors.As(err, &e) {
			continue
		}
		quoted := quotation.FindAllStringSubmatch(e.Hint, -1)
		if len(quoted) == 0 {
			t.Errorf("%q: the hint names no spelling: %s", cell, e.Hint)
		}
		for _, q := range quoted {
			if _, err := condition.Parse(q[1]); err != nil && !completes(q[1]) {
				t.Errorf("%q: the hint names %q, which is refused: %v", cell, q[1], err)
			}
		}
	}
}

// completes says whether a text is the end of a condition: (5m), for 10m.
func completes(text string) bool {
	_, err := condition.Parse("> 2% " + text)
	return err == nil
}
