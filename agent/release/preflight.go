package release

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// OwnGate begins the id of every gate that is the agent's and not the plan's.
const OwnGate = "own:"

// Preflight is one run of a plan's gates on a commit, in the plan's order, before it is deployed: the rehearsal.
type Preflight struct {
	ID      string        `json:"id"`
	Commit  string        `json:"commit"`
	Content string        `json:"content"` // what the commit deploys, as of Pin
	Gates   []PlannedGate `json:"gates"`
	Logs    string        `json:"logs,omitempty"`   // folder on the agent's machine, "" when none is kept
	Expire  string        `json:"expire,omitempty"` // a result is of use for so long; "" for ever
	Started time.Time     `json:"started"`
	By      string        `json:"by"`

	Results []GateResult `json:"results,omitempty"` // filled in by the fold, in the order in which they came
	Ended   time.Time    `json:"ended,omitzero"`    // likewise; zero while it runs
	Verdict Verdict      `json:"verdict,omitempty"` // likewise
	Reason  string       `json:"reason,omitempty"`  // likewise
}

// PlannedGate is a gate as it is shown before it has run.
type PlannedGate struct {
	ID      string `json:"id"`
	Name    string `json:"name"`              // of the script, or the command
	Command string `json:"command,omitempty"` // as a shell would be given it
	Manual  bool   `json:"manual,omitempty"`  // Owner looks, and reports it; nothing is run
	Owner   string `json:"owner,omitempty"`
}

// PreflightEnd is how a preflight ended: PASS when every gate passed, FAIL when one failed, else UNKNOWN.
type PreflightEnd struct {
	ID      string  `json:"id"`
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"`
}

// InHand says whether the preflight still runs, as far as the ledger knows.
func (p Preflight) InHand() bool { return p.Ended.IsZero() }

// Result is what the preflight itself found of a gate; false if it has not come to it.
func (p Preflight) Result(gate string) (GateResult, bool) {
	for _, r := range p.Results {
		if r.Gate == gate {
			return r, true
		}
	}
	return GateResult{}, false
}

// Fresh says whether a result is still of use at a moment.
func (p Preflight) Fresh(r GateResult, now time.Time) bool {
	expire, err := slo.ParseDuration(p.Expire)
	return p.Expire == "" || err == nil && now.Sub(r.At) <= expire.Std()
}

// Conclude is the verdict of several results: FAIL if anything failed, else UNKNOWN if anything is, and which gates are not PASS.
func Conclude(all []GateResult) (Verdict, string) {
	verdict, notPassed := Pass, []string{}
	for _, r := range all {
		if r.Verdict == Pass {
			continue
		}
		notPassed = append(notPassed, r.Gate+" is "+string(r.Verdict))
		if verdict != Fail {
			verdict = r.Verdict
		}
	}
	if len(notPassed) == 0 {
		return Pass, fmt.Sprintf("%d of %d gates passed", len(all), len(all))
	}
	return verdict, strings.Join(notPassed, ", ")
}

// Planned is a gate of the plan as it is shown.
func Planned(g slo.Gate) PlannedGate {
	p := PlannedGate{ID: g.ID, Name: g.Title, Manual: g.Pass == slo.PassManual, Owner: g.Owner, Command: commandLine(g)}
	if len(g.Argv) == 0 {
		return p
	}
	p.Name = p.Command
	if shell := path.Base(g.Argv[0]); len(g.Argv) > 1 && (shell == "bash" || shell == "sh") && !strings.HasPrefix(g.Argv[1], "-") {
		p.Name = path.Base(g.Argv[1])
	}
	return p
}

// commandLine is a gate's command as one would type it. The environment is left to the plan: the runbook's record does not show it either.
func commandLine(g slo.Gate) string {
	words := make([]string, len(g.Argv))
	for i, word := range g.Argv {
		words[i] = word
		if word == "" || strings.ContainsAny(word, " \t\n'\"\\$`|&;<>()*?[]{}!#~") {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// Definition identifies what a gate runs and when that has passed: a result of another definition is of no use.
func Definition(g slo.Gate) string {
	text, err := json.Marshal([]any{g.Argv, g.Env, g.Pass, g.Title})
	if err != nil {
		panic("gate that cannot be written: " + err.Error()) // lists and maps of text always can
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))[:16]
}
