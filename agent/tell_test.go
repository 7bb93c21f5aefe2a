package agent_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/ledger/pgtest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// receiver is a webhook that people read. Answer is what it does instead of 200, nil for nothing.
type receiver struct {
	URL    string
	mu     sync.Mutex
	got    []string // "ID subject: text" of what it took
	tried  int
	answer func(id string) int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL + "/hooks/the-secret"
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	var m struct{ ID, Subject, Text string }
	if err := json.NewDecoder(q.Body).Decode(&m); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.tried++
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		if status := answer(m.ID); status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, m.ID+" "+m.Subject+": "+m.Text)
}

func (r *receiver) does(answer func(id string) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (r *receiver) tries() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tried
}

// about waits until it took a message with these words, and says how often.
func (r *receiver) about(t *testing.T, words string) int {
	t.Helper()
	times := func() (n int) {
		for _, text := range r.took() {
			if strings.Contains(text, words) {
				n++
			}
		}
		return n
	}
	if !eventually(30*time.Second, func() bool { return times() > 0 }) {
		t.Fatalf("nobody was told %q, but:\n%s", words, strings.Join(r.took(), "\n"))
	}
	return times()
}

// told is a world with somebody to tell.
func (w *world) told(t *testing.T, r *receiver) config.Config {
	c := w.config(t)
	c.Environments[0].Notify = config.Notify{Webhook: config.Secret(r.URL), LockedAfter: slo.Duration(24 * time.Hour),
		Template: `{"ID": {{json .ID}}, "Subject": {{json .Subject}}, "Text": {{json .Text}}}`}
	return c
}

func (r *running) outbox() []rollback.Message {
	if o := r.state().Outbox; o != nil {
		return o.Messages
	}
	return nil
}

func (r *running) quiet() {
	r.t.Helper()
	if !eventually(30*time.Second, func() bool { return r.state().Outbox != nil && len(r.outbox()) == 0 }) {
		r.t.Fatalf("messages still wait: %+v", r.outbox())
	}
}

// TestPeopleAreToldWhateverBecomesOfTheWebhookAndTheAgent: a message is there from the append that calls for it, waits while the webhook is
// down or fails, through a restart, and is told once when it comes back; meanwhile nothing else waits for it.
func TestPeopleAreToldWhateverBecomesOfTheWebhookAndTheAgent(t *testing.T) {
	w, people := bare(t), newReceiver(t)
	w.now = w.later()
	path := filepath.Join(t.TempDir(), "ledger.db")
	people.does(func(string) int { return http.StatusInternalServerError })
	first, stop := w.startOn(t, w.told(t, people), path)
	if !eventually(30*time.Second, func() bool { return first.state().Outbox != nil }) {
		t.Fatal("the outbox is not open")
	}
	first.do(release.Deed{Act: release.ActKill, Reason: "storm <\u202e!channel>"})
	if !eventually(30*time.Second, func() bool { return people.tries() > 0 }) {
		t.Fatal("the webhook was not tried")
	}
	w.pass(2 * time.Minute)
	if !eventually(30*time.Second, func() bool {
		return slices.ContainsFunc(first.View().Degraded, func(line string) bool {
			return strings.Contains(line, "checkout/production: the webhook of `notify` takes no messages since") && strings.Contains(line, "1 wait") && strings.Contains(line, "500")
		})
	}) {
		t.Errorf("that it takes no messages is not said: %q", first.View().Degraded)
	}
	if text := fmt.Sprint(first.View().Degraded, first.log); strings.Contains(text, "the-secret") {
		t.Errorf("the address is said: %s", text)
	}
	stop()
	people.does(nil)
	second, _ := w.startOn(t, w.told(t, people), path)
	if n := people.about(t, "brake: checkout/production: the kill switch is on"); n != 1 {
		t.Errorf("told %d times", n)
	}
	second.quiet()
	if got := people.took()[0]; !strings.Contains(got, "storm <⟨U+202E⟩!channel>") {
		t.Errorf("what hides in a text is not shown: %q", got)
	}
	if d := second.View().Degraded; slices.ContainsFunc(d, func(line string) bool { return strings.Contains(line, "webhook") }) {
		t.Errorf("it is said that they are not told: %q", d)
	}
}

// TestAWebhookThatHangsKeepsNobodyWaiting: deeds, deliveries and decisions go on while it says nothing.
func TestAWebhookThatHangsKeepsNobodyWaiting(t *testing.T) {
	w, people := bare(t), newReceiver(t)
	hangs := make(chan struct{})
	people.does(func(string) int { <-hangs; return http.StatusOK })
	defer close(hangs)
	r := w.start(t, w.told(t, people))
	if !eventually(30*time.Second, func() bool { return r.state().Outbox != nil }) {
		t.Fatal("the outbox is not open")
	}
	r.do(release.Deed{Act: release.ActKill, Reason: "storm"})
	if !eventually(30*time.Second, func() bool { return people.tries() > 0 }) {
		t.Fatal("the webhook was not tried")
	}
	began := time.Now()
	r.do(release.Deed{Act: release.ActRevive, Reason: "over"})
	r.deliver(5, time.Now())
	r.reason("am/4f6a9e0c2b7d1835", rollback.NoRelease)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("that took %s while the webhook hung", took)
	}
}

// TestAMessageThatIsRefusedKeepsNoOtherBack: the webhook will not have one, and takes the next; the first is said to be lost.
func TestAMessageThatIsRefusedKeepsNoOtherBack(t *testing.T) {
	w, people := bare(t), newReceiver(t)
	path := filepath.Join(t.TempDir(), "ledger.db")
	lockSince(t, path, time.Now().Add(-25*time.Hour))
	people.does(func(id string) int {
		if people.tries() <= 3 {
			return http.StatusBadRequest
		}
		return http.StatusOK
	})
	r, _ := w.startOn(t, w.told(t, people), path)
	if !eventually(30*time.Second, func() bool { return people.tries() > 0 }) {
		t.Fatal("the webhook was not tried")
	}
	r.do(release.Deed{Act: release.ActHold, For: "1h", Reason: "other"})
	people.about(t, "nothing is rolled back without a person")
	r.quiet()
	if o := r.state().Outbox; o.Lost != 1 || !strings.Contains(o.LostWhy, "refused: ") || len(people.took()) != 1 {
		t.Errorf("of the one that was refused: %+v; taken were %q", o, people.took())
	}
	if d := r.View().Degraded; len(d) == 0 || !strings.Contains(strings.Join(d, "\n"), "a message was given up at") {
		t.Errorf("that one was given up is not said: %q", d)
	}
}

// TestALockThatStandsIsSaidAgainEveryDay, and what works less well is said once, and once that it is over.
func TestALockThatStandsIsSaidAgainEveryDay(t *testing.T) {
	w, people := bare(t), newReceiver(t)
	w.now = w.later()
	path := filepath.Join(t.TempDir(), "ledger.db")
	lockSince(t, path, w.now())
	r, _ := w.startOn(t, w.told(t, people), path)
	for day := 1; day <= 3; day++ {
		w.pass(24*time.Hour + time.Second)
		r.do(release.Deed{Act: release.ActHold, For: "1h", Reason: "wakes who tells"})
		people.about(t, fmt.Sprintf("(%s): incident inc-1; its cause is not known: rollback-agent rca inc-1", map[int]string{1: "24 hours", 2: "2 days", 3: "3 days"}[day]))
	}
	if got := r.state().Lock.Reminded; got != 3 {
		t.Errorf("reminded %d times in 3 days", got)
	}
	write(t, filepath.Join(w.dir, "stop"), "")
	r.do(release.Deed{Act: release.ActHold, For: "1h", Reason: "the switch is seen"})
	r.noted(rollback.CauseKillFile, func() { w.pass(2 * time.Minute) })
	people.about(t, "degraded: checkout/production: since")
}

// lockSince makes a ledger in which a lock stands.
func lockSince(t *testing.T, path string, since time.Time) {
	t.Helper()
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(rollback.Lock{Incident: "inc-1", Since: since})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), rollback.Entry{At: since, Environment: home, Kind: rollback.LockSet, Author: "rollback-agent", Incident: "inc-1", Body: text}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// noted lets time pass until people are told of a cause.
func (r *running) noted(cause rollback.Cause, pass func()) {
	r.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; pass() {
		r.do(release.Deed{Act: release.ActHold, For: "1h", Reason: "wakes who tells"})
		if eventually(2*time.Second, func() bool { _, is := r.state().Outbox.Noted[cause]; return is }) {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("%s is not noted: %+v, %q", cause, r.state().Outbox, r.View().Degraded)
		}
	}
}

// TestAnotherAgentTellsWhatTheFirstCouldNot: the message waits in the ledger that they share.
func TestAnotherAgentTellsWhatTheFirstCouldNot(t *testing.T) {
	w, people := bare(t), newReceiver(t)
	dsn := pgtest.Start(t).Database(t)
	people.does(func(string) int { return http.StatusServiceUnavailable })
	c := w.told(t, people)
	first, stop := w.startReplica(t, dsn, c)
	if !eventually(30*time.Second, func() bool { return first.state().Outbox != nil }) {
		t.Fatal("the outbox is not open")
	}
	first.do(release.Deed{Act: release.ActKill, Reason: "storm"})
	if !eventually(30*time.Second, func() bool { return people.tries() > 0 }) {
		t.Fatal("the webhook was not tried")
	}
	second, _ := w.startReplica(t, dsn, c)
	stop()
	people.does(nil)
	if n := people.about(t, "the kill switch is on"); n != 1 {
		t.Errorf("told %d times", n)
	}
	second.quiet()
}

// TestAKillCostsNoMessage: killed after the webhook has taken a message and before that is recorded, the agent sends it again, under the same
// id; killed after that, it does not.
func TestAKillCostsNoMessage(t *testing.T) {
	w := bare(t)
	d := newDaemon(t, w)
	for point, most := range map[string]int{"delivered": 2, "told": 1} {
		people := newReceiver(t)
		write(t, filepath.Join(filepath.Dir(d.config), point), people.URL+"\n")
		plain, err := os.ReadFile(d.config)
		if err != nil {
			t.Fatal(err)
		}
		told := strings.ReplaceAll(string(plain), "    budget:", "    notify: {webhook_file: "+point+`, template: '{"ID": {{json .ID}}, "Subject": {{json .Subject}}, "Text": {{json .Text}}}'}`+"\n    budget:")
		config := d.config
		d.config = filepath.Join(filepath.Dir(d.config), point+".yaml")
		write(t, d.config, strings.Replace(told, "ledger.db", point+".db", 1)) // what the one before left to be told is not this one's
		d.start(point)
		d.do(release.Deed{Act: release.ActKill, Reason: "killed when " + point})
		if !eventually(30*time.Second, d.dead) {
			t.Fatalf("it was not killed when %s", point)
		}
		d.start("")
		d.do(release.Deed{Act: release.ActHold, For: "1h", Reason: "the next"})
		people.about(t, "the next")
		if n := people.about(t, "killed when "+point); n > most {
			t.Errorf("killed when %s: told %d times", point, n)
		}
		d.kill()
		d.config = config
	}
}
