package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// world is one run of a script. The driver, which is one goroutine, lets time go by in ticks, does what the script says, and checks.
type world struct {
	script script
	logger *slog.Logger
	suffix string // of the hosts' names
	kill   string // path of the kill switch
	// configured makes another configuration of the world's; nil: it stays as it is.
	configured func(config.Config) config.Config
	hosts      []*host
	git        *remote
	disk       *disk
	began      time.Time
	skewed     atomic.Int64
	good       string // commit that production runs at first
	wanted     string // commit to be released
	told       bool   // the release was declared, or prepared
	pinned     bool
	tries      int
	again      time.Time // when a dead agent is started
	next       int       // event
	check      *checker
	loses      int // entries, with each crash: a planted bug

	// of Alertmanager, the driver's
	notified               map[string]*notification
	sent                   []sent
	drop, hold, truncate   int
	repeat                 int
	moved                  time.Duration
	late                   [][]byte
	lateAt                 time.Time
	fireUntil, killedUntil time.Time

	mu        sync.Mutex // the last to be taken
	agent     *process
	faults    map[string]fault
	until     map[string]time.Time
	signals   map[string]*signal
	silenced  bool
	pages     map[string]time.Time // last time that it was sent
	crashIn   int                  // touches until the process ends; -1: it does not
	dieLate   bool
	fsync     trouble
	blinding  event     // begins when a rollback has been pushed
	asked     time.Time // when Alertmanager was asked for its alerts last
	doing     bool
	hanging   int
	liveBad   string // what the branch's content breaks
	liveSince time.Time
	recovered bool
	killed    bool
	begun     map[string]time.Time // when a fault began
}

// worlds gives each world names of its own.
var worlds atomic.Int64

const tick = 2 * time.Second

// run plays a script, in a bubble, and returns what was violated.
func run(s script, dir string, logger *slog.Logger, plant func(*world)) []string {
	w := &world{script: s, logger: logger, suffix: fmt.Sprintf(".world-%d:80", worlds.Add(1)), kill: filepath.Join(dir, fmt.Sprintf("stop-%d", s.seed)), git: newRemote(),
		disk: &disk{}, began: time.Now(), notified: map[string]*notification{}, faults: map[string]fault{}, until: map[string]time.Time{},
		signals: map[string]*signal{}, pages: map[string]time.Time{}, begun: map[string]time.Time{}, crashIn: -1}
	_ = os.Remove(w.kill)
	for _, id := range slos {
		w.notified[id], w.signals[id] = &notification{}, &signal{}
	}
	w.listen("git", w.serveGit)
	w.listen("prometheus", w.faulty("prometheus", w.prometheus))
	w.listen("alertmanager", w.faulty("alertmanager", w.alertmanager))
	w.check = newChecker(w)
	w.disk.trouble, w.disk.written, w.git.watch = w.trouble, w.check.written, w.check.moved
	w.good = w.git.commit("good 0", "A good release", w.began.Add(-time.Hour))
	w.git.set(branch, w.good)
	bad := w.git.commit("bad evil", "Nothing to go back to", w.began.Add(-2*time.Hour))
	w.git.set("refs/tags/"+evil, w.git.put(object{"tag", fmt.Appendf(nil, "object %s\ntype commit\ntag %s\ntagger Dev <dev@example.org> 1 +0000\n\nevil\n", bad, evil)}))
	if plant != nil {
		plant(w)
	}
	defer func() {
		if w.agent != nil {
			w.bury()
		}
		time.Sleep(20 * time.Second) // hanging requests end
		w.cut()
		for _, name := range []string{"git", "prometheus", "alertmanager"} {
			hosts.Delete(name + w.suffix)
		}
		_ = os.Remove(w.kill)
	}()
	w.play()
	return w.check.found
}

func (w *world) listen(name string, handle func(http.ResponseWriter, *http.Request) bool) {
	h := &host{handle: handle, up: func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.agent != nil && !w.agent.isDead() && w.faults[name] != refused
	}}
	w.hosts = append(w.hosts, h)
	hosts.Store(name+w.suffix, h)
}

// faulty is a handler under the fault of its name. Nobody hangs while the driver waits for its turn: virtual time would stand still.
func (w *world) faulty(name string, next http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	return func(out http.ResponseWriter, r *http.Request) bool {
		f, done := w.fault(name)
		defer done()
		return f.answer(out, r, next)
	}
}

func (w *world) fault(name string) (fault, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.faults[name]
	switch {
	case f == hang && w.doing:
		return refused, func() {}
	case f == hang:
		w.hanging++
		return hang, func() { w.mu.Lock(); w.hanging--; w.mu.Unlock() }
	case name == "prometheus" && f == empty:
		return "", func() {} // it answers, and has no series
	}
	return f, func() {}
}

func (w *world) serveGit(out http.ResponseWriter, r *http.Request) bool {
	w.mu.Lock()
	p := w.agent
	w.mu.Unlock()
	if p == nil || p.isDead() {
		return false
	}
	before, after := w.touch()
	if before {
		p.die()
		return false
	}
	name := "git"
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "git-receive-pack") && w.has("push") {
		name = "push"
	}
	f, done := w.fault(name)
	defer done()
	answered := f.answer(out, r, w.git)
	if after {
		p.die()
		return false
	}
	return answered
}

func (w *world) has(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.faults[name] != ""
}

// touch counts what the process does to the world, and says whether it dies of it, before or after.
func (w *world) touch() (before, after bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.crashIn < 0 {
		return false, false
	}
	w.crashIn--
	return w.crashIn < 0 && !w.dieLate, w.crashIn < 0 && w.dieLate
}

// trouble is what an append meets, by the script.
func (w *world) trouble(entries []rollback.Entry) trouble {
	w.mu.Lock()
	p := w.agent
	isFull, fsync := w.faults["disk"] != "", w.fsync
	if len(entries) > 0 && !isFull {
		w.fsync = ""
	}
	w.mu.Unlock()
	switch {
	case p == nil:
		return fine // New reads and adopts nothing
	case p.isDead():
		return dead
	case isFull:
		return full
	case len(entries) == 0:
		return fine
	case fsync != "":
		return fsync
	}
	before, after := w.touch()
	if before || after {
		p.die()
	}
	if before {
		return dead
	}
	if after {
		return deadAfter
	}
	return fine
}

// play lets the script happen, then calm return, and looks whether everything comes to its end.
func (w *world) play() {
	if err := w.start(); err != nil {
		w.check.say("start", "the agent does not start: %v", err)
		return
	}
	for time.Since(w.began) < calmAt {
		w.tick()
	}
	w.calm()
	end := time.Now().Add(11 * time.Minute)
	for why := "?"; why != "" && len(w.check.found) == 0; {
		w.tick()
		if why = w.unsettled(); why != "" && time.Now().After(end) {
			w.check.say("F I13", "11 minutes after the last fault: %s", why)
		}
	}
	if len(w.check.found) == 0 {
		w.check.atEnd()
	}
}

// tick is one step: the world moves on, the script's deeds are done, and everything is checked.
func (w *world) tick() {
	time.Sleep(tick)
	synctest.Wait()
	now := time.Now()
	if w.agent != nil && w.agent.isDead() {
		w.bury()
		w.again = now.Add(time.Duration(1+w.script.seed%7) * time.Second)
	}
	if w.agent == nil && !now.Before(w.again) {
		w.check.restarted()
		if err := w.start(); err != nil {
			w.check.say("start", "the agent does not start again: %v", err)
			return
		}
		synctest.Wait()
	}
	w.expire(now)
	for ; w.next < len(w.script.events) && w.began.Add(w.script.events[w.next].at).Before(now); w.next++ {
		synctest.Wait()
		w.happen(w.script.events[w.next])
	}
	w.sense(now)
	w.notify()
	w.cutover(now)
	synctest.Wait()
	w.check.look()
}

// sense lets what is deployed burn, or not.
func (w *world) sense(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := now.Sub(w.liveSince) >= w.script.onset
	for _, id := range slos {
		s := w.signals[id]
		on := w.liveBad == id && out && !w.recovered
		if id == violationsSLO { // it happens once, and stays in its window for five minutes
			on = on && len(*s) == 0 || s.at(now) && now.Sub(s.since()) < 5*time.Minute
		}
		s.set(now, on || id == errorsSLO && now.Before(w.fireUntil))
	}
}

// expire ends what has lasted long enough.
func (w *world) expire(now time.Time) {
	w.mu.Lock()
	for name, end := range w.until {
		if now.After(end) {
			delete(w.until, name)
			delete(w.faults, name)
		}
	}
	w.silenced = w.until["silence"].After(now)
	refuses := w.until["hook"].After(now)
	ends := w.killed && now.After(w.killedUntil)
	w.mu.Unlock()
	w.git.mu.Lock()
	w.git.refuse = refuses
	w.git.mu.Unlock()
	if ends {
		w.switchKill(false)
	}
}

func (w *world) switchKill(on bool) {
	if on {
		_ = os.WriteFile(w.kill, nil, 0o600)
	} else {
		_ = os.Remove(w.kill)
	}
	w.mu.Lock()
	w.killed, w.begun["kill"] = on, time.Now()
	w.mu.Unlock()
}

// calm ends every fault. What was done stays done.
func (w *world) calm() {
	w.mu.Lock()
	clear(w.until)
	clear(w.faults)
	w.crashIn, w.fsync, w.blinding = -1, "", event{}
	w.mu.Unlock()
	w.killedUntil = time.Time{}
	w.drop, w.hold, w.truncate = 0, 0, 0
	w.expire(time.Now())
}

// do is a deed of a person or of CI. The driver waits until nothing hangs: it would wait for its turn on a mutex, and no time would pass.
func (w *world) do(author string, d release.Deed) error {
	if d.Act != release.ActKill && d.Act != release.ActHold { // a brake waits for nobody
		defer w.await()()
	}
	p := w.agent
	if p == nil || p.isDead() {
		return errors.New("nobody answers")
	}
	d.Author = author
	_, err := p.Do(context.Background(), d)
	if p.isDead() {
		return errors.New("no answer")
	}
	return err
}

// await waits until nothing hangs, and lets nothing hang until what it returns is called.
func (w *world) await() (done func()) {
	w.mu.Lock()
	w.doing = true
	w.mu.Unlock()
	for {
		w.mu.Lock()
		hanging := w.hanging
		w.mu.Unlock()
		if hanging == 0 {
			break
		}
		time.Sleep(time.Second)
	}
	synctest.Wait()
	return func() { w.mu.Lock(); w.doing = false; w.mu.Unlock() }
}
