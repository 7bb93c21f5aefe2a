package agent

import (
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/rollback"
)

// shownFiles is what fits on a screen beside the rest.
const shownFiles = 30

// what is the environment, or the paths of it, that goes back.
func (h hand) what(e *environment) string {
	if len(h.paths) == 0 {
		return e.name
	}
	return strings.Join(h.paths, ", ") + " of " + e.name
}

func (h hand) facts() map[string]string {
	return map[string]string{"tip": h.tip.Commit, "target": h.target.Name(), "target_commit": h.target.Commit, "paths": strings.Join(h.paths, ","),
		"files": fmt.Sprint(h.diff.Total())}
}

// details are what a person should know before saying yes.
func (h hand) details() []string {
	lines := []string{h.origin()}
	if !h.ancestor {
		lines = append(lines, "CAREFUL: the tip does not descend from it: what is put back was never on this branch, or the branch was rewritten")
	}
	if h.lock.Incident != "" {
		lines = append(lines, "the lock of incident "+h.lock.Incident+" stands on the remote and is replaced")
	}
	if h.damaged != nil {
		lines = append(lines, fmt.Sprintf("CAREFUL: a lock stands on the remote whose record cannot be read, and is replaced: %v", h.damaged))
	}
	for n, f := range h.diff.Files {
		if n == shownFiles {
			lines = append(lines, fmt.Sprintf("… and %d more", h.diff.Total()-n))
			break
		}
		lines = append(lines, f.Status+" "+f.Path)
	}
	return lines
}

// origin says what the target is and how far it can be trusted.
func (h hand) origin() string {
	text := fmt.Sprintf("%s is commit %s", h.target.Name(), short(h.target.Commit))
	if h.target.Signer != "" {
		text += ", signed by " + h.target.Signer
	}
	if !h.pinned {
		return text + "; CAREFUL: nobody has declared it stable"
	}
	return fmt.Sprintf("%s, declared stable %s by %s", text, h.target.At.Format(time.RFC3339), h.target.By)
}

// summary counts the files of a diff.
func summary(d gitrepo.Diff) string {
	more := ""
	if d.Partial {
		more = "at least "
	}
	files := "files change"
	if d.Total() == 1 {
		files = "file changes"
	}
	return fmt.Sprintf("%s%d %s (%d come back, %d go, %d get their old content)", more, d.Total(), files, d.Added, d.Deleted, d.Modified+d.Typed)
}

// undo is how to take a rollback by hand back, for whoever made it by mistake.
func (h hand) undo(state *rollback.Environment) []string {
	lines := []string{"to undo it: rollback-agent rca " + h.incident + " --text 'rolled back by mistake'",
		"then somebody else: rollback-agent unlock " + h.incident + " --exonerate"}
	if state.Pin == nil || state.Pin.Content() != h.target.Content() {
		lines = append(lines, "then: rollback-agent stable "+h.target.Name())
	}
	return append(lines, "then: rollback-agent release "+h.released)
}
