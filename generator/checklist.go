package generator

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// checklist reads every item of the execution checklist by its words.
func (r *resolver) checklist() {
	for _, item := range r.doc.Checklist {
		r.matrix.Checklist = append(r.matrix.Checklist, r.step(item))
	}
	tags := func(s slo.Step) bool { return s.Step == slo.StepTag }
	if len(r.doc.Checklist) > 0 && !slices.ContainsFunc(r.matrix.Checklist, tags) {
		first := r.doc.Checklist[0]
		r.blameCell(first.Text, "no item of the checklist makes the tag to return to",
			"write for instance: Create the tag `pre-cutover-YYYYMMDD`; without it there is nothing to roll back to")
	}
}

// step reads one item; one that the agent does not know is a person's, whom a checklist is for. The order matters: the tag is made
// "before the deployment", the window of the deployment is announced.
func (r *resolver) step(item runbook.Item) slo.Step {
	s := slo.Step{Item: item.Number, Line: item.Line, Step: slo.StepManual, By: slo.ByPerson}
	text := item.Text.Text
	switch {
	case mentions(text, "tag", "태그"):
		s.Step, s.By = slo.StepTag, slo.ByAgent
		r.tag(item)
	case mentions(text, "recheck", "re-check", "재확인"), mentions(text, "check") && mentions(text, "again"):
		s.Step, s.By = slo.StepRecheck, slo.ByAgent
	case mentions(text, "announce", "notify", "공지", "알림"):
		s.Step, s.By = slo.StepAnnounce, slo.ByAgent
	case mentions(text, "observ", "watch", "monitor", "stabilis", "stabiliz", "관측", "모니터링", "안정화"):
		s.Step, s.By = slo.StepObserve, slo.ByAgent
		r.observe(&s, item)
	case mentions(text, "deploy", "release", "roll out", "rollout", "배포", "출시"):
		s.Step = slo.StepDeploy
	}
	return s
}

// observe reads how long, and which rows first.
func (r *resolver) observe(s *slo.Step, item runbook.Item) {
	until, ok := spanIn(item.Text.Text)
	if !ok {
		r.blameCell(item.Text, fmt.Sprintf("how long does item %s observe?", item.Number), "write for instance: for 30 minutes")
	}
	s.Until = until
	for _, name := range parenthesised(item.Text.Text) {
		if id, ok := r.rowCalled(item, name); ok {
			s.SLOs = append(s.SLOs, id)
		}
	}
}

// rowCalled finds the row that a short name means: "error rate" is the API error rate.
func (r *resolver) rowCalled(item runbook.Item, name string) (string, bool) {
	var found, names []string
	for _, s := range r.matrix.SLIs {
		if s.Trigger == s.Item || !s.Bounded() {
			continue // no row of the table, or none that the agent could judge by
		}
		names = append(names, s.Title)
		if strings.EqualFold(s.Title, name) {
			return s.ID, true
		}
		if mentions(s.Title, strings.ToLower(name)) {
			found = append(found, s.ID)
		}
	}
	if len(found) == 1 {
		return found[0], true
	}
	if r.anyRowIs(name) {
		return "", false // the row is there and was refused
	}
	message := fmt.Sprintf("item %s observes %q, which is %d rows of the table, not one", item.Number, name, len(found))
	r.blameCell(item.Text, message, meant(name, names))
	return "", false
}

func (r *resolver) anyRowIs(name string) bool {
	for _, row := range r.doc.Rows {
		if _, compiled := r.bounds[r.idOf(row)]; !compiled && mentions(row.Name.Text, strings.ToLower(name)) {
			return true
		}
	}
	return false
}

func (r *resolver) idOf(row runbook.Row) string {
	e := r.slis[row.Name.Text]
	return e.Value.ID.Value
}

var dayPattern = regexp.MustCompile(`YYYY([-.]?)MM([-.]?)DD`)

// tag reads the name of the stable tag; the day stands in it as YYYYMMDD, with or without separators.
func (r *resolver) tag(item runbook.Item) {
	if len(item.Code) != 1 {
		r.blameCell(item.Text, fmt.Sprintf("item %s names %d tags, not one", item.Number, len(item.Code)), "put the tag's name between backticks")
		return
	}
	name := item.Code[0]
	if len(dayPattern.FindAllString(name.Text, -1)) != 1 {
		r.blameCell(name, "the tag's name has no day in it: the next cutover would need the same tag", "write YYYYMMDD where the day belongs")
		return
	}
	if !isRef(dayPattern.ReplaceAllString(name.Text, "20060102")) {
		r.blameCell(name, "git does not take this as a tag's name", "see `git help check-ref-format`")
		return
	}
	r.matrix.StableTag.Pattern = dayPattern.ReplaceAllString(name.Text, "{date:2006${1}01${2}02}")
}

var refPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/-]*[A-Za-z0-9_-]$`)

// isRef is stricter than git: what is left out of it would have to be quoted somewhere.
func isRef(name string) bool {
	for _, bad := range []string{"..", "//", "/.", "./", ".lock"} {
		if strings.Contains(name, bad) {
			return false
		}
	}
	return refPattern.MatchString(name)
}
