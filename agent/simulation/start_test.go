package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// TestAStartIsRefusedWhole: for each reason with its kind and a hint, and nothing of it is done: no entry, no tag.
func TestAStartIsRefusedWhole(t *testing.T) {
	unknown := strings.Repeat("c", 40)
	do := func(deeds ...release.Deed) func(*twoDays) {
		return func(d *twoDays) {
			for _, deed := range deeds {
				d.do("kim", deed)
			}
		}
	}
	for name, c := range map[string]struct {
		before    func(*twoDays)
		plan      func(*slo.Plan)
		commit    string // the wanted one unless given
		kind      release.Kind
		says, how string
	}{
		"a short id":          {commit: "abc", kind: release.Invalid, says: "40 hexadecimal digits", how: "git rev-parse"},
		"a commit nobody has": {commit: unknown, kind: release.Refused, says: "has no commit cccccccccccc", how: "commit and push it first"},
		"what runs already":   {before: func(d *twoDays) { d.wanted = d.good }, kind: release.Refused, says: "holds already", how: "start it before the deploy"},
		"the same content":    {before: func(d *twoDays) { d.branchTo("main", "good 0") }, kind: release.Refused, says: "holds already", how: "before the deploy"},
		"a gate nobody ran":   {plan: gated, kind: release.Undecided, says: "gate 1.1", how: "1.1"},
		"a gate that failed":  {plan: gated, before: func(d *twoDays) { d.gate(release.Fail) }, kind: release.Refused, says: "gate 1.1 is FAIL", how: ""},
		"a gate that expired": {plan: gated, before: func(d *twoDays) { d.gate(release.Pass); d.pass(61 * time.Minute); d.watchdog() }, kind: release.Undecided, says: "longer than 1h", how: "again"},
		"other rules loaded":  {plan: func(p *slo.Plan) { p.Rules.SHA256 = strings.Repeat("1", 64) }, kind: release.Refused, says: "own:rules-loaded is FAIL", how: "preflight"},
		"no Watchdog":         {before: func(d *twoDays) { d.pass(10 * time.Minute) }, kind: release.Refused, says: "own:watchdog-heard is FAIL", how: "preflight"},
		"no baseline":         {before: func(d *twoDays) { d.locked(func() { d.t0 = time.Now().Add(-time.Hour - time.Minute) }) }, kind: release.Undecided, says: "no baseline: latency", how: "when there is traffic"},
		"the agent is held":   {before: do(release.Deed{Act: release.ActHold, Reason: "load test"}), kind: release.Refused, says: "kim holds the agent", how: "rollback-agent resume"},
		"killed":              {before: do(release.Deed{Act: release.ActKill}), kind: release.Refused, says: "the kill switch is on", how: "kill-switch off"},
		"killed by the file":  {before: func(d *twoDays) { d.world.switchKill(true) }, kind: release.Refused, says: "is there", how: "remove the file"},
		"a lock in git alone": {before: func(d *twoDays) { d.setRef(lockRef, d.good) }, kind: release.Undecided, says: "the lock on the remote", how: ""},
		"another one is open": {before: func(d *twoDays) { d.do("kim", release.Deed{Act: release.ActStart, Commit: d.wanted}) }, kind: release.Refused, says: "is open (waiting)", how: "cutover abort"},
		"live cannot be run":  {plan: liveBy("/no/such/program"), kind: release.Undecided, says: "is not installed", how: "mend `live:`"},
		"live fails":          {plan: liveBy("false"), kind: release.Undecided, says: "exit status 1", how: "mend `live:`"},
		"nothing to observe":  {plan: func(p *slo.Plan) { p.Milestones = nil }, kind: release.Refused, says: "no milestone", how: "stable"},
	} {
		t.Run(name, func(t *testing.T) {
			begun(t, c.plan, func(d *twoDays) {
				if c.before != nil {
					c.before(d)
				}
				commit, entries, tags := c.commit, d.world.disk.last, d.tags()
				if commit == "" {
					commit = d.wanted
				}
				_, err := d.world.agent.Do(context.Background(), release.Deed{Act: release.ActStart, Commit: commit, Author: "kim"})
				var p *release.Problem
				if !errors.As(err, &p) || p.Kind != c.kind || !strings.Contains(p.Error(), c.says) || !strings.Contains(p.Hint, c.how) {
					t.Errorf("got %v\nwant kind %s, %q, hint %q", err, c.kind, c.says, c.how)
				}
				if d.world.disk.last != entries || d.tags() != tags {
					t.Errorf("something is half done: %d entries, tags %s", d.world.disk.last-entries, d.tags())
				}
			})
		})
	}
}

// liveBy lets production be asked by a command.
func liveBy(argv ...string) func(*slo.Plan) {
	return func(p *slo.Plan) { p.Live = &slo.Live{Argv: argv} }
}

// gated gives the plan a gate.
func gated(p *slo.Plan) {
	p.Gates = []slo.Gate{{ID: "1.1", Argv: []string{"true"}, Pass: slo.PassExit0, Timeout: slo.Duration(time.Minute)}}
}

func (d *twoDays) gate(v release.Verdict) {
	d.do("ci", release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: v, Commit: d.wanted})
}

// branchTo puts a new commit on a branch; on main it is the one to be released.
func (d *twoDays) branchTo(name, content string) string {
	g := d.world.git
	g.mu.Lock()
	defer g.mu.Unlock()
	id := g.commit(content, "Somebody's work", time.Now(), g.refs[branch])
	g.set("refs/heads/"+name, id)
	if name == "main" {
		d.wanted = id
	}
	return id
}

func (d *twoDays) setRef(ref, id string) {
	g := d.world.git
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set(ref, id)
}

func (d *twoDays) tags() string {
	g := d.world.git
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for ref := range g.refs {
		if strings.HasPrefix(ref, "refs/tags/") {
			all = append(all, ref)
		}
	}
	return fmt.Sprint(len(all))
}

// begun runs what a test does with an agent that nobody has asked for anything yet.
func begun(t *testing.T, plan func(*slo.Plan), test func(*twoDays)) {
	synctest.Test(t, func(t *testing.T) {
		d := &twoDays{}
		w := newTwoDays(t, d, slog.New(slog.DiscardHandler))
		w.configured = func(c config.Config) config.Config {
			c = d.config(c)
			if plan != nil {
				plan(&c.Environments[0].Plan)
			}
			return c
		}
		defer d.end()
		d.open()
		test(d)
	})
}

func TestOnlyTheReleaseMayBeDeployed(t *testing.T) {
	begun(t, nil, func(d *twoDays) {
		d.do("kim", release.Deed{Act: release.ActStart, Commit: d.wanted})
		foreign := d.branchTo("production", "good elsewhere")
		d.pass(time.Minute)
		if s := d.cutover().Stop; s == nil || s.Reason != release.Foreign {
			t.Errorf("somebody else's commit is on the branch: %+v", s)
		}
		for _, deed := range []release.Deed{{Act: release.ActDeployed, Commit: foreign}, {Act: release.ActRelease, Commit: foreign}, {Act: release.ActRelease, Commit: d.wanted}} {
			if _, err := d.world.agent.Do(context.Background(), deed); err == nil {
				t.Errorf("%s %s is let through", deed.Act, deed.Commit)
			}
		}
		d.setRef(branch, d.good)
		d.pass(time.Minute)
		d.do("kim", release.Deed{Act: release.ActRelease, Commit: d.wanted})
		c := d.cutover()
		if c.Phase != release.Intensive || c.Released == d.wanted || c.Commit != d.wanted || c.Stop != nil {
			t.Errorf("the agent's own commit of the release is T0: %+v", c)
		}
		if _, err := d.world.agent.Do(context.Background(), release.Deed{Act: release.ActRelease, Commit: d.branchTo("main", "good 2")}); err == nil {
			t.Error("another release is deployed while the first is observed")
		}
	})
}

func TestAnAbortSaysWhatStands(t *testing.T) {
	begun(t, nil, func(d *twoDays) {
		d.do("kim", release.Deed{Act: release.ActStart, Commit: d.wanted})
		answer, err := d.world.agent.Do(context.Background(), release.Deed{Act: release.ActAbort, Reason: "not tonight", Author: "kim"})
		if err != nil || !strings.Contains(answer.Message, "nothing was deployed") || !strings.Contains(strings.Join(answer.Details, "\n"), "stays on the remote") || d.tags() != "1" {
			t.Errorf("%v %+v, %s tags", err, answer, d.tags())
		}
		d.do("kim", release.Deed{Act: release.ActStart, Commit: d.wanted})
		if got := d.tags(); got != "1" {
			t.Errorf("the same commit is tagged again: %s tags", got)
		}
		d.setRef(branch, d.wanted)
		d.pass(time.Minute)
		answer, err = d.world.agent.Do(context.Background(), release.Deed{Act: release.ActAbort, Reason: "seen enough", Author: "kim"})
		if err != nil || !strings.Contains(strings.Join(answer.Details, "\n"), "stays deployed") {
			t.Errorf("%v %+v", err, answer)
		}
	})
}

// TestACrashBeforeT0CostsARepetition: whichever entry or push the process dies at, the cutover comes to T0 with one tag and each step once.
func TestACrashBeforeT0CostsARepetition(t *testing.T) {
	for n := range 14 {
		for _, late := range []bool{false, true} {
			begun(t, nil, func(d *twoDays) {
				w := d.world
				w.mu.Lock()
				w.crashIn, w.dieLate = n, late
				w.mu.Unlock()
				for range 3 {
					_, _ = w.agent.Do(context.Background(), release.Deed{Act: release.ActStart, Commit: d.wanted, Author: "kim"})
					d.pass(20 * time.Second)
					if w.agent.isDead() {
						w.bury()
						if err := w.start(); err != nil {
							t.Fatal(err)
						}
						d.watchdog()
						d.pass(20 * time.Second)
					}
				}
				w.mu.Lock()
				w.crashIn = -1
				w.mu.Unlock()
				d.setRef(branch, d.wanted)
				d.pass(time.Minute)
				c := d.cutover()
				if c == nil || c.T0.IsZero() || d.tags() != "1" {
					t.Fatalf("died at %d (late %v): %s tags, %+v", n, late, d.tags(), c)
				}
				count := map[string]int{}
				for _, e := range w.disk.entries(0) {
					var tick release.Tick
					if e.Kind == rollback.CutoverDone && json.Unmarshal(e.Body, &tick) == nil {
						count[tick.Item]++
					}
					if e.Kind == rollback.CutoverStarted || e.Kind == rollback.ReleaseDeployed {
						count[string(e.Kind)]++
					}
				}
				for what, times := range count {
					if times != 1 {
						t.Errorf("died at %d (late %v): %s %d times", n, late, what, times)
					}
				}
			})
		}
	}
}

func TestAMergeOfTheReleaseIsTheRelease(t *testing.T) {
	begun(t, nil, func(d *twoDays) {
		d.do("kim", release.Deed{Act: release.ActStart, Commit: d.wanted})
		g := d.world.git
		g.mu.Lock()
		merge := g.commit("good 1", "Merge", time.Now(), g.refs[branch], d.wanted)
		g.set(branch, merge)
		g.mu.Unlock()
		d.pass(time.Minute)
		if c := d.cutover(); c.T0.IsZero() || c.Released != merge {
			t.Errorf("its T0 is missed: %+v", c)
		}
	})
}

func TestT0IsWhenProductionSaysSo(t *testing.T) {
	plan := func(p *slo.Plan) { p.Live = &slo.Live{Query: "live", Label: "commit"} }
	begun(t, plan, func(d *twoDays) {
		d.locked(func() { d.live = d.good })
		d.do("kim", release.Deed{Act: release.ActStart, Commit: d.wanted})
		d.setRef(branch, d.wanted)
		d.pass(time.Minute)
		if c := d.cutover(); !c.T0.IsZero() || c.Stop == nil || !strings.Contains(c.Stop.Text, "production does not run it yet") {
			t.Errorf("the branch has moved, production has not: %+v", c)
		}
		d.locked(func() { d.live = d.wanted[:10] })
		d.pass(time.Minute)
		if c := d.cutover(); c.T0.Before(d.world.began.Add(time.Minute)) || c.Stop != nil {
			t.Errorf("production runs it: %+v", c)
		}
	})
}

func TestT0IsWhenTheCommandThatAsksProductionSaysSo(t *testing.T) {
	dir, err := os.MkdirTemp("", "production-") // a t.TempDir is closed to the user that commands run as
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	running := filepath.Join(dir, "running")
	says := func(text string) {
		if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(running, []byte(text), 0o644)); err != nil {
			t.Error(err)
		}
	}
	plan := func(p *slo.Plan) { p.Live = &slo.Live{Argv: []string{"cat", running}} }
	begun(t, plan, func(d *twoDays) {
		says(d.good + "\n")
		d.do("kim", release.Deed{Act: release.ActStart, Commit: d.wanted})
		d.setRef(branch, d.wanted)
		d.pass(10 * time.Second)
		if c := d.cutover(); !c.T0.IsZero() || c.Stop == nil || !strings.Contains(c.Stop.Text, "production does not run it yet: it says "+d.good) {
			t.Errorf("the branch has moved, production has not: %+v", c)
		}
		says("could not connect to " + d.wanted)
		d.pass(10 * time.Second)
		if c := d.cutover(); !c.T0.IsZero() {
			t.Errorf("a complaint that names the commit is taken for an answer: %+v", c)
		}
		says(d.good + " " + d.wanted[:10])
		d.pass(10 * time.Second)
		if c := d.cutover(); c.T0.IsZero() || c.Stop != nil {
			t.Errorf("production runs it: %+v", c)
		}
	})
}

// TestAWaitForProductionIsOneStop: whatever the command prints beside its reason, and in whichever order production is listed.
func TestAWaitForProductionIsOneStop(t *testing.T) {
	dir, err := os.MkdirTemp("", "production-") // open to the user that commands run as
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	script := filepath.Join(dir, "running")
	says := func(text string) {
		if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(script, []byte(text), 0o644)); err != nil {
			t.Error(err)
		}
	}
	begun(t, liveBy("sh", script), func(d *twoDays) {
		other := strings.Repeat("a", 40)
		says("echo " + d.good)
		d.do("kim", release.Deed{Act: release.ActStart, Commit: d.wanted})
		d.setRef(branch, d.wanted)
		var last time.Time
		for n, text := range []string{"echo " + d.good + " " + other, "echo " + other + " " + d.good + " " + other,
			"echo at 1 >&2; exit 1", "echo at 2 >&2; exit 1", "echo no 1", "echo no 2"} {
			says(text)
			d.pass(20 * time.Second)
			c := d.cutover()
			if c.Stop == nil || !c.T0.IsZero() {
				t.Fatalf("%s: %+v", text, c)
			}
			if n%2 == 1 && !c.Stop.Since.Equal(last) {
				t.Errorf("%s: another stop for the same: %s", text, c.Stop.Text)
			}
			last = c.Stop.Since
		}
	})
}

func TestAPersonMayAnnounceInstead(t *testing.T) {
	begun(t, nil, func(d *twoDays) {
		d.locked(func() { d.deaf = true })
		d.do("kim", release.Deed{Act: release.ActStart, Commit: d.wanted})
		c := d.cutover()
		if c.Phase != release.Preparing || c.Stop == nil || !strings.Contains(c.Stop.Text, "rollback-agent cutover done announce") {
			t.Fatalf("nobody took the announcement: %+v", c)
		}
		if _, err := d.world.agent.Do(context.Background(), release.Deed{Act: release.ActRelease, Commit: d.wanted}); err == nil {
			t.Error("it is released unannounced")
		}
		d.do("lee", release.Deed{Act: release.ActDone, Item: slo.StepAnnounce, Reason: "told the channel"})
		d.pass(time.Minute)
		if c := d.cutover(); c.Phase != release.Waiting || c.Stop != nil || c.Ticked(slo.StepAnnounce).By != "lee" {
			t.Errorf("a person has told people: %+v", c)
		}
	})
}

func TestAnotherPlanStopsTheCutoverUntilAPersonAcceptsIt(t *testing.T) {
	begun(t, nil, func(d *twoDays) {
		d.do("kim", release.Deed{Act: release.ActStart, Commit: d.wanted})
		d.setRef(branch, d.wanted)
		d.pass(time.Minute)
		other := d.world.configured(d.world.config())
		other.Environments[0].Plan.Runbook.SHA256 = strings.Repeat("9", 64)
		if err := d.world.agent.Reload(other); err != nil {
			t.Fatal(err)
		}
		d.pass(2 * time.Minute)
		if s := d.cutover().Stop; s == nil || s.Reason != release.PlanChanged {
			t.Fatalf("the runbook has changed: %+v", s)
		}
		d.do("kim", release.Deed{Act: release.ActProceed, Reason: "a typo"})
		d.watchdog()
		d.pass(2 * time.Minute)
		if c := d.cutover(); c.Stop != nil || c.Course.Runbook != other.Environments[0].Plan.Runbook.SHA256 || len(c.Course.Milestones) != 4 {
			t.Errorf("a person has accepted it: %+v", c)
		}
	})
}
