package generator

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Difference is a file of the output folder that is not what the sources compile to.
type Difference struct {
	Path    string
	Missing bool
	Stale   bool   // generated once, and no longer compiled
	Excerpt string // of a unified diff, from the file as it is to the file as it should be; "" if it is missing
}

// excerptLines keep the report on one screen.
const excerptLines = 24

// Compare says which files of a folder differ from those compiled of a runbook, and which are no longer compiled.
func Compare(files []File, source, folder string) ([]Difference, error) {
	var differences []Difference
	for _, f := range files {
		path := filepath.Join(folder, f.Name)
		found, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			differences = append(differences, Difference{Path: path, Missing: true})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("compare: %w", err)
		}
		if !bytes.Equal(found, f.Content) {
			differences = append(differences, Difference{Path: path, Excerpt: excerpt(path, found, f.Content)})
		}
	}
	stale, err := Stale(files, source, folder)
	for _, path := range stale {
		differences = append(differences, Difference{Path: path, Stale: true})
	}
	return differences, err
}

func excerpt(path string, found, compiled []byte) string {
	lines := strings.SplitAfter(string(diff.Diff(path, found, path+" (compiled)", compiled)), "\n")
	lines = lines[min(1, len(lines)):] // the first says "diff", and nothing else
	if more := len(lines) - excerptLines; more > 0 {
		lines = append(lines[:excerptLines], fmt.Sprintf("… and %d lines more\n", more))
	}
	return secret.ReplaceAllString(strings.Join(lines, ""), "${1}<hidden>")
}

// secret finds what a user's Alertmanager configuration may hold in clear; the report goes to CI's log.
var secret = regexp.MustCompile(`((?:password|secret|token|_key|credentials|_url)['"]?:\s*)[^\s,}][^,}\n]*`)
