package backtest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// Text writes an answer for a terminal: what to know first, then a line for each alert, then each episode.
func (a Answer) Text(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s over %s to %s (%s) in %s\n", a.File, minute(a.From), minute(a.To), long(a.To.Sub(a.From)), a.Past)
	for _, line := range a.headline() {
		fmt.Fprintln(&b, line)
	}
	a.Report.text(&b)
	if a.Other != nil {
		fmt.Fprintf(&b, "\nBESIDE THEM %s: %s\n", a.Other.File, a.Other.Totals().sentence())
		a.Other.text(&b)
		a.compared(&b)
	}
	_, err := io.WriteString(out, clean(b.String()))
	return err
}

// headline are the sentences that an answer amounts to.
func (a Answer) headline() []string {
	lines := []string{a.Totals().sentence()}
	for _, note := range a.Notes {
		lines = append(lines, "note: "+note)
	}
	for _, warning := range a.Partial {
		lines = append(lines, "warning: an answer may not be whole: "+warning)
	}
	return lines
}

// sentence says the totals, what was done first.
func (t Totals) sentence() string {
	parts := []string{fmt.Sprintf("%s, %d of them of triggers", counted(t.Fired, "firing episode"), t.Acting), long(t.Firing) + " of firing in all",
		counted(t.Pending, "episode") + " stayed pending"}
	for _, v := range Verdicts {
		if n := t.Verdicts[v.Key]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v.Would))
		}
	}
	text := strings.Join(parts, "; ")
	if t.Unjudged > 0 {
		text += fmt.Sprintf("; of %d of %s NOTHING CAN BE SAID", t.Unjudged, counted(t.Alerts, "alert"))
	}
	return text
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Verdict is what a judgement is called.
type Verdict struct{ Key, Would string }

// Verdicts are the agent's, worst first, in words.
var Verdicts = []Verdict{
	{"rollback", "would have rolled back"},
	{"propose", "would have been proposed to a person"},
	{"hold", "would have been refused"},
	{"observe", "would have been recorded only"},
	{"ignore", "would have been ignored"},
}

// would puts a judgement in words.
func (j Judgement) would() string {
	for _, v := range Verdicts {
		if v.Key == j.Verdict {
			return v.Would
		}
	}
	return j.Verdict
}

func (r Report) text(b *strings.Builder) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nALERT\tTRIGGER\tFOR\tMEASURED\tPENDING\tFIRED\tFIRING\tLONGEST\tDELAY")
	for _, a := range r.Alerts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", a.Name, a.trigger(), a.For, measured(a.Measured), strings.Join(a.row(r.Span), "\t"))
	}
	w.Flush()
	r.listed(b, "EPISODES OF TRIGGERS", func(a Alert) bool { return a.Acts() })
	r.listed(b, "EPISODES OF OTHER ALERTS", func(a Alert) bool { return !a.Acts() })
	r.unmeasured(b)
}

// listed are the episodes of some alerts in order of time: what a rollback hangs on in full, of the others a line each.
func (r Report) listed(b *strings.Builder, title string, which func(Alert) bool) {
	type entry struct {
		alert Alert
		Episode
	}
	var all []entry
	for _, a := range r.Alerts {
		for _, e := range a.Episodes {
			if which(a) {
				all = append(all, entry{a, e})
			}
		}
	}
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.Onset.Compare(b.Onset) })
	fmt.Fprintf(b, "\n%s\n", title)
	for _, e := range all {
		e.alert.episode(b, e.Episode, r.Span)
	}
}

// unmeasured says what is not known: of which alerts nothing can be said, and where the others have gaps.
func (r Report) unmeasured(b *strings.Builder) {
	lines := 0
	for _, a := range r.Alerts {
		text := a.Problem
		if text == "" && len(a.Gaps) > 0 {
			text = "not measured " + a.gaps()
		}
		if text == "" {
			continue
		}
		if lines++; lines == 1 {
			fmt.Fprint(b, "\nNOT KNOWN\n")
		}
		fmt.Fprintf(b, "%s: %s\n", a.Name, text)
	}
}

// trigger is the runbook's item and its mode, of an alert that acts.
func (a Alert) trigger() string {
	if !a.Acts() {
		return "-"
	}
	return a.Labels[slo.LabelTrigger] + " " + a.Labels[slo.LabelRollback]
}

// row are an alert's numbers: episodes that stayed pending, those that fired, for how long in all and at most, and after which delay.
func (a Alert) row(s Span) []string {
	if a.Problem != "" {
		return []string{"?", "?", "?", "?", "?"}
	}
	fired := a.Fired()
	var total, longest time.Duration
	var delays []time.Duration
	for _, e := range fired {
		total += e.FiringFor(s)
		longest = max(longest, e.FiringFor(s))
		if !e.Before {
			delays = append(delays, e.Delay())
		}
	}
	row := []string{fmt.Sprint(len(a.Episodes) - len(fired)), fmt.Sprint(len(fired)), "-", "-", "-"}
	if len(fired) > 0 {
		row[2], row[3] = long(total), long(longest)
	}
	if len(delays) > 0 {
		row[4] = long(median(delays))
	}
	return row
}

func (a Alert) episode(b *strings.Builder, e Episode, s Span) {
	if e.Fired.IsZero() {
		fmt.Fprintf(b, "%s  %s  pending for %s, did not fire%s\n", stamp(e.Onset), a.Name, long(e.End(s).Sub(e.Onset)), e.distinct(a))
		return
	}
	end := "to " + stamp(e.Resolved)
	if e.Resolved.IsZero() {
		end = "and goes on"
	}
	fmt.Fprintf(b, "%s  %s  fires %s %s (%s)%s\n", stamp(e.Onset), a.Name, stamp(e.Fired), end, long(e.FiringFor(s)), e.distinct(a))
	if a.Acts() {
		fmt.Fprintf(b, "    at onset %s; %s\n", a.comparison(e), e.detected())
	}
	if e.Verdict != "" {
		fmt.Fprintf(b, "    %s (%s): %s\n", e.would(), e.Reason, e.Text)
	}
}

// detected says how long it took.
func (e Episode) detected() string {
	if e.Before {
		return "it held already when the range began"
	}
	return "fired " + long(e.Delay()) + " after it began"
}

// distinct are the labels that tell an alert's episodes apart: those that are not the rule's.
func (e Episode) distinct(a Alert) string {
	var parts []string
	for _, name := range sortedKeys(e.Labels) {
		if _, own := a.Labels[name]; !own && name != "alertname" {
			parts = append(parts, fmt.Sprintf("%s=%q", name, e.Labels[name]))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "; " + strings.Join(parts, " ")
}

// mostGaps is how many gaps of an alert are named.
const mostGaps = 5

// gaps names the longest.
func (a Alert) gaps() string {
	var parts []string
	for _, g := range longest(a.Gaps, mostGaps) {
		parts = append(parts, fmt.Sprintf("%s to %s (%s)", stamp(g.From), stamp(g.To), long(g.To.Sub(g.From))))
	}
	if more := len(a.Gaps) - mostGaps; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d shorter gaps", more))
	}
	return strings.Join(parts, ", ")
}

// compared says of each of our episodes whether the others saw it, and of each of theirs whether we did.
func (a Answer) compared(b *strings.Builder) {
	for _, side := range []struct {
		title      string
		one, other Report
	}{{"OURS", a.Report, *a.Other}, {"THEIRS", *a.Other, a.Report}} {
		fmt.Fprintf(b, "\n%s, AND WHETHER THE OTHERS FIRED\n", side.title)
		w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
		for _, m := range side.one.Matches(side.other) {
			fmt.Fprintf(w, "%s\t%s\t%s\n", stamp(m.Fired), m.Alert, m.sentence())
		}
		w.Flush()
	}
}

func (m Match) sentence() string {
	switch {
	case m.By == "":
		return "nothing on the other side fired"
	case m.Later > 0:
		return fmt.Sprintf("%s fired %s later", m.By, long(m.Later))
	case m.Later < 0:
		return fmt.Sprintf("%s fired %s sooner", m.By, long(-m.Later))
	}
	return m.By + " fired at once"
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }
