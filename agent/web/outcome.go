package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/rollback"
)

// done are the entries of the ledger that record deeds, each with its number and its author. Decisions have sections of their own.
func done(entries []rollback.Entry) []string {
	var lines []string
	for _, entry := range entries {
		if entry.Kind != rollback.Decided {
			entry.Incident = "" // it is the same on every line
			lines = append(lines, fmt.Sprintf("%5d  %s  %-18s  %s: %s", entry.Seq, Moment(entry.At), entry.Kind, entry.Author, Sentence(entry)))
		}
	}
	return lines
}

// shownOutput is what is shown of a gate's output: its end, which says how it failed.
const shownOutput = 15

func checked(i *rollback.Incident) []string {
	v := i.Verification
	if v == nil {
		return nil
	}
	lines := []string{joined(fmt.Sprintf("%s for commit %s", v.Verdict, short(v.Restored)), measured("at the end", v.Reading))}
	if !v.Healthy.IsZero() && !i.PushedAt.IsZero() {
		lines = append(lines, fmt.Sprintf("healthy again at %s, %s after the push", Moment(v.Healthy), v.Healthy.Sub(i.PushedAt).Truncate(time.Second)))
	}
	for _, g := range v.Gates {
		lines = append(lines, fmt.Sprintf("gate %s: %s, %s, took %s", g.Gate, g.Verdict, g.Reason, g.Took))
		output := strings.Split(strings.TrimRight(g.Output, "\n"), "\n")
		if len(output) > shownOutput {
			output = append([]string{fmt.Sprintf("… %d lines before", len(output)-shownOutput)}, output[len(output)-shownOutput:]...)
		}
		for _, line := range output {
			if line != "" {
				lines = append(lines, "    "+line)
			}
		}
	}
	return lines
}

func blamed(i *rollback.Incident) []string {
	c := i.Classification
	if c == nil {
		return nil
	}
	return append([]string{c.Component + " failed first"}, limited(c.Evidence, "firings")...)
}

func closing(e *rollback.Environment, i *rollback.Incident, now time.Time) []string {
	var lines []string
	if e.Lock != nil && e.Lock.Incident == i.ID {
		why, how := Locked(e, now)
		lines = append(lines, "LOCKED "+why, how)
	}
	if a := i.RCA; a != nil {
		lines = append(lines, fmt.Sprintf("cause, submitted %s by %s: %s", Moment(a.At), a.By, a))
	}
	switch u := i.Unlocked; {
	case u == nil:
	case u.BreakGlass:
		lines = append(lines, fmt.Sprintf("THE GLASS WAS BROKEN %s by %s: %s", Moment(u.At), u.By, u.Cause))
	default:
		lines = append(lines, fmt.Sprintf("unlocked %s by %s", Moment(u.At), u.By))
	}
	return lines
}
