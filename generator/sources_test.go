package generator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// edit replaces one passage of one source; a passage that is not there is a mistake of the test.
type edit struct{ file, from, to string }

// inRunbook and inBindings are edits of the two sources.
func inRunbook(from, to string) edit  { return edit{"runbook.md", from, to} }
func inBindings(from, to string) edit { return edit{"promrulegen.yaml", from, to} }

// sourcesWith writes rules/ with the edits into a folder of its own and returns the path of its bindings.
func sourcesWith(t *testing.T, edits ...edit) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"runbook.md", "runbook.ko.md", "promrulegen.yaml", "alertmanager.base.yaml"} {
		content, err := os.ReadFile(filepath.Join("..", "rules", name))
		if err != nil {
			t.Fatal(err)
		}
		text := string(content)
		for _, e := range edits {
			if e.file != name {
				continue
			}
			if !strings.Contains(text, e.from) {
				t.Fatalf("%q is not in %s", e.from, name)
			}
			text = strings.Replace(text, e.from, e.to, 1)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "promrulegen.yaml")
}

// reference is a file of ../shared, which must be there in CI; the test is skipped on a machine that has only the repository.
func reference(t *testing.T, path string) string {
	t.Helper()
	full := filepath.Join("..", "..", "shared", path)
	if _, err := os.Stat(full); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no reference here: %v", err)
	}
	return full
}
