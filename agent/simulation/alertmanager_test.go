package simulation

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing/synctest"
	"time"
)

// notification is how far Alertmanager has told the agent of one alert.
type notification struct {
	told bool      // the agent has answered 2xx to a firing, or Alertmanager believes so
	last time.Time // told
	next time.Time // not before
}

// sent is one body and what was answered; 0: nothing was.
type sent struct {
	body []byte
	code int
}

const fingerprints = "00000000000000"

var fingerprint = map[string]string{errorsSLO: fingerprints + "e1", violationsSLO: fingerprints + "b2", latencySLO: fingerprints + "c3"}

// alertmanager answers for silences and alerts, and takes pages.
func (w *world) alertmanager(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Method == http.MethodPost {
		var pages []struct{ Labels map[string]string }
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &pages)
		for _, p := range pages {
			w.pages[p.Labels["alertname"]] = time.Now()
		}
		out.WriteHeader(http.StatusOK)
		return
	}
	w.asked = time.Now()
	all := []any{}
	for _, id := range slos {
		s := *w.signals[id]
		if !s.at(time.Now()) {
			continue
		}
		status := map[string]any{"state": "active", "silencedBy": []string{}, "inhibitedBy": []string{}}
		if w.silenced {
			status = map[string]any{"state": "suppressed", "silencedBy": []string{"s1"}, "inhibitedBy": []string{}}
		}
		all = append(all, map[string]any{"fingerprint": fingerprint[id], "labels": labels(id), "annotations": map[string]string{},
			"startsAt": s.since().Add(w.skew()).UTC().Format(time.RFC3339Nano), "status": status})
	}
	_ = json.NewEncoder(out).Encode(all)
}

// notify does what Alertmanager does every few seconds: tells of what fires, again after a minute, and of what has ended.
func (w *world) notify() {
	now := time.Now()
	if w.faults["alertmanager"] != "" {
		return
	}
	for _, id := range slos {
		n, s := w.notified[id], *w.signals[id]
		if now.Before(n.next) || len(s) == 0 {
			continue
		}
		switch on := s.at(now); {
		case on && !w.silenced && (!n.told || now.Sub(n.last) >= time.Minute):
			w.tell(id, n, bodyOf(alert{id: id, status: "firing", starts: s.since().Add(w.moved + w.skew())}))
		case !on && n.told && !w.silenced:
			w.tell(id, n, bodyOf(alert{id: id, status: "resolved", starts: s.since().Add(w.skew() - time.Second), ends: now.Add(w.skew())}))
			n.told = n.told && n.next.After(now)
		}
	}
	for len(w.late) > 0 && !now.Before(w.lateAt) {
		w.post(w.late[0], amToken)
		w.late = w.late[1:]
	}
}

// tell posts one body under the faults of the moment.
func (w *world) tell(id string, n *notification, body []byte) {
	now := time.Now()
	n.last = now
	switch {
	case w.drop > 0: // the agent never hears it, and Alertmanager thinks it has
		w.drop--
		n.told = true
		return
	case w.hold > 0:
		w.hold--
		w.late, w.lateAt = append(w.late, body), now.Add(20*time.Second)
		n.told = true
		return
	case w.truncate > 0:
		w.truncate--
		n.told = true
		code := w.post(bodyOf(alert{id: "somebody-else", status: "firing", starts: now, truncated: 1}), amToken)
		synctest.Wait()
		w.mu.Lock()
		quiet, asked := len(w.faults) == 0 && w.hanging == 0 && w.agent != nil && !w.agent.isDead(), w.asked
		w.mu.Unlock()
		if code == 200 && quiet && !asked.Equal(now) {
			w.check.say("F I9", "alerts were cut from a body, and Alertmanager was not asked for them")
		}
		return
	}
	times := 1 + w.repeat
	w.repeat = 0
	code := 0
	for range times {
		code = w.post(body, amToken)
	}
	switch {
	case code/100 == 2:
		n.told = true
	case code/100 == 5 || code == 0:
		n.next = now.Add(2 * time.Second)
	default:
		n.next = now.Add(30 * time.Second)
	}
}

// post delivers a body to the agent, if one runs, and keeps what came of it.
func (w *world) post(body []byte, token string) int {
	if w.agent == nil {
		return 0
	}
	p := w.agent
	r := httptest.NewRequest(http.MethodPost, "/api/v1/alerts", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	p.handler.ServeHTTP(answer, r)
	code := answer.Code
	if p.isDead() {
		code = 0 // the process ended before its answer was out
	}
	w.sent = append(w.sent, sent{body, code})
	return code
}

type alert struct {
	id, status   string
	starts, ends time.Time
	truncated    int
	version      string
}

func bodyOf(a alert) []byte {
	print := fingerprint[a.id]
	if print == "" {
		print = fingerprints + "ff"
	}
	version := a.version
	if version == "" {
		version = "4"
	}
	text, err := json.Marshal(map[string]any{"version": version, "groupKey": "{}:{}", "truncatedAlerts": a.truncated, "receiver": "rollback-agent",
		"status": a.status, "externalURL": "http://am", "notification_reason": "new", "alerts": []any{map[string]any{"status": a.status, "labels": labels(a.id),
			"annotations": map[string]string{"summary": a.id}, "startsAt": a.starts.UTC().Format(time.RFC3339Nano),
			"endsAt": a.ends.UTC().Format(time.RFC3339Nano), "fingerprint": print}}})
	if err != nil {
		panic(err) // plain texts always can be written
	}
	return text
}
