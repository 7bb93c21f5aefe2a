package generator

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// How long a gate may run: a search is done in minutes, a benchmark or a nightly suite may take half an hour.
const (
	commandTimeout = slo.Duration(30 * time.Minute)
	searchTimeout  = slo.Duration(5 * time.Minute)
)

// gates makes a gate of every precondition, then of those that the bindings define.
func (r *resolver) gates() {
	for _, item := range r.doc.Preconditions {
		r.precondition(item)
	}
	for _, e := range r.bind.Gates {
		if _, listed := r.listed(e.Key.Value); !listed {
			r.ownGate(e)
		}
	}
}

// precondition reads an item: the command in its code span, run as written and without a shell, and what passes.
func (r *resolver) precondition(item runbook.Item) {
	if e, given := r.bind.Gates.Find(item.Number); given && oneOf(r, e.Value.Manual, "truth value", "false", "true") == "true" {
		r.manualGate(item, e)
		return
	}
	if len(item.Code) != 1 {
		r.blameCell(item.Text, fmt.Sprintf("precondition %s names %d commands, not one", item.Number, len(item.Code)),
			fmt.Sprintf("put the command between backticks, and nothing else; what a person sees to is declared under `gates`: "+
				"%q: {manual: true, owner: NAME}", item.Number))
		return
	}
	code := item.Code[0]
	c, err := splitCommand(code.Text)
	if err != nil {
		r.problems.Add(code.Diagnose(err.offset, 1, "cannot run this without a shell: "+err.message, err.hint))
		return
	}
	pass, ok := r.passes(item)
	if !ok {
		return
	}
	g := slo.Gate{ID: item.Number, Line: item.Line, Argv: c.argv, Env: c.env, Pass: pass, Timeout: commandTimeout}
	if pass == slo.PassNoMatch {
		g.Timeout = searchTimeout
	}
	if e, given := r.bind.Gates.Find(item.Number); given {
		r.refine(&g, e)
	}
	r.matrix.Gates = append(r.matrix.Gates, g)
}

// manualGate is a precondition that no command can tell: its owner reports it.
func (r *resolver) manualGate(item runbook.Item, e diag.Entry[runbook.GateBinding]) {
	b := e.Value
	for _, key := range []struct {
		text diag.Text
		name string
	}{{b.Run, "run"}, {b.Logs, "logs"}, {b.Hard, "hard"}, {b.Every, "every"}} {
		if key.text.Value != "" {
			r.blame(key.text, fmt.Sprintf("a manual gate runs nothing: `%s` means nothing", key.name), fmt.Sprintf("drop `%s`, or `manual`", key.name))
		}
	}
	if r.given(b.Owner, e.Key, "owner") {
		r.knownOwner(b.Owner)
	}
	r.matrix.Gates = append(r.matrix.Gates, slo.Gate{
		ID: item.Number, Line: item.Line, Title: item.Text.Text, Owner: b.Owner.Value, Env: map[string]string{}, Pass: slo.PassManual,
	})
}

// What the words after a command may be, whole.
var (
	exit0   = regexp.MustCompile(`(?i)^(|passes|succeeds|exits?( with)? 0|성공|통과|PASS)$`)
	noMatch = regexp.MustCompile(`(?i)^(finds (0|nothing|none|no match(es)?)|(0|no) (results?|match(es)?|hits?)|match(es)? nothing|` +
		`결과(가|는|이)? ?(0|0건|없음))$`)
)

// passes reads what the words after the command say. A word not understood may turn its meaning around, so it is refused.
func (r *resolver) passes(item runbook.Item) (slo.Pass, bool) {
	_, words, _ := strings.Cut(item.Text.Text, item.Code[0].Text)
	words = strings.Trim(words, " .:;,。")
	switch {
	case exit0.MatchString(words):
		return slo.PassExit0, true
	case noMatch.MatchString(words):
		return slo.PassNoMatch, true
	}
	r.blameCell(item.Text, fmt.Sprintf("when does precondition %s pass? %q is not understood", item.Number, words),
		`write "finds 0" for a search that must find nothing; a command alone passes with exit status 0`)
	return "", false
}

// refine adds what the bindings know of a gate.
func (r *resolver) refine(g *slo.Gate, e diag.Entry[runbook.GateBinding]) {
	b := e.Value
	if b.Owner.Value != "" {
		r.blame(b.Owner, fmt.Sprintf("gate %s is run by the agent, and reported by nobody", g.ID), "drop `owner`, or write `manual: true`")
	}
	if b.Run.Value != "" && g.Line != 0 {
		r.blame(b.Run, fmt.Sprintf("precondition %s has its command in the runbook", g.ID), "drop `run`, or give the gate a name of its own")
	}
	g.Hard = oneOf(r, b.Hard, "truth value", "false", "true") == "true"
	g.Every, _ = r.duration(b.Every)
	g.Logs = b.Logs.Value
	if g.Hard != (g.Every != 0) {
		r.blame(e.Key, "`hard` and `every` go together: a hard gate is run again, and `every` says how often", "write `hard: true, every: 30m`")
	}
	if g.Logs != "" && (path.IsAbs(g.Logs) || path.Clean(g.Logs) != g.Logs || strings.HasPrefix(g.Logs, "..")) {
		r.blame(b.Logs, "logs is not a folder in the checkout", "write a relative path, for instance target/qa")
	}
}

// ownGate is a gate that stands in the bindings only.
func (r *resolver) ownGate(e diag.Entry[runbook.GateBinding]) {
	if e.Value.Manual.Value != "" {
		r.blame(e.Value.Manual, fmt.Sprintf("there is no precondition %q: what a person sees to is an item of that list", e.Key.Value),
			meant(e.Key.Value, r.preconditionNumbers()))
		return
	}
	if e.Value.Run.Value == "" {
		r.blame(e.Key, fmt.Sprintf("there is no precondition %q, and the gate has no command of its own", e.Key.Value),
			meant(e.Key.Value, r.gateIDs()))
		return
	}
	if !idPattern.MatchString(e.Key.Value) {
		r.blame(e.Key, fmt.Sprintf("%q is no name for a gate of its own", e.Key.Value), "use lower-case words with hyphens")
		return
	}
	c, err := splitCommand(e.Value.Run.Value)
	if err != nil {
		d := r.bind.Within(e.Value.Run, err.offset, 1, "cannot run this without a shell: "+err.message)
		d.Hint = err.hint
		r.problems.Add(d)
		return
	}
	g := slo.Gate{ID: e.Key.Value, Argv: c.argv, Env: c.env, Pass: slo.PassExit0, Timeout: commandTimeout}
	r.refine(&g, e)
	r.matrix.Gates = append(r.matrix.Gates, g)
}

func (r *resolver) listed(number string) (runbook.Item, bool) {
	for _, item := range r.doc.Preconditions {
		if item.Number == number {
			return item, true
		}
	}
	return runbook.Item{}, false
}

func (r *resolver) gate(id string) (slo.Gate, bool) {
	for _, g := range r.matrix.Gates {
		if g.ID == id {
			return g, true
		}
	}
	return slo.Gate{}, false
}

func (r *resolver) preconditionNumbers() []string {
	var numbers []string
	for _, item := range r.doc.Preconditions {
		numbers = append(numbers, item.Number)
	}
	return numbers
}

func (r *resolver) gateIDs() []string {
	var ids []string
	for _, g := range r.matrix.Gates {
		ids = append(ids, g.ID)
	}
	return ids
}
