package generator

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/generator/diag"
)

// problemsOf are the diagnostics for rules/ with the edits, each as "file «what the caret stands under»: message | hint | related".
func problemsOf(t *testing.T, edits ...edit) []string {
	t.Helper()
	config := sourcesWith(t, edits...)
	sources, problems, err := Parse(Options{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	_, more := Resolve(sources)
	problems.Add(more...)
	var got []string
	for _, p := range problems.Sorted() {
		line := filepath.Base(p.At.File) + " «" + underCaret(p) + "»: " + p.Message
		if p.Hint != "" {
			line += " | " + p.Hint
		}
		for _, r := range p.Related {
			line += " | " + filepath.Base(r.At.File) + " «" + underCaret(diag.Diagnostic{At: r.At, Source: r.Source, Width: 20}) + "»: " + r.Message
		}
		got = append(got, strings.ReplaceAll(line, filepath.Dir(config)+"/", ""))
	}
	return got
}

func underCaret(d diag.Diagnostic) string {
	source := []rune(d.Source)
	start := min(max(d.At.Column-1, 0), len(source))
	return string(source[start:min(start+max(d.Width, 1), len(source))])
}

func TestTheSourcesOfThisRepositoryResolve(t *testing.T) {
	if diff := cmp.Diff([]string(nil), problemsOf(t)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// problem is bad input and the one diagnostic that must come of it.
type problem struct {
	name  string
	edits []edit
	want  string // the beginning of "file:line:col: message | hint | place: related"
}

func (p problem) run(t *testing.T) {
	t.Run(p.name, func(t *testing.T) {
		t.Parallel()
		got := problemsOf(t, p.edits...)
		if len(got) != 1 || !strings.HasPrefix(got[0], p.want) {
			t.Errorf("problems:\n%s\nwant one, beginning with\n%s", strings.Join(got, "\n"), p.want)
		}
	})
}

func TestRowsThatCannotBeCompiledAreRefused(t *testing.T) {
	for _, p := range []problem{
		{"a row that nothing measures",
			[]edit{inRunbook("| Doc contract drift |", "| Doc contract drift | mismatch 0 | mismatch > 0 | Release manager |\n| Doc drift |")},
			`runbook.md «Doc drift»: row "Doc drift" is bound to no measurement`},
		{"a measurement that no row has",
			[]edit{inBindings("  Approval timeout ratio:", "  Rejections:\n    id: rejections\n  Approval timeout ratio:")},
			`promrulegen.yaml «Rejections»: the table in runbook.md has no row "Rejections"`},
		{"a cell that cannot be read", []edit{inRunbook("| > 5% (15m) |", "| > 5 percentish (15m) |")},
			`runbook.md «percentish»: cannot read "> 5 percentish (15m)": "percentish" is no unit`},
		{"a bare number for a ratio", []edit{inRunbook("| > 5% (15m) |", "| > 5 (15m) |")},
			`runbook.md «> 5 (15m)»: 5 of what? "Artifact conflict ratio" is a share`},
		{"a bare number for a ratio whose name says nothing", []edit{inRunbook("| > 5% (15m) |", "| > 5 (15m) |"),
			inRunbook("| Artifact conflict ratio |", "| Artifacts |"), inBindings("  Artifact conflict ratio:", "  Artifacts:")},
			`runbook.md «> 5 (15m)»: a ratio is not measured in this unit | write a percentage, for instance > 2% (5m)`},
		{"a ratio that cannot be reached", []edit{inRunbook("| > 5% (15m) |", "| > 100% (15m) |")},
			`runbook.md «> 100% (15m)»: a ratio never exceeds 100%: the bound cannot be reached`},
		{"an alert on what is good", []edit{inRunbook("| > 5% (15m) |", "| < 5% (15m) |")},
			`runbook.md «< 5% (15m)»: "Artifact conflict ratio" counts bad events: a share of bad events cannot be bounded by < in the bad condition`},
		{"an alert on what is good, of a name that tells nothing", []edit{inRunbook("| > 5% (15m) |", "| < 5% (15m) |"),
			inRunbook("| Artifact conflict ratio |", "| Artifacts |"), inBindings("  Artifact conflict ratio:", "  Artifacts:")},
			`runbook.md «< 5% (15m)»: an alert on a ratio must be on a high value`},
		{"an objective that wants failures", []edit{inRunbook("| <= 2% |", "| >= 2% |")},
			`runbook.md «>= 2%»: "Artifact conflict ratio" counts bad events: a share of bad events cannot be bounded by >= in the good condition`},
		{"an objective that its name turns round", []edit{inRunbook("| <= 2% |", "| 98% |")},
			`runbook.md «98%»: "Artifact conflict ratio" counts bad events: is this a share of good ones?`},
		{"an objective that nothing can meet", []edit{inRunbook("| <= 2% |", "| < 0% |")}, `runbook.md «< 0%»: the objective can never be met`},
		{"an alert that always fires", []edit{inRunbook("| 3 consecutive restarts |", "| >= 0 |")},
			`runbook.md «>= 0»: the alert would always fire`},
		{"an alert within the objective", []edit{inRunbook("| > 5% (15m) |", "| > 1% (15m) |")},
			`runbook.md «> 1% (15m)»: "> 1% (15m)" would alert on values that the objective "<= 2%" calls good` +
				` | the alert bound must lie beyond the objective | runbook.md «<= 2%`},
		{"a restart too few to be bad", []edit{inRunbook("| 0 is normal |", "| <= 3 |")},
			`runbook.md «3 consecutive restarts»: "3 consecutive restarts" would alert on values that the objective "<= 3" calls good`},
		{"a window shorter than four scrapes", []edit{inRunbook("| > 5% (15m) |", "| > 5% (45s) |")},
			`runbook.md «> 5% (45s)»: a window of 45s is shorter than four scrapes of 15s | use at least 1m`},
		{"a bound without a window", []edit{inRunbook("| baseline + <= 20% |", "| baseline + <= 20% (5m) |"),
			inBindings("    window: 5m                           # the row names none\n", "")},
			`runbook.md «baseline + > 35% for 10m»: the cell names no window`},
		{"events said to last longer than they can be seen",
			[]edit{inRunbook("| 3 consecutive restarts |", "| 3 consecutive restarts for 30m |")},
			`promrulegen.yaml «20m»: an event stays in the window for 20m, so it cannot last for 30m`},
		{"a window for what holds now", []edit{inRunbook("| mismatch > 0 |", "| mismatch > 0 (5m) |")},
			`runbook.md «mismatch > 0 (5m)»: a state has no window: it holds now, or it does not`},
		{"a quantile that is not measured", []edit{inRunbook("| baseline + > 35% for 10m |", "| p99 baseline + > 35% for 10m |")},
			`runbook.md «p99 baseline + > 35% for 10m»: quantile 0.99 is stated, and "p95 latency" is of 0.95`},
		{"few good events called bad", []edit{inRunbook("| > 5% (15m) |", "| > 5% availability (15m) |")},
			`runbook.md «> 5% availability (15m)»: a share of good events cannot be bounded by > in the bad condition`},
		{"what is good in the column of what is bad", []edit{inRunbook("| > 5% (15m) |", "| target: <= 5% (15m) |")},
			`runbook.md «target: <= 5% (15m)»: the words state the good condition, the place is for the bad condition`},
		{"more than half of the events bad, by the comparison alone", []edit{inRunbook("| > 5% (15m) |", "| > 99% (15m) |"),
			inRunbook("| Artifact conflict ratio |", "| Artifacts |"), inBindings("  Artifact conflict ratio:", "  Artifacts:")},
			`runbook.md «> 99% (15m)»: are these 99% the bad events, or the good ones with the comparison turned round?`},
		{"an objective that lasts", []edit{inRunbook("| <= 2% |", "| <= 2% for 10m |")},
			`runbook.md «<= 2% for 10m»: an objective is met or missed over its window: it does not last for 10m`},
		{"a rate of a share", []edit{inRunbook("| > 5% (15m) |", "| > 5/min |")}, `runbook.md «> 5/min»: this states a rate, and a ratio has none`},
		{"a rate that is no whole number in its window", []edit{inRunbook("| 3 consecutive restarts |", "| > 3/min (90s) |")},
			`runbook.md «> 3/min (90s)»: 3 every 1m is no whole number of events in 1m30s`},
		{"consecutive errors", []edit{inRunbook("| > 5% (15m) |", "| 3 consecutive (15m) |")},
			`runbook.md «3 consecutive (15m)»: a ratio has no consecutive events`},
		{"an owner whom nobody knows", []edit{inRunbook("| > 5% (15m) | Artifact on-call |", "| > 5% (15m) | Artefact on-call |")},
			`runbook.md «Artefact on-call»: owner "Artefact on-call" is not in ` + "`owners` of promrulegen.yaml" + `` +
				` | did you mean "Artifact on-call"?`},
	} {
		p.run(t)
	}
}

func TestBindingsThatCannotBeCompiledAreRefused(t *testing.T) {
	for _, p := range []problem{
		{"PromQL that does not parse", []edit{inBindings(`total: 'approvals_total{job="checkout"}'`, `total: 'approvals_total{job=}'`)},
			`promrulegen.yaml «}»: cannot read the PromQL: unexpected "}" in label matching, expected string`},
		{"PromQL that is no selector", []edit{inBindings(`total: 'approvals_total{job="checkout"}'`, `total: 'rate(approvals_total[5m])'`)},
			`promrulegen.yaml «'rate(approvals_total[5m])'»: "rate(approvals_total[5m])" is not a plain selector`},
		{"a selector that looks elsewhere in time",
			[]edit{inBindings(`total: 'approvals_total{job="checkout"}'`, `total: 'approvals_total offset 1h'`)},
			`promrulegen.yaml «'approvals_total offset 1h'»: "approvals_total offset 1h" is not a plain selector`},
		{"bad and total the same",
			[]edit{inBindings(`bad: 'approvals_total{job="checkout",outcome="timeout"}'`, `bad: 'approvals_total{job="checkout"}'`)},
			`promrulegen.yaml «'approvals_total{job="checkout"}'»: bad and total select the same series: the ratio would always be 1`},
		{"two SLIs with one id", []edit{inBindings("id: artifact-conflict-ratio", "id: approval-timeout-ratio")},
			`promrulegen.yaml «approval-timeout-ratio»: two SLIs have the id "approval-timeout-ratio" | give each its own` +
				` | promrulegen.yaml «approval-timeout-rat»: first given here`},
		{"an id with bad characters", []edit{inBindings("id: artifact-conflict-ratio", "id: Artifact_Conflicts")},
			`promrulegen.yaml «Artifact_Conflicts»: id "Artifact_Conflicts" has characters that an id may not have`},
		{"a component that incidents are not classified by", []edit{inBindings("    component: artifact\n", "    component: artefact\n")},
			`promrulegen.yaml «artefact»: the runbook classifies by no component "artefact" | did you mean "artifact"?`},
		{"no measurement", []edit{inBindings("    restarts: {started_at: 'process_start_time_seconds{job=\"checkout-runtime\"}'}\n", "")},
			`promrulegen.yaml «Runtime restart count»: "Runtime restart count" is measured in 0 ways, not in one`},
		{"two measurements", []edit{inBindings("    restarts: {", "    count: {counter: 'c{job=\"checkout\"}'}\n    restarts: {")},
			`promrulegen.yaml «Runtime restart count»: "Runtime restart count" is measured in 2 ways, not in one`},
		{"a histogram by one of its series", []edit{inBindings("http_request_duration_seconds{", "http_request_duration_seconds_bucket{")},
			`promrulegen.yaml «'http_request_duration_seconds_bucket{job="checkout"}'»: "http_request_duration_seconds_bucket" is one series of the histogram` +
				` | write its base name, "http_request_duration_seconds"`},
		{"a quantile as a percentage", []edit{inBindings("quantile: 0.95", "quantile: 95")},
			`promrulegen.yaml «95»: quantile 95 is not between 0 and 1`},
		{"a quantile that is not the row's", []edit{inBindings("quantile: 0.95", "quantile: 0.99"), inRunbook("2. p95 latency more", "2. latency more")},
			`promrulegen.yaml «0.99»: the row is called "p95 latency", and quantile 0.99 is measured`},
		{"no baseline to compare with",
			[]edit{inBindings("    baseline: {from: release, over: 1h, min_events: 500, floor: 20ms}   # floor: the least absolute excess\n", "")},
			`promrulegen.yaml «p95 latency»: "p95 latency" is compared with a baseline, and none is defined`},
		{"a window that no bound uses",
			[]edit{inBindings("    min_events: 50                       #", "    window: 5h\n    min_events: 50                       #")},
			"promrulegen.yaml «5h»: `window` of \"API error rate\" is not used: its bounds name their own, or have none"},
		{"a counter without a job",
			[]edit{inBindings(`'approval_ownership_violations_total{job="checkout"}'`, `approval_ownership_violations_total`)},
			`promrulegen.yaml «approval_ownership_violations_total»: the counter does not name its job`},
		{"an unknown meaning of no data", []edit{inBindings("no_data: hold ", "no_data: hodl ")},
			`promrulegen.yaml «hodl»: "hodl" is no meaning of no data | did you mean "hold"?`},
		{"another version", []edit{inBindings("version: 1\n", "version: 2\n")},
			`promrulegen.yaml «2»: version "2" is not read by this program`},
		{"a service with bad characters", []edit{inBindings("service: checkout\n", "service: Check Out\n")},
			`promrulegen.yaml «Check Out»: service "Check Out" has characters that a name may not have`},
		{"no scrape interval", []edit{inBindings("scrape_interval: 15s, ", "")},
			"promrulegen.yaml «»: `prometheus.scrape_interval` is missing"},
		{"a length of time that is none", []edit{inBindings("gates_expire: 4h", "gates_expire: 4 hours")},
			`promrulegen.yaml «4 hours»: "4 hours" is not a duration such as 5m or 1h30m`},
		{"a time zone that is none", []edit{inBindings("Asia/Seoul", "Asia/Soul")},
			`promrulegen.yaml «Asia/Soul»: there is no time zone "Asia/Soul"`},
		{"an owner without an address", []edit{inBindings("  Web on-call: {receiver: web-oncall}", "  Web on-call: {}")},
			"promrulegen.yaml «Web on-call»: owner \"Web on-call\" needs either `receiver` or `webhook`"},
		{"a receiver that the base does not have", []edit{inBindings("{receiver: web-oncall}", "{receiver: web-on-call}")},
			`promrulegen.yaml «web-on-call»: alertmanager.base.yaml has no receiver "web-on-call" | did you mean "web-oncall"?`},
		{"a receiver that reaches nobody", []edit{{"alertmanager.base.yaml", "\n    webhook_configs: [{url: 'http://127.0.0.1:9911/web'}]", ""}},
			`promrulegen.yaml «web-oncall»: receiver "web-oncall" of alertmanager.base.yaml notifies nobody: pages for "Web on-call" would`},
		{"a base that Alertmanager refuses", []edit{{"alertmanager.base.yaml", "route:", "rout:"}},
			`promrulegen.yaml «alertmanager.base.yaml»: check the Alertmanager configuration:`},
		{"a base that is not there", []edit{inBindings("base: alertmanager.base.yaml", "base: nowhere.yaml")},
			`promrulegen.yaml «nowhere.yaml»: cannot read the Alertmanager configuration: no such file or directory`},
		{"a base that was compiled before",
			[]edit{{"alertmanager.base.yaml", "- name: web-oncall\n", "- name: rollback-agent\n    webhook_configs: [{url: 'http://127.0.0.1:1'}]\n  - name: web-oncall\n"}},
			`promrulegen.yaml «alertmanager.base.yaml»: alertmanager.base.yaml has a receiver "rollback-agent" of its own, which is the na`},
		{"a webhook that is no address", []edit{inBindings("'http://127.0.0.1:9798/api/v1/alerts'", "'127.0.0.1:9798'")},
			`promrulegen.yaml «'127.0.0.1:9798'»: "127.0.0.1:9798" is no address of a webhook`},
		{"a live query that does not parse",
			[]edit{inBindings(`count by (commit) (build_info{job="checkout"})`, `count by (commit (build_info)`)},
			`promrulegen.yaml «(»: cannot read the PromQL: unexpected "(" in grouping opts, expected "," or ")"`},
		{"a live command that needs a shell",
			[]edit{inBindings(`{query: 'count by (commit) (build_info{job="checkout"})', label: commit}`, `{run: 'kubectl get deploy | head'}`)},
			`promrulegen.yaml «|»: cannot run this without a shell:`},
		{"a runbook that is not there", []edit{inBindings("runbook: runbook.md", "runbook: runbok.md")},
			`promrulegen.yaml «runbok.md»: cannot read the runbook: no such file or directory`},
	} {
		p.run(t)
	}
}

func TestTriggersThatCannotBeCompiledAreRefused(t *testing.T) {
	for _, p := range []problem{
		{"a trigger bound to nothing", []edit{inBindings(`  "4.1.3": {slo: runtime-restarts, mode: auto}`+"\n", "")},
			"runbook.md «a restart loop of the runtime is detected (3 or more in succession)»: trigger 4.1.3 is bound to nothing" +
				" | add an entry \"4.1.3\" under `triggers`: a trigger that nothing watches rolls nothing back"},
		{"a binding for no trigger", []edit{inBindings(`  "4.1.3": {slo`, `  "4.1.7": {slo: api-error-rate, mode: auto}`+"\n"+`  "4.1.3": {slo`)},
			`promrulegen.yaml «"4.1.7"»: the trigger list in runbook.md has no item 4.1.7`},
		{"one row under two triggers", []edit{inBindings(`{slo: doc-contract-drift}`, `{slo: api-error-rate}`)},
			`promrulegen.yaml «api-error-rate»: duplicate trigger: "api-error-rate" already serves item 4.1.1` +
				` | an alert carries the number of one trigger | promrulegen.yaml «"4.1.1": {slo: api-e»: first named here`},
		{"a row that is not there", []edit{inBindings(`"4.1.1": {slo: api-error-rate,`, `"4.1.1": {slo: api-eror-rate,`)},
			`promrulegen.yaml «api-eror-rate»: no row has the id "api-eror-rate" | did you mean "api-error-rate"?`},
		{"an unknown mode", []edit{inBindings(`{slo: runtime-restarts, mode: auto}`, `{slo: runtime-restarts, mode: automatic}`)},
			`promrulegen.yaml «automatic»: "automatic" is no mode | known: observe, propose, auto`},
		{"no mode", []edit{inBindings(`{slo: runtime-restarts, mode: auto}`, `{slo: runtime-restarts}`)},
			"promrulegen.yaml «\"4.1.3\"»: `mode` is missing"},
		{"neither slo nor any", []edit{inBindings(`{slo: runtime-restarts, mode: auto}`, `{mode: auto}`)},
			"promrulegen.yaml «\"4.1.3\"»: trigger 4.1.3 needs either `slo` or `any`"},
		{"an unknown gate", []edit{inBindings(`gate: schema-drift}`, `gate: schema-drft}`)},
			`promrulegen.yaml «schema-drft»: there is no gate "schema-drft" | did you mean "schema-drift"?`},
		{"a gate that is never run again", []edit{inBindings(`gate: "1.4"`, `gate: "1.2"`)},
			`promrulegen.yaml «"1.2"»: gate "1.2" is not run again while the release is observed`},
		{"an owner whom nobody knows", []edit{inBindings("        owner: Web on-call\n", "        owner: Web oncall\n")},
			"promrulegen.yaml «Web oncall»: owner \"Web oncall\" is not in `owners` | did you mean \"Web on-call\"?"},
		{"the item's value is not the table's", []edit{inRunbook("1. API error rate > 2%", "1. API error rate > 3%")},
			`runbook.md «API error rate > 3% over a 5-minute moving window»: trigger 4.1.1 and row 5.1 (API error rate) disagree on the value` +
				` | make both say the same | runbook.md «> 2% (5m)`},
		{"the table's value is not the item's", []edit{inRunbook("| > 2% (5m) |", "| > 3% (5m) |")},
			`runbook.md «API error rate > 2% over a 5-minute moving window»: trigger 4.1.1 and row 5.1 (API error rate) disagree on the value` +
				` | make both say the same | runbook.md «> 3% (5m)`},
		{"another comparison", []edit{inRunbook("1. API error rate > 2%", "1. API error rate >= 2%")},
			`runbook.md «API error rate >= 2% over a 5-minute moving window»: trigger 4.1.1 and row 5.1 (API error rate) disagree on the c`},
		{"another quantile", []edit{inRunbook("2. p95 latency more", "2. p99 latency more")},
			`runbook.md «p99 latency more than 35% above baseline for 10 minutes or longer»: trigger 4.1.2 and row 5.2 (p95 latency) disagree on the quantile`},
		{"another window", []edit{inRunbook("over a 5-minute moving window", "over a 10-minute moving window")},
			`runbook.md «API error rate > 2% over a 10-minute moving window»: trigger 4.1.1 and row 5.1 (API error rate) disagree on the window`},
		{"another window than the bindings'", []edit{inRunbook("above baseline for 10 minutes", "above baseline (10m) for 10 minutes")},
			`runbook.md «p95 latency more than 35% above baseline (10m) for 10 minutes or longer»: trigger 4.1.2 and row 5.2 (p95 latency) disagree on the window` +
				` | make both say the same | promrulegen.yaml «5m                  »: the window is given here`},
		{"another time to last", []edit{inRunbook("for 10 minutes or longer", "for 5 minutes or longer")},
			`runbook.md «p95 latency more than 35% above baseline for 5 minutes or longer»: trigger 4.1.2 and row 5.2 (p95 latency) disagr`},
		{"another number of restarts", []edit{inRunbook("(3 or more in succession)", "(4 or more in succession)")},
			`runbook.md «a restart loop of the runtime is detected (4 or more in succession)»: trigger 4.1.3 and row 5.3 (Runtime restart `},
		{"a number for gates, which have none", []edit{inBindings("      - {slo: doc-contract-drift}\n", ""),
			inRunbook("hard gate fails when it is run again", "hard gate fails, > 3 times")},
			`runbook.md «the doc-contract sync or the schema drift hard gate fails, > 3 times»: trigger 4.1.5 states a number`},
		{"a number that has no place", []edit{inRunbook("1. API error rate > 2%", "1. API error rate > 2 percentish")},
			`runbook.md «percentish»: cannot read "API error rate > 2 percentish over a 5-minute moving window": "percentish" is no unit`},
	} {
		p.run(t)
	}
}

func TestListsThatCannotBeCompiledAreRefused(t *testing.T) {
	for _, p := range []problem{
		{"a command that needs a shell", []edit{inRunbook("`bash scripts/run_micro_bench.sh`", "`bash scripts/run_micro_bench.sh | tee log`")},
			`runbook.md «|»: cannot run this without a shell: | means something to a shell only`},
		{"a variable", []edit{inRunbook("`bash scripts/run_micro_bench.sh`", "`bash \"$HOME/bench.sh\"`")},
			`runbook.md «$»: cannot run this without a shell: $ is expanded by a shell, also between double quotes`},
		{"a quote left open", []edit{inRunbook("`rg -n \"TODO\" crates", "`rg -n \"TODO crates")},
			`runbook.md «"»: cannot run this without a shell: the quote is not closed`},
		{"no command", []edit{inRunbook("2. `bash scripts/run_micro_bench.sh`", "2. the bench is fine")},
			`runbook.md «the bench is fine»: precondition 1.2 names 0 commands, not one`},
		{"words that may turn the meaning around",
			[]edit{inRunbook("--glob '!**/tests/fixtures/**'` finds 0", "--glob '!**/tests/fixtures/**'` finds some")},
			"runbook.md «rg -n \"TODO\" crates --glob '!**/tests/fixtures/**'` finds some»: when does precondition 1.6 pass? \"finds some"},
		{"a binding for no precondition", []edit{inBindings(`  "1.3": {logs`, `  "1.9": {logs`)},
			`promrulegen.yaml «"1.9"»: there is no precondition "1.9", and the gate has no command of its own | did you mean "1.1"?`},
		{"a command in two places", []edit{inBindings(`"1.3": {logs`, `"1.3": {run: make, logs`)},
			`promrulegen.yaml «make»: precondition 1.3 has its command in the runbook`},
		{"hard, and never run again", []edit{inBindings(`"1.3": {logs`, `"1.3": {hard: true, logs`)},
			"promrulegen.yaml «\"1.3\"»: `hard` and `every` go together: a hard gate is run again, and `every` says how often"},
		{"logs outside the checkout", []edit{inBindings(`{logs: target/qa/nightly_opt_in}`, `{logs: ../nightly}`)},
			`promrulegen.yaml «../nightly»: logs is not a folder in the checkout`},
		{"no tag to return to",
			[]edit{inRunbook("1. Before anything is deployed, create the tag `pre-bigbang-cutover-YYYYMMDD`.", "1. Before anything is deployed, ask the duty officer.")},
			`runbook.md «Before anything is deployed, ask the duty officer.»: no item of the checklist makes the tag to return to`},
		{"a tag without a day", []edit{inRunbook("pre-bigbang-cutover-YYYYMMDD", "pre-bigbang-cutover")},
			`runbook.md «pre-bigbang-cutover»: the tag's name has no day in it: the next cutover would need the same tag`},
		{"a tag that git refuses", []edit{inRunbook("pre-bigbang-cutover-YYYYMMDD", "pre bigbang-YYYYMMDD")},
			`runbook.md «pre bigbang-YYYYMMDD»: git does not take this as a tag's name`},
		{"an observation of what is not in the table", []edit{inRunbook("(error rate, p95 latency,", "(error rate, p99 latency,")},
			`runbook.md «Observe intensively for 30 minutes (error rate, p99 latency, runtime restart count).»: item 3.5 observes "p99 lat`},
		{"an observation without an end", []edit{inRunbook("Observe intensively for 30 minutes (", "Observe intensively (")},
			`runbook.md «Observe intensively (error rate, p95 latency, runtime restart count).»: how long does item 3.5 observe?`},
		{"a gate that the rollback runs and nobody knows", []edit{inRunbook("run `release_preflight.sh` again", "run `preflight.sh` again")},
			`runbook.md «preflight.sh»: no precondition runs "preflight.sh"`},
		{"the bindings restore by another gate", []edit{inBindings(`restored: ["1.1"]`, `restored: ["1.2"]`)},
			"promrulegen.yaml «\"1.2\"»: `restored` is [1.2], and action 4.2.2 of the runbook runs [1.1] | make both say the same" +
				" | runbook.md «When that is done, r»: the action stands here"},
		{"no way back", []edit{inRunbook("1. Go back to the last stable tag at once.", "1. Fix it at once.")},
			`runbook.md «Fix it at once.»: no rollback action goes back to the stable tag`},
		{"a search that must find something",
			[]edit{inRunbook("--glob '!**/tests/fixtures/**'` finds 0", "--glob '!**/tests/fixtures/**'` finds 01")},
			"runbook.md «rg -n \"TODO\" crates --glob '!**/tests/fixtures/**'` finds 01»: when does precondition 1.6 pass?"},
		{"a milestone without a time", []edit{inRunbook("2. T+2h: first", "2. Soon: first")},
			`runbook.md «Soon: first look back at errors and performance»: milestone 6.2 says no time`},
		{"milestones out of order", []edit{inRunbook("2. T+2h: first", "2. T+20m: first")},
			`runbook.md «T+20m: first look back at errors and performance»: milestone 6.2 is not after the one before it`},
		{"a milestone that ends something at another time", []edit{inRunbook("1. T+30m: decide", "1. T+45m: decide")},
			`runbook.md «T+45m: decide that intensive observation is over»: milestone 6.1 ends after 45m what item 3.5 observes for 30m` +
				` | make both say the same | runbook.md «Observe intensively »: the observation stands here`},
	} {
		p.run(t)
	}
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	got := problemsOf(t,
		inBindings("environment:", "enviroment:"),
		inBindings("  Artifact conflict ratio:", "  Artifact conflicts:"),
		inRunbook("| <= 0.5% |", "| rarely |"),
		inBindings(`total: 'approvals_total{job="checkout"}'`, `total: 'approvals_total{'`),
		inBindings(`"4.1.3": {slo: runtime-restarts`, `"4.1.3": {slo: runtime-restart`),
		inRunbook("1. API error rate > 2%", "1. API error rate > 3%"),
		inRunbook("2. `bash scripts/run_micro_bench.sh`", "2. `bash a | b`"))
	var places []string
	for _, line := range got {
		place, _, _ := strings.Cut(line, "»: ")
		places = append(places, place)
	}
	want := []string{
		"promrulegen.yaml «", // environment is missing, being
		"promrulegen.yaml «enviroment",
		"promrulegen.yaml «'", // the closing quote
		"promrulegen.yaml «Artifact conflicts",
		"promrulegen.yaml «runtime-restart",
		"runbook.md «|",
		"runbook.md «API error rate > 3% over a 5-minute moving window",
		"runbook.md «rarely",
		"runbook.md «Artifact conflict ratio",
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("places (-want +got):\n%s\n%s", diff, strings.Join(got, "\n"))
	}
}

func TestWordsBeginLikeWords(t *testing.T) {
	for _, test := range []struct {
		text, word string
		want       bool
	}{
		{"create the Tag", "tag", true},
		{"observe stages", "tag", false},
		{"stage a tag", "tag", true},
		{"No redeployment", "deploy", false},
		{"배포 전 태그 생성", "태그", true},
		{"안정태그로", "태그", true},
	} {
		if got := mentions(test.text, test.word); got != test.want {
			t.Errorf("mentions(%q, %q) = %v", test.text, test.word, got)
		}
	}
}

// TestALengthOfTimeIsTheFirstOneThatARunbookMeans: a rehearsal's milestones are seconds apart; elsewhere seconds are latencies.
func TestALengthOfTimeIsTheFirstOneThatARunbookMeans(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"15s", "15s"},
		{"observe for 45 seconds", "45s"},
		{"30초 동안 관측", "30s"},
		{"observe requests under 3s for 30 minutes", "30m"},
		{"1. 24시간", "1d"},
		{"soon", ""},
		{"0s", ""},
		{"15sheep", ""},
	} {
		got, ok := spanIn(test.text)
		if want := test.want; ok != (want != "") || ok && got.String() != want {
			t.Errorf("spanIn(%q) = %s, %v; want %q", test.text, got, ok, want)
		}
	}
}
