package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestActionsAreThoseThatWereLookedAt holds C3: others' actions are named by commit, since a tag can move; a workflow may only read, and none runs
// for a stranger's pull request with our rights.
func TestActionsAreThoseThatWereLookedAt(t *testing.T) {
	files, err := filepath.Glob("ci/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	uses, commit, read := regexp.MustCompile(`(?m)^\s*-?\s*uses:\s*(\S+)`), regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40}$`), 0
	for _, path := range append(files, "action/action.yml") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range uses.FindAllStringSubmatch(string(content), -1) {
			read++
			if !commit.MatchString(found[1]) {
				t.Errorf("%s: %s can become something else", path, found[1])
			}
		}
		if strings.Contains(string(content), "pull_request_target") {
			t.Errorf("%s runs with our rights for everybody", path)
		}
		if strings.HasPrefix(path, "ci/") && !strings.Contains(string(content), "\npermissions: {contents: read}") {
			t.Errorf("%s does not say that it may only read", path)
		}
	}
	if read < 3 {
		t.Errorf("%d actions", read)
	}
}

// TestAVulnerableModuleFailsTheTests holds C1 as far as it can be held without the database: what govulncheck finds fails `make test`, and so does
// whatever keeps it from looking, but for a database that nobody required and that cannot be reached.
func TestAVulnerableModuleFailsTheTests(t *testing.T) {
	for name, c := range map[string]struct {
		said, code, db string
		fails          bool
	}{
		"nothing found":                         {"No vulnerabilities found.", "0", "", false},
		"a reachable one":                       {"Vulnerability #1: GO-2026-0001", "3", "", true},
		"a reachable one, database required":    {"Vulnerability #1: GO-2026-0001", "3", "https://vuln.example.org", true},
		"it does not build":                     {"govulncheck: loading packages: undefined: x", "1", "", true},
		"the database is away":                  {"govulncheck: fetching vulnerabilities: dial tcp: no route", "1", "", false},
		"the database is away, and is required": {"govulncheck: fetching vulnerabilities: dial tcp: no route", "1", "https://vuln.example.org", true},
	} {
		bin := t.TempDir()
		if err := os.WriteFile(filepath.Join(bin, "govulncheck"), []byte("#!/bin/sh\necho '"+c.said+"'\nexit "+c.code+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("../tools/vulnerabilities")
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOVULNDB=") })
		cmd.Env = append(cmd.Env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		if c.db != "" {
			cmd.Env = append(cmd.Env, "GOVULNDB="+c.db)
		}
		out, err := cmd.CombinedOutput()
		if (err != nil) != c.fails || !strings.Contains(string(out), c.said) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
