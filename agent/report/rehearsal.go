package report

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
)

// Rehearsal is the record of a preflight in the form of a runbook's rehearsal record: gate, verdict, log root, logs. The results are those
// of the plan's gates and of the agent's own, as far as there are any.
func Rehearsal(environment string, p release.Preflight, gates, own []release.GateResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Rehearsal Record (%s)\n\n", p.Started.UTC().Format(time.DateOnly))
	for _, g := range p.Gates {
		writeGate(&b, p, g, gates)
	}
	if len(own) > 0 {
		b.WriteString("\n### Gates of the agent's own\n\n")
	}
	for _, r := range own {
		fmt.Fprintf(&b, "- %s: %s\n  - %s\n", code(r.Gate), r.Verdict, oneLine(r.Reason))
	}
	fmt.Fprintf(&b, "\n### The run\n\n- verdict: %s\n", verdictOf(p))
	for _, fact := range [][2]string{{"environment", environment}, {"commit", p.Commit}, {"preflight", p.ID}, {"by", p.By},
		{"started", moment(p.Started)}, {"ended", moment(p.Ended)}, {"results are of use for", p.Expire}, {"log root", p.Logs}} {
		if fact[1] != "" {
			fmt.Fprintf(&b, "- %s: %s\n", fact[0], code(fact[1]))
		}
	}
	return b.String()
}

func verdictOf(p release.Preflight) string {
	if p.InHand() {
		return "none yet, it runs"
	}
	return fmt.Sprintf("%s (%s)", p.Verdict, oneLine(p.Reason))
}

// writeGate is a gate with its verdict, and under it what it rests on.
func writeGate(b *strings.Builder, p release.Preflight, g release.PlannedGate, results []release.GateResult) {
	r, known := release.Preflight{Results: results}.Result(g.ID)
	switch {
	case known:
		fmt.Fprintf(b, "- %s: %s\n", code(g.Name), r.Verdict)
	case g.Manual:
		fmt.Fprintf(b, "- %s: waits for %s\n", code(g.Name), oneLine(g.Owner))
	case p.InHand():
		fmt.Fprintf(b, "- %s: not run yet\n", code(g.Name))
	default:
		fmt.Fprintf(b, "- %s: UNKNOWN\n", code(g.Name))
	}
	fmt.Fprintf(b, "  - gate: %s\n", code(g.ID))
	if !known {
		return
	}
	for _, fact := range gateFacts(r) {
		fmt.Fprintf(b, "  - %s\n", fact)
	}
	if r.Excerpt != "" {
		b.WriteString(block(r.Excerpt))
	}
}

func gateFacts(r release.GateResult) []string {
	var all []string
	if r.Reason != "" {
		text := oneLine(r.Reason)
		if r.Took != "" {
			text += ", took " + oneLine(r.Took)
		}
		all = append(all, text)
	}
	if r.Run == "" && r.By != "" {
		all = append(all, fmt.Sprintf("reported by %s, %s", oneLine(r.By), moment(r.At)))
	}
	if r.Log != "" {
		all = append(all, "log: "+code(r.Log))
	}
	for _, file := range r.Kept {
		all = append(all, fmt.Sprintf("%s log: %s", oneLine(logName(file)), code(file)))
	}
	return all
}

// logName is what a log is called after its file: "script_smoke.log" is the script smoke log.
func logName(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	return strings.NewReplacer("_", " ", "-", " ").Replace(name)
}

// oneLine is text that no Markdown is read out of.
func oneLine(text string) string {
	return strings.NewReplacer("\n", " ", "\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "<", "&lt;", "[", "\\[", "#", "\\#", "|", "\\|").Replace(text)
}

// code is a code span that holds whatever text: its fence is longer than any run of backticks in it (CommonMark 0.31, 6.1).
func code(text string) string {
	text = strings.ReplaceAll(text, "\n", " ")
	fence := strings.Repeat("`", longest(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// block is a fenced code block within a list's item.
func block(text string) string {
	fence := "    " + strings.Repeat("`", max(3, longest(text)+1)) + "\n"
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return "\n" + fence + "    " + strings.Join(lines, "\n    ") + "\n" + fence + "\n"
}

// longest is the length of the longest run of backticks.
func longest(text string) int {
	most, run := 0, 0
	for _, r := range text {
		if run++; r != '`' {
			run = 0
		}
		most = max(most, run)
	}
	return most
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
