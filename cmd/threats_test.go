package cmd_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// threats are how many there are of each kind (issue 8, from STRIDE; C is the supply chain).
var threats = map[string]int{"S": 8, "T": 12, "R": 2, "I": 5, "D": 7, "E": 6, "C": 4}

var (
	threatLine = regexp.MustCompile(`^([A-Z]\d+) +(.+)$`)
	heldBy     = regexp.MustCompile(`^(?:[a-z/-]+\.(?:Test|Fuzz)\w+|testdata/[\w/-]+\.txtar)$`)
	reason     = regexp.MustCompile(`^not held: (?:\w.{40,})$`)
)

// threatTable reads the table in package agent's documentation: below each threat what holds it, a line of tests or of a reason each.
func threatTable(t *testing.T) map[string][]string {
	t.Helper()
	s, err := read(filepath.Join("..", "agent", "threats.go"))
	if err != nil {
		t.Fatal(err)
	}
	table, id := map[string][]string{}, ""
	for line := range strings.Lines(s.ast.Doc.Text()) {
		line, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "\t")
		switch head := threatLine.FindStringSubmatch(line); {
		case !indented || line == "":
			continue
		case head != nil && table[head[1]] != nil:
			t.Errorf("%s is there twice", head[1])
		case head != nil:
			id = head[1]
			table[id] = []string{}
		default:
			table[id] = append(table[id], strings.TrimSpace(line))
			if n := len(table[id]); n > 1 && strings.HasPrefix(table[id][n-2], "not held:") { // a reason may take several lines
				table[id] = append(table[id][:n-2], table[id][n-2]+" "+table[id][n-1])
			}
		}
	}
	return table
}

// tests are all of the module, as folder.Name.
func tests(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, top := range []string{"cmd", "generator", "agent", "deploy", "rules"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), "../")
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
					all = append(all, folder+"."+f.Name.Name)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestEveryThreatHasItsTest(t *testing.T) {
	table, known, want := threatTable(t), tests(t), 0
	for kind, most := range threats {
		for n := range most {
			want++
			id := fmt.Sprintf("%s%d", kind, n+1)
			held, listed := table[id]
			if !listed || len(held) == 0 {
				t.Errorf("%s: neither a test nor a reason", id)
			}
			for _, line := range held {
				if problem := unheld(line, known); problem != "" {
					t.Errorf("%s: %s", id, problem)
				}
			}
		}
	}
	if len(table) != want {
		t.Errorf("%d threats are listed, there are %d", len(table), want)
	}
}

// unheld says what is wrong with a line of the table, "" if nothing is: every test it names must be there.
func unheld(line string, known []string) string {
	if strings.HasPrefix(line, "not held:") {
		if !reason.MatchString(line) {
			return "this is no reason: " + line
		}
		return ""
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(line, ","), ", ") {
		if !heldBy.MatchString(name) {
			return fmt.Sprintf("%q names no test and no story", name)
		}
		if _, err := os.Stat(filepath.Join("..", name)); !slices.Contains(known, name) && (err != nil || !strings.HasSuffix(name, ".txtar")) {
			return name + " is not there"
		}
	}
	return ""
}
