package generator

import (
	"fmt"
	"path"
	"slices"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// actions reads every rollback action by its words; one that the agent does not know is manual.
func (r *resolver) actions() {
	for _, item := range r.doc.Actions {
		r.matrix.Rollback = append(r.matrix.Rollback, r.action(item))
	}
	restores := func(s slo.RollbackStep) bool { return s.Step == slo.RollbackRestore }
	if len(r.doc.Actions) > 0 && !slices.ContainsFunc(r.matrix.Rollback, restores) {
		r.blameCell(r.doc.Actions[0].Text, "no rollback action goes back to the stable tag", "write for instance: Go back to the last stable tag")
	}
}

func (r *resolver) action(item runbook.Item) slo.RollbackStep {
	s := slo.RollbackStep{Item: item.Number, Line: item.Line, Step: slo.StepManual}
	text := item.Text.Text
	switch {
	case classifies(item):
		s.Step, s.Components = slo.RollbackClassify, r.components
	case mentions(text, "redeploy", "re-deploy", "no deployment", "재배포"):
		s.Step = slo.RollbackLock
	case len(item.Code) > 0:
		s.Step, s.Gates = slo.RollbackGates, r.gatesAgain(item)
	case mentions(text, "tag", "태그"):
		s.Step = slo.RollbackRestore
	}
	return s
}

func classifies(item runbook.Item) bool {
	return mentions(item.Text.Text, "classify", "classification", "분류")
}

// componentsOf are the components by which the document classifies incidents, nil if it does not.
func componentsOf(d runbook.Document) []string {
	for _, item := range d.Actions {
		if classifies(item) {
			return parenthesised(item.Text.Text)
		}
	}
	return nil
}

// gatesAgain finds the gates whose commands the item names: by the command itself, or by its script.
func (r *resolver) gatesAgain(item runbook.Item) []string {
	var ids []string
	for _, code := range item.Code {
		id, found := r.gateRunning(code.Text)
		if !found {
			r.blameCell(code, fmt.Sprintf("no precondition runs %q", code.Text), "name the script of a gate, as section 1 does")
			continue
		}
		ids = append(ids, id)
	}
	r.compareRestored(item, ids)
	return ids
}

func (r *resolver) gateRunning(name string) (string, bool) {
	for _, g := range r.matrix.Gates {
		for _, word := range g.Argv {
			if word == name || path.Base(word) == name {
				return g.ID, true
			}
		}
		if item, listed := r.listed(g.ID); listed && g.Pass != slo.PassManual && item.Code[0].Text == name {
			return g.ID, true
		}
	}
	return "", false
}

// compareRestored compares the gates of the action with those that the bindings name.
func (r *resolver) compareRestored(item runbook.Item, ids []string) {
	restored := r.bind.Cutover.Restored
	if len(restored) == 0 || len(ids) == 0 {
		return
	}
	var named []string
	for _, text := range restored {
		named = append(named, text.Value)
	}
	if !slices.Equal(named, ids) {
		message := fmt.Sprintf("`restored` is %v, and action %s of the runbook runs %v", named, item.Number, ids)
		d := r.bind.Diagnostic(restored[0], message, "make both say the same")
		d.Related = []diag.Related{{At: item.Text.At, Source: item.Text.Source, Message: "the action stands here"}}
		r.problems.Add(d)
	}
}
