package gitrepo

import (
	"fmt"
	"regexp"
	"strings"
)

// ID is a git object id: 40 lower-case hex digits, never all zero.
type ID string

// zeroID stands for "no object" in receive-pack's commands.
const zeroID ID = "0000000000000000000000000000000000000000"

var hex40 = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Validate reports whether id is the id of an object.
func (id ID) Validate() error {
	if !hex40.MatchString(string(id)) || id == zeroID {
		return fmt.Errorf("%w: object id %.50q: want 40 lower-case hex digits", ErrInvalid, string(id))
	}
	return nil
}

// Short is the first 12 digits, for people.
func (id ID) Short() string { return string(id[:min(12, len(id))]) }

const (
	branchPrefix = "refs/heads/"
	tagPrefix    = "refs/tags/"
	lockPrefix   = "refs/rollback-agent/lock/"
	maxName      = 200
)

// refName is narrower than git-check-ref-format on purpose: what passes needs no
// quoting in a shell, a log line or a label.
var refName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/+-]*$`)

// checkName checks the short name of a branch, tag or environment.
func checkName(what, name string) error {
	if len(name) > maxName {
		return fmt.Errorf("%w: %s name of %d bytes: at most %d", ErrInvalid, what, len(name), maxName)
	}
	if !refName.MatchString(name) {
		return fmt.Errorf("%w: %s name %q: want a letter or digit, then letters, digits and any of . _ / + -", ErrInvalid, what, name)
	}
	// The slash makes an end of the name look like an end of a component.
	for _, bad := range []string{"..", "//", "/.", "./", ".lock/"} {
		if strings.Contains(name+"/", bad) {
			return fmt.Errorf("%w: %s name %q: git does not allow %q there", ErrInvalid, what, name, bad)
		}
	}
	return nil
}
