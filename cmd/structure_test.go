// Package cmd_test keeps the house in order: who may import whom, what every package must say, and how large things may grow.
// It parses the files and runs nothing.
package cmd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/coclai/cutover/"

// The domains, and the leaves of the generator that the agent may use as well (they are the contract between the programs).
var (
	domains = []string{"agent/release", "agent/rollback", "generator/slo"}
	leaves  = []string{"generator/slo", "generator/diag", "generator/plot", "generator/atomicfile"}
)

// mayImport says what each package may import of ours; a folder followed by /... stands for all below it. A package without a line
// is a finding: whoever adds one decides here where it stands.
var mayImport = map[string][]string{
	"cmd/promrulegen":    {"generator", "generator/...", "agent", "agent/release", "agent/rollback", "agent/evidence"}, // backtest joins the two
	"cmd/rollback-agent": {"agent", "agent/...", "generator/slo", "generator/diag"},
	"deploy/demo":        domains, // a user of the programs: it reads their words and runs them

	"generator":              {"generator/..."},
	"generator/slo":          {},
	"generator/diag":         {"generator/slo"},
	"generator/condition":    {"generator/slo", "generator/diag"},
	"generator/atomicfile":   {},
	"generator/plot":         {},
	"generator/runbook":      {"generator/slo", "generator/diag", "generator/condition"},
	"generator/prom":         {"generator/slo", "generator/diag"},
	"generator/alertmanager": {"generator/slo", "generator/diag"},
	"generator/grafana":      {"generator/slo"},
	"generator/kubernetes":   {"generator/slo"},
	"generator/live":         {"generator/slo"},
	"generator/proof":        {"generator/slo", "generator/diag"},
	"generator/backtest":     {"generator/slo", "generator/plot"},

	"generator/backtest/pasttest": {}, // pasts, for tests

	"agent":                   append([]string{"agent/..."}, leaves...),
	"agent/release":           {"generator/slo"},
	"agent/rollback":          {"agent/release", "generator/slo"},
	"agent/config":            append([]string{"generator/diag"}, domains...),
	"agent/ledger":            domains,
	"agent/ledger/ledgertest": append([]string{"agent/ledger"}, domains...), // the contract of every store, for tests
	"agent/ledger/pgtest":     {},                                           // a real PostgreSQL, for tests
	"agent/gitrepo":           domains,
	"agent/gitrepo/gittest":   append([]string{"agent/gitrepo"}, domains...), // a real remote, for tests
	"agent/evidence":          domains,
	"agent/verify":            domains,
	"agent/notify":            domains,
	"agent/report":            append([]string{"generator/plot"}, domains...),
	"agent/doctor":            append([]string{"agent/config", "agent/ledger", "agent/gitrepo", "agent/evidence", "agent/verify", "agent/notify"}, domains...), // looks at what they speak to
	"agent/web":               domains,
}

// rooms are the only packages that may import a library (by path prefix): replacing it must stay a matter of one room.
var rooms = map[string][]string{
	"github.com/labstack/echo":                 {"agent/web"},
	"github.com/go-git/":                       {"agent/gitrepo", "cmd/promrulegen"},
	"github.com/hiddeco/sshsig":                {"agent/gitrepo"},
	"github.com/ProtonMail/go-crypto/":         {"agent/gitrepo"},
	"golang.org/x/crypto/":                     {"agent/gitrepo", "agent/gitrepo/gittest"},
	"modernc.org/sqlite":                       {"agent/ledger"},
	"github.com/jackc/pgx/":                    {"agent/ledger", "agent/ledger/pgtest"},
	"github.com/yuin/goldmark":                 {"generator/runbook"},
	"github.com/grafana/":                      {"generator/grafana"},
	"github.com/prometheus-operator/":          {}, // its types are for tests
	"k8s.io/":                                  {},
	"github.com/prometheus/alertmanager/":      {"generator/alertmanager", "generator", "agent", "agent/doctor"},
	"github.com/prometheus/exporter-toolkit":   {"cmd/rollback-agent"},
	"github.com/prometheus/client_golang/api":  {"agent/evidence", "deploy/demo", "generator/live", "generator/backtest"},
	"github.com/prometheus/prometheus/promql":  {"generator/proof", "generator/prom", "generator", "generator/runbook", "generator/backtest"},
	"github.com/prometheus/prometheus/model/":  {"generator/proof", "generator/prom", "generator", "generator/backtest", "generator/backtest/pasttest"},
	"github.com/prometheus/prometheus/storage": {"generator/proof", "generator/backtest", "generator/backtest/pasttest"},
	"github.com/prometheus/prometheus/tsdb":    {"generator/proof", "generator/backtest", "generator/backtest/pasttest"},
}

// source is one Go file of the module that is no test and not generated.
type source struct {
	pkg   string // folder, from the top
	path  string
	text  string
	files *token.FileSet
	ast   *ast.File
}

func (s source) line(at token.Pos) string {
	return s.path + ":" + strconv.Itoa(s.files.Position(at).Line)
}

func (s source) imports() []string {
	var all []string
	for _, i := range s.ast.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		all = append(all, p)
	}
	return all
}

// sources reads every folder that holds our code; it fails rather than return none.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, top := range []string{"cmd", "generator", "agent", "deploy"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			s, err := read(name)
			if err == nil && !ast.IsGenerated(s.ast) {
				all = append(all, s)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(all) == 0 {
		t.Fatal("no Go file found")
	}
	return all
}

func read(name string) (source, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return source{}, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.ParseComments)
	slashed := strings.TrimPrefix(filepath.ToSlash(name), "../")
	return source{pkg: path.Dir(slashed), path: slashed, text: string(text), files: files, ast: file}, err
}

// covers says whether one of the patterns names pkg.
func covers(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		below, all := strings.CutSuffix(p, "/...")
		return p == pkg || all && strings.HasPrefix(pkg, below+"/")
	})
}

func TestImportsOnlyGoDown(t *testing.T) {
	for _, s := range sources(t) {
		allowed, known := mayImport[s.pkg]
		if !known {
			t.Errorf("%s: package %s has no line in mayImport", s.path, s.pkg)
			continue
		}
		for _, i := range s.imports() {
			ours, own := strings.CutPrefix(i, module)
			if own && !covers(allowed, ours) {
				t.Errorf("%s: %s may not import %s", s.path, s.pkg, ours)
			}
			if own && (strings.HasSuffix(ours, "/gittest") || strings.HasSuffix(ours, "/ledgertest") || strings.HasSuffix(ours, "/pasttest") || strings.HasSuffix(ours, "/pgtest")) {
				t.Errorf("%s: %s is for tests", s.path, ours)
			}
		}
	}
}

func TestLibrariesStayInTheirRooms(t *testing.T) {
	for _, s := range sources(t) {
		for _, i := range s.imports() {
			for library, packages := range rooms {
				if strings.HasPrefix(i, library) && !slices.Contains(packages, s.pkg) {
					t.Errorf("%s: %s belongs to %v", s.path, i, packages)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItPromises(t *testing.T) {
	docs := map[string]string{}
	for _, s := range sources(t) {
		docs[s.pkg] += s.ast.Doc.Text()
	}
	for pkg, doc := range docs {
		if len(strings.Fields(doc)) < 8 {
			t.Errorf("%s: its doc comment says nothing: %q", pkg, doc)
		}
	}
}

func TestNobodyIsTrustedUnseen(t *testing.T) {
	for _, s := range sources(t) {
		for _, word := range []string{"InsecureIgnoreHostKey", "InsecureSkipVerify"} {
			if strings.Contains(s.text, word) {
				t.Errorf("%s: contains %s", s.path, word)
			}
		}
	}
}

func TestTheTopLevelIsWhatTheReadmeShows(t *testing.T) {
	allowed := strings.Fields("cmd generator agent rules deploy testdata tools go.mod go.sum Makefile README.md CHANGELOG.md CONTRIBUTING.md LICENSE bin")
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s does not belong at the top", e.Name())
		}
	}
}
