package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// own is what a gate of our own says of a commit now.
func (r *running) own(gate, commit string) release.GateResult {
	r.t.Helper()
	for _, g := range r.OwnGates(context.Background(), home, commit) {
		if g.Gate == "own:"+gate {
			return g
		}
	}
	return release.GateResult{}
}

// says waits until a gate of our own says this, with these words in its reason.
func (r *running) says(gate, commit string, want release.Verdict, words string) {
	r.t.Helper()
	var got release.GateResult
	if !eventually(20*time.Second, func() bool {
		got = r.own(gate, commit)
		return got.Verdict == want && strings.Contains(got.Reason, words)
	}) {
		r.t.Errorf("%s: %q %q, want %q with %q", gate, got.Verdict, got.Reason, want, words)
	}
}

// info is the rule by which compiled rules say their hash, as the plan of the tests has it.
const info = `- {record: promrulegen_rules_info, expr: vector(1), labels: {service: checkout, environment: production, version: "1", sha256: "%s"}}`

var compiled = fmt.Sprintf(info, strings.Repeat("0", 64))

// trigger is an alerting rule by which Prometheus calls for a rollback.
func trigger(expr, lasts string) string {
	return fmt.Sprintf(`- {alert: CheckoutApiErrorRate, expr: %q, for: %s, labels: {service: checkout, environment: production, slo: api-error-rate, trigger: "4.1.1", rollback: auto, severity: page}}`,
		expr, lasts)
}

// ruled is a bare world with a Prometheus that evaluates rules, and an Alertmanager; load replaces the rules.
func ruled(t *testing.T) (w *world, load func(rules ...string)) {
	t.Helper()
	w = bare(t)
	rules, config, address := filepath.Join(w.dir, "rules.yml"), filepath.Join(w.dir, "prometheus.yml"), freeAddress(t)
	set := func(lines ...string) {
		write(t, rules, "groups:\n- name: checkout\n  rules:\n  "+strings.Join(lines, "\n  ")+"\n")
	}
	set(compiled, trigger("vector(0) > 1", "0s"))
	write(t, config, "global: {evaluation_interval: 100ms}\nrule_files: ['"+rules+"']\n")
	w.prometheus = start(t, "http://"+address, "/-/ready", "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(w.dir, "tsdb"),
		"--web.listen-address="+address, "--web.enable-lifecycle")
	w.alertmanager = w.startAlertmanager(t)
	return w, func(lines ...string) {
		t.Helper()
		set(lines...)
		answer, err := http.Post(w.prometheus.URL+"/-/reload", "", nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("reload the rules: %v %v", answer, err)
		}
		_ = answer.Body.Close()
	}
}

// hear delivers one alert with labels beside those of the environment.
func (r *running) hear(startsAt time.Time, labels map[string]string) {
	r.t.Helper()
	all := map[string]string{"service": "checkout", "environment": "production"}
	for name, value := range labels {
		all[name] = value
	}
	text, err := json.Marshal(map[string]any{"version": "4", "alerts": []any{map[string]any{"status": "firing", "labels": all, "startsAt": startsAt, "fingerprint": fmt.Sprintf("%016x", len(fmt.Sprint(all)))}}})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.Receive(context.Background(), "am", text); err != nil {
		r.t.Fatal(err)
	}
}

// silence makes one at the Alertmanager, until end is called.
func (w *world) silence(t *testing.T, matchers string) (end func()) {
	t.Helper()
	now := time.Now().UTC()
	text := fmt.Sprintf(`{"matchers": [%s], "startsAt": %q, "endsAt": %q, "createdBy": "lee", "comment": "x"}`, matchers, now.Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339))
	answer, err := http.Post(w.alertmanager+"/api/v2/silences", "application/json", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var made struct{ SilenceID string }
	if err := json.NewDecoder(answer.Body).Decode(&made); err != nil || made.SilenceID == "" {
		t.Fatalf("make a silence: %s, %v", answer.Status, err)
	}
	return func() {
		r, err := http.NewRequest(http.MethodDelete, w.alertmanager+"/api/v2/silence/"+made.SilenceID, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
}

func TestNoCutoverStartsWhileATriggerBurnsOrCannotBeHeard(t *testing.T) {
	w, load := ruled(t)
	r := w.start(t, w.config(t))
	next := w.release(t, 0, "next")
	r.says("triggers-quiet", next, release.Pass, "none of the 1 rules of triggers is pending, fires, or is silenced")
	r.says("rules-loaded", next, release.Pass, "evaluates the rules 0000000000")

	load(compiled, trigger("vector(1)", "1h"))
	r.says("triggers-quiet", next, release.Fail, "CheckoutApiErrorRate (trigger 4.1.1) is pending")
	load(compiled, trigger("vector(1)", "0s"))
	r.says("triggers-quiet", next, release.Fail, "CheckoutApiErrorRate (trigger 4.1.1) is firing")
	load(compiled, strings.ReplaceAll(trigger("vector(1)", "0s"), "environment: production", "environment: staging"))
	r.says("triggers-quiet", next, release.Unknown, "no rule of a trigger")

	load(strings.ReplaceAll(compiled, "0000", "1111"), trigger("vector(0) > 1", "0s"))
	r.says("rules-loaded", next, release.Fail, "evaluates the rules 1111111111, the plan goes with 0000000000")
	load(compiled, strings.ReplaceAll(compiled, "0000", "1111"), trigger("vector(0) > 1", "0s"))
	r.says("rules-loaded", next, release.Fail, "2 sets of rules")
	load(trigger("vector(0) > 1", "0s"))
	r.says("rules-loaded", next, release.Fail, "no compiled rules")
	load(compiled, trigger("vector(0) > 1", "0s"))

	r.hear(time.Now(), map[string]string{"alertname": "Watchdog", "cluster": "eu-1", "severity": "none"})
	for matchers, mutes := range map[string]bool{
		`{"name": "alertname", "value": "CheckoutApiErrorRate", "isRegex": false, "isEqual": true}`:                                                   true,
		`{"name": "service", "value": "check.*", "isRegex": true, "isEqual": true}, {"name": "environment", "value": "production", "isRegex": false}`: true,
		`{"name": "service", "value": "check", "isRegex": true, "isEqual": true}`:                                                                     false,
		`{"name": "service", "value": "checkout", "isRegex": false}, {"name": "severity", "value": "page", "isRegex": false, "isEqual": false}`:       false,
		`{"name": "cluster", "value": "eu-1", "isRegex": false, "isEqual": true}`:                                                                     true,
		`{"name": "cluster", "value": "eu-2", "isRegex": false, "isEqual": true}`:                                                                     false,
		`{"name": "alertname", "value": "Watchdog", "isRegex": false, "isEqual": true}`:                                                               false,
		`{"name": "alertname", "value": "CheckoutApiErrorRate", "isRegex": false}, {"name": "drill", "value": "true", "isRegex": false}`:              false,
	} {
		end := w.silence(t, matchers)
		if mutes {
			r.says("triggers-quiet", next, release.Fail, "CheckoutApiErrorRate would be silenced by")
		} else {
			r.says("triggers-quiet", next, release.Pass, "")
		}
		end()
		r.says("triggers-quiet", next, release.Pass, "")
	}

	w.prometheus.stop()
	r.says("triggers-quiet", next, release.Unknown, "ask prometheus for its rules")
	r.says("rules-loaded", next, release.Unknown, "ask prometheus for promrulegen_rules_info")
}

func TestNoCutoverStartsUnlessAlertsReachTheAgent(t *testing.T) {
	w := bare(t)
	w.now = w.later()
	c := w.config(t)
	c.Environments[0].Drill.Within = slo.Duration(30 * time.Second)
	r := w.start(t, c)
	next := w.release(t, 0, "next")
	r.says("watchdog-heard", next, release.Unknown, "not heard yet")
	w.pass(4 * time.Minute)
	r.says("watchdog-heard", next, release.Fail, "never heard")
	r.hear(time.Now(), map[string]string{"alertname": "Watchdog"})
	r.says("watchdog-heard", next, release.Pass, "heard 0s ago")
	w.pass(2 * time.Minute)
	r.says("watchdog-heard", next, release.Pass, "heard 2m")
	w.pass(2 * time.Minute)
	r.says("watchdog-heard", next, release.Fail, "not heard for 4m")

	drill := func(ago time.Duration, name string) {
		r.hear(w.now().Add(-ago), map[string]string{"alertname": name, "drill": "true"})
	}
	r.says("drill", next, "", "") // nobody asks for one
	drill(10*time.Second, "Drill")
	r.says("drill", next, release.Pass, "Drill arrived 10")
	drill(time.Minute, "SlowDrill")
	r.says("drill", next, release.Fail, "SlowDrill arrived 1m0")
	w.pass(time.Second)
	drill(-time.Minute, "EarlyDrill")
	r.says("drill", next, release.Unknown, "the clocks of Prometheus and the agent differ")
	w.pass(2 * time.Hour)
	r.says("drill", next, "", "")
	c.Environments[0].Drill.Required = true
	if err := r.Reload(c); err != nil {
		t.Fatal(err)
	}
	r.says("drill", next, release.Unknown, "no drill was heard within 1h")
}

func TestNoCutoverStartsUnlessItCouldBeRolledBack(t *testing.T) {
	w := bare(t)
	r := w.start(t, w.config(t))
	next := w.release(t, 0, "next")
	r.says("rollback-rehearsed", next, release.Pass, "would go on top of "+next[:12]+", and gate 1.1 would run on it")
	r.says("rollback-rehearsed", strings.Repeat("1", 40), release.Fail, "no such commit")
	w.git.Break(gittest.Push, gittest.Status(http.StatusForbidden))
	r.says("rollback-rehearsed", next, release.Fail, "probe remote")
	w.git.Break(gittest.Push, nil)

	r.says("target-pinned", next, release.Pass, "is free for "+w.good[:12])
	r.says("target-pinned", w.good, release.Fail, "is what production runs already")
	first := r.do(release.Deed{Act: release.ActStable})
	r.says("target-pinned", next, release.Pass, first.Facts["tag"]+" is pinned, and is what production runs")
	w.git.Git(t, "tag", "--force", first.Facts["tag"], next)
	r.says("target-pinned", next, release.Fail, "target_moved")
	w.git.Commit(t, branch, map[string]string{"another": "1"}, "Something else ships")
	r.says("target-pinned", next, release.Pass, first.Facts["tag"]+"-2 is free for")
	w.git.Break(gittest.Read, gittest.Status(http.StatusServiceUnavailable))
	r.says("target-pinned", next, release.Unknown, "read tip")
	if tags := w.git.Git(t, "tag", "--list"); tags != first.Facts["tag"] {
		t.Errorf("asking made a tag: %s", tags)
	}
}
