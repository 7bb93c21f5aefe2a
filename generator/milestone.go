package generator

import (
	"fmt"
	"regexp"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

var milestonePattern = regexp.MustCompile(`^T ?\+ ?([^\s:]+(?: (?:minutes?|hours?|days?))?)\s*[:—–-]\s*(.+)$`)

// milestones reads every point after T0. The last one ends the watch, unless it says that it ends something else.
func (r *resolver) milestones() {
	var last slo.Duration
	for i, item := range r.doc.Milestones {
		m, ok := r.milestone(item)
		if !ok {
			continue
		}
		if m.After <= last {
			r.blameCell(item.Text, fmt.Sprintf("milestone %s is not after the one before it", item.Number), "list milestones in order of time")
		}
		last = m.After
		r.compareObservation(item, m)
		if i == len(r.doc.Milestones)-1 && m.Ends == "" {
			m.Ends = slo.EndsWatch
		}
		r.matrix.Milestones = append(r.matrix.Milestones, m)
	}
}

func (r *resolver) milestone(item runbook.Item) (slo.Milestone, bool) {
	found := milestonePattern.FindStringSubmatch(item.Text.Text)
	if found == nil {
		r.blameCell(item.Text, fmt.Sprintf("milestone %s says no time", item.Number), "write for instance: T+30m: end of intensive observation")
		return slo.Milestone{}, false
	}
	after, ok := spanIn(found[1])
	if !ok {
		r.blameCell(item.Text, fmt.Sprintf("%q is no length of time", found[1]), "write for instance T+30m, T+2h, T+2d")
		return slo.Milestone{}, false
	}
	m := slo.Milestone{Item: item.Number, Line: item.Line, After: after, Title: found[2], Needs: slo.NeedsReading}
	text := found[2]
	if mentions(text, "intensive", "집중") {
		m.Ends, m.Needs = slo.EndsIntensive, slo.NeedsJudgement
	}
	if mentions(text, "stabilis", "stabiliz", "안정화") {
		m.Ends = slo.EndsStabilisation
	}
	switch {
	case mentions(text, "release notes", "release note", "릴리즈 노트", "릴리스 노트"):
		m.Draft, m.Needs = slo.DraftReleaseNotes, slo.NeedsAcceptance
	case mentions(text, "backlog", "백로그"):
		m.Draft, m.Needs = slo.DraftBacklog, slo.NeedsAcceptance
	}
	return m, true
}

// compareObservation blames a milestone that ends an observation at another time than the checklist says.
func (r *resolver) compareObservation(item runbook.Item, m slo.Milestone) {
	for i, step := range r.matrix.Checklist {
		if step.Step != slo.StepObserve || step.Until == 0 || step.Until == m.After {
			continue
		}
		text := r.doc.Checklist[i].Text
		intensive := m.Ends == slo.EndsIntensive && mentions(text.Text, "intensive", "집중")
		stabilising := m.Ends == slo.EndsStabilisation && mentions(text.Text, "stabilis", "stabiliz", "안정화")
		if intensive || stabilising {
			r.blameCell(item.Text, fmt.Sprintf("milestone %s ends after %s what item %s observes for %s", m.Item, m.After, step.Item, step.Until),
				"make both say the same", diag.Related{At: text.At, Source: text.Source, Message: "the observation stands here"})
		}
	}
}
