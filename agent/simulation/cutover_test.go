package simulation

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// cutover is the story that the script disturbs: a stable tag, and a release. What fails is tried again for a while.
func (w *world) cutover(now time.Time) {
	since := now.Sub(w.began)
	if w.told || w.tries > 40 || since < 5*time.Second {
		return
	}
	if w.check.home().Release != nil || w.check.home().Forward != nil {
		w.told = true // it came through, though its answer did not
		return
	}
	if !w.pinned {
		w.tries++
		w.pinned = w.do("kim", release.Deed{Act: release.ActStable}) == nil
		return
	}
	if since < 20*time.Second {
		return
	}
	w.tries++
	if w.wanted == "" {
		w.wanted = w.newRelease(now)
	}
	act := release.ActRelease
	if w.script.pushed {
		act = release.ActDeployed
	}
	w.told = w.do("ci", release.Deed{Act: act, Commit: w.wanted}) == nil
}

// newRelease is the commit to release: on a branch beside production, or pushed to it.
func (w *world) newRelease(now time.Time) string {
	content := "good 1"
	if w.script.bad != "" {
		content = "bad " + w.script.bad
	}
	w.git.mu.Lock()
	defer w.git.mu.Unlock()
	parent := w.git.refs[branch]
	id := w.git.commit(content, "Release", now, parent)
	if w.script.pushed {
		w.git.set(branch, id)
	} else {
		w.git.set("refs/heads/main", id)
	}
	return id
}

// push is a person's commit on top of the deploy branch, refused like everybody's while the lock stands. The repository is locked.
func (w *world) push(content string, past bool) {
	g := w.git
	if g.refs[lockRef] != "" && !past || g.refs[branch] == "" {
		return
	}
	if content == "" {
		content = g.content(g.refs[branch])
	}
	g.set(branch, g.commit(content, fmt.Sprintf("Somebody's work %d", len(g.log)), time.Now(), g.refs[branch]))
}

// rewind puts the branch somewhere, by force.
func (w *world) rewind(to string) {
	if w.git.refs[lockRef] == "" && w.git.refs[branch] != "" {
		w.git.set(branch, to)
	}
}

// happen does one event of the script.
func (w *world) happen(e event) {
	now := time.Now()
	if w.disturb(e, now) || w.meddle(e) || w.deed(e) {
		return
	}
	switch e.do {
	case "repeat":
		w.repeat = e.n + 1
	case "lose":
		w.drop = e.n/2 + 1
	case "delay":
		w.hold = 1 + e.n%2
	case "truncate":
		w.truncate = 1
	case "move startsAt":
		w.moved = time.Duration(e.n-3) * 20 * time.Second
	case "repeat an old body":
		if len(w.sent) > 0 {
			w.post(w.sent[e.n%len(w.sent)].body, amToken)
		}
	case "month-old firing":
		w.post(bodyOf(alert{id: errorsSLO, status: "firing", starts: w.clock().Add(-30 * 24 * time.Hour)}), amToken)
	case "uncorroborated firing":
		w.post(bodyOf(alert{id: slos[e.n%3], status: "firing", starts: w.clock()}), amToken)
	case "firing without a token":
		w.post(bodyOf(alert{id: errorsSLO, status: "firing", starts: w.clock()}), "guessed")
	case "malformed body":
		w.post(bodyOf(alert{id: errorsSLO, status: "firing", starts: w.clock(), version: "3"}), amToken)
	case "resolved only":
		w.post(bodyOf(alert{id: slos[e.n%3], status: "resolved", starts: w.clock().Add(-time.Minute), ends: w.clock()}), amToken)
	default:
		panic("no event " + e.do)
	}
}

// disturb is a fault that lasts, or a blow to the process.
func (w *world) disturb(e event, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	lasting := func(name string, f fault) { w.fail(name, f, e.lasts) }
	switch e.do {
	case "git", "push", "prometheus", "alertmanager":
		lasting(e.do, e.f)
	case "prometheus after the push":
		w.blinding = e
	case "disk full":
		lasting("disk", refused)
	case "silence":
		lasting("silence", "")
		w.silenced = true
	case "hook refuses":
		lasting("hook", "")
	case "fsync fails":
		w.fsync = []trouble{failing, failingLate}[e.n%2]
	case "crash", "crash after":
		w.crashIn, w.dieLate = e.n, e.do == "crash after"
	case "restart":
		if w.agent != nil {
			w.agent.die()
		}
	case "recovers by itself":
		w.recovered = true
	case "fire from elsewhere":
		w.fireUntil = now.Add(e.lasts)
	case "clock":
		w.skewed.Add(int64(time.Duration(e.n-2) * 7 * time.Minute))
	case "kill switch":
		w.killedUntil = now.Add(e.lasts)
		w.mu.Unlock()
		w.switchKill(true)
		w.mu.Lock()
	default:
		return false
	}
	return true
}

// fail begins a fault that lasts. The world is locked.
func (w *world) fail(name string, f fault, lasts time.Duration) {
	now := time.Now()
	w.faults[name], w.until[name], w.begun[name] = f, now.Add(lasts), now
}

// meddle is what somebody does to the repository.
func (w *world) meddle(e event) bool {
	g := w.git
	g.mu.Lock()
	defer g.mu.Unlock()
	fix := fmt.Sprintf("good fix %d", e.n)
	switch e.do {
	case "same content pushed":
		w.push("", false)
	case "same content pushed in the race":
		w.between(e, func() { w.push("", false) })
	case "fix pushed":
		w.push(fix, false)
	case "fix pushed in the race":
		w.between(e, func() { w.push(fix, false) })
	case "rewound":
		w.rewind(w.good)
	case "rewound in the race":
		w.between(e, func() { w.rewind(w.good) })
	case "unrelated history":
		w.rewind(g.commit("good elsewhere", "Another history", time.Now()))
	case "pushed past the lock":
		w.push([]string{"", fix}[e.n%2], true)
	case "tag moved", "tag deleted":
		for ref, id := range g.refs {
			if !strings.HasPrefix(ref, "refs/tags/stable-2") {
				continue
			}
			moved := ""
			if e.do == "tag moved" {
				moved = g.put(object{"tag", []byte(strings.Replace(string(g.objects[id].raw), g.objects[id].header("object"), g.refs[branch], 1))})
			}
			g.set(ref, moved)
		}
	case "push lost by the server":
		w.forget(e.n%2 == 0)
	default:
		return false
	}
	return true
}

// between does something while a rollback is pushed: as late as possible, or just after its commit was made.
func (w *world) between(e event, f func()) {
	if e.n%2 == 0 {
		w.git.race = f
	} else {
		w.git.before = f
	}
}

// forget lets the server lose the rollback that it has acknowledged, with its lock or without.
func (w *world) forget(lock bool) {
	for _, m := range w.git.log {
		if m.who == "agent" && m.ref == branch && w.git.refs[branch] == m.new && w.git.objects[m.new].trailer("Rollback-Of") != "" {
			w.git.set(branch, m.old)
			if lock {
				w.git.set(lockRef, "")
			}
			return
		}
	}
}

// deed is what a person does about what the agent says.
func (w *world) deed(e event) bool {
	d, author := release.Deed{Reason: "as the script says"}, "kim"
	switch e.do {
	case "approve", "cancel":
		d.Act = map[string]release.Act{"approve": release.ActApprove, "cancel": release.ActCancel}[e.do]
		for key, episode := range w.check.home().Episodes {
			if episode.Decision != nil && episode.Decision.Verdict == rollback.Propose {
				d.Incident = key
			}
		}
		for _, i := range w.check.home().Incidents {
			if i.Acting() && e.do == "cancel" {
				d.Incident = i.ID
			}
		}
	case "hold":
		d.Act, d.For = release.ActHold, "2m"
	case "killed by a person":
		d.Act = release.ActKill
	case "gate":
		d.Act, d.Commit = release.ActGate, w.wanted
	default:
		return false
	}
	_ = w.do(author, d)
	return true
}

// unlock closes what is open as people would: one says what it was, another opens.
func (w *world) unlock() error {
	lock := w.check.home().Lock
	if lock == nil {
		return nil
	}
	if err := w.do("kim", release.Deed{Act: release.ActRCA, Incident: lock.Incident, Cause: "a bug"}); err != nil {
		return err
	}
	if err := w.do("kim", release.Deed{Act: release.ActUnlock, Incident: lock.Incident}); err == nil {
		return errors.New("the author of the analysis opened the lock")
	}
	return w.do("lee", release.Deed{Act: release.ActUnlock, Incident: lock.Incident})
}

// nextRelease deploys the next release, when the lock is open.
func (w *world) nextRelease() error {
	if err := w.do("kim", release.Deed{Act: release.ActStable}); err != nil {
		return err
	}
	w.git.mu.Lock()
	id := w.git.commit("good 2", "The next release", time.Now(), w.git.refs[branch])
	w.git.set("refs/heads/main", id)
	w.git.mu.Unlock()
	if err := w.do("ci", release.Deed{Act: release.ActRelease, Commit: id}); err != nil {
		return err
	}
	w.git.mu.Lock()
	defer w.git.mu.Unlock()
	if content := w.git.content(w.git.refs[branch]); content != "good 2" {
		return fmt.Errorf("production runs %q", content)
	}
	return nil
}
