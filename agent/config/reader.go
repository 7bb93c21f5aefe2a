package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/slo"
)

// reader collects what is wrong with one file while it is turned into a Config.
type reader struct {
	path, folder string
	lines        []string
	problems     diag.List
	holder       holder
	looked       map[string]bool // folders that were looked at
}

// complain reports a value that is there and wrong.
func (r *reader) complain(t diag.Text, message, hint string) {
	r.report(t.At, len([]rune(t.Value)), message, hint)
}

// missing reports a key that owner lacks.
func (r *reader) missing(owner diag.Position, key, hint string) {
	r.report(owner, 0, key+" is missing", hint)
}

func (r *reader) report(at diag.Position, width int, message, hint string) {
	if at == (diag.Position{}) {
		at = diag.Position{File: r.path}
	}
	r.problems.Add(diag.Diagnostic{At: at, Width: width, Source: r.source(at), Message: message, Hint: hint})
}

func (r *reader) source(at diag.Position) string {
	if at.Line < 1 || at.Line > len(r.lines) {
		return ""
	}
	return strings.TrimSuffix(r.lines[at.Line-1], "\r")
}

// required says whether a value was given.
func (r *reader) required(owner diag.Position, t diag.Text, key string) bool {
	if t.Value != "" {
		return true
	}
	if t.At != (diag.Position{}) {
		owner = t.At
	}
	r.missing(owner, key, "")
	return false
}

// twice reports a second use of what may be used once, with the place of the first.
func (r *reader) twice(t diag.Text, first map[string]diag.Position, what, key string) {
	earlier, used := first[key]
	if !used {
		first[key] = t.At
		return
	}
	r.complain(t, what+" is given twice", "")
	last := &r.problems[len(r.problems)-1]
	last.Related = []diag.Related{{At: earlier, Source: r.source(earlier), Message: "first given here"}}
}

// resolve finds a path from the file's folder.
func (r *reader) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.folder, path)
}

func (r *reader) number(t diag.Text, byDefault int) int {
	if t.Value == "" {
		return byDefault
	}
	n, err := strconv.Atoi(t.Value)
	if err != nil || n < 0 {
		r.complain(t, quoted(t.Value)+" is no whole number from 0", "")
		return byDefault
	}
	return n
}

func (r *reader) yes(t diag.Text) bool {
	if t.Value != "" && t.Value != "true" && t.Value != "false" {
		r.complain(t, quoted(t.Value)+" is neither true nor false", "")
	}
	return t.Value == "true"
}

func (r *reader) duration(t diag.Text, byDefault slo.Duration) slo.Duration {
	if t.Value == "" {
		return byDefault
	}
	d, err := slo.ParseDuration(t.Value)
	if err != nil {
		r.complain(t, err.Error(), "")
		return byDefault
	}
	if d <= 0 {
		r.complain(t, "must be longer than 0s", "")
	}
	return d
}

// cause is what the operating system said, without the path.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// reason is what the operating system said, without Go's name of the call.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Sprintf("%s: %v", path.Path, path.Err)
	}
	return err.Error()
}

func quoted(text string) string { return strconv.Quote(text) }
