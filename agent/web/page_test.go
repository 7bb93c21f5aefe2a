package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

var t0 = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

// rolledBack is a state as it is after a rollback: locked, verified, classified.
func rolledBack() rollback.State {
	pin := release.Pin{Ref: "refs/tags/pre-bigbang-cutover-20260301", Commit: "aaaaaaaaaaaaaaaaaaaa", At: t0.Add(-time.Hour), By: "kim"}
	incident := &rollback.Incident{ID: "inc-20260301T020000Z-bbbbbbbb", Release: "bbbbbbbbbbbbbbbbbbbb", Opened: t0.Add(12 * time.Minute),
		Phase: rollback.PhaseClassified,
		Decisions: []rollback.Decision{{Verdict: rollback.Rollback, Reason: rollback.Corroborated, Trigger: "4.1.1",
			Text: "api-error-rate is 0.051, > 0.02 (45102 events)", At: t0.Add(12 * time.Minute)}},
		Preparation: &rollback.Preparation{Commit: "cccccccccccccccccccc", Expected: "bbbbbbbbbbbbbbbbbbbb", Target: "pre-bigbang-cutover-20260301"},
		Push:        &rollback.Push{Commit: "cccccccccccccccccccc", Tip: "cccccccccccccccccccc", Outcome: "done"},
		PushedAt:    t0.Add(13 * time.Minute),
		Verification: &rollback.Verification{Verdict: release.Pass, Restored: "cccccccccccccccccccc", Healthy: t0.Add(15 * time.Minute),
			Gates: []rollback.GateRun{{Gate: "1.1", Verdict: release.Pass, Reason: "exit 0", Took: "3s", Output: "preflight PASS"}}},
		Classification: &rollback.Classification{Component: "runtime", Evidence: []string{"02:11:30 api-error-rate"}},
	}
	return rollback.State{Seq: 9, Environments: map[string]*rollback.Environment{"checkout/production": {
		Name: "checkout/production", Pin: &pin,
		Release:   &release.Release{Commit: "bbbbbbbbbbbbbbbbbbbb", T0: t0, Target: pin, By: "ci"},
		Lock:      &rollback.Lock{Incident: incident.ID, Since: t0.Add(12 * time.Minute), Reason: "rolled back to pre-bigbang-cutover-20260301"},
		Incidents: []*rollback.Incident{incident},
	}}}
}

func TestThePageTellsTheWholeStory(t *testing.T) {
	server := serving(t, &memory{view: View{State: rolledBack(), Degraded: []string{"the Watchdog was not seen for 4m"}}})
	response, body := send(t, server, sent{"GET", "/", with(kimToken), ""})
	if response.StatusCode != 200 || response.Header.Get("Content-Security-Policy") != policy {
		t.Fatalf("%d, policy %q", response.StatusCode, response.Header.Get("Content-Security-Policy"))
	}
	text := strings.Join(strings.Fields(textOf(parse(t, body))), " ")
	for _, want := range []string{
		"Degraded: the Watchdog was not seen for 4m",
		"LOCKED inc-20260301T020000Z-bbbbbbbb since 2026-03-01 02:12:00Z (for ",
		"rollback-agent rca inc-20260301T020000Z-bbbbbbbb --environment checkout/production --text '…', and somebody else: rollback-agent unlock",
		"Released bbbbbbbbbb since 2026-03-01 02:00:00Z (told by ci) · T+",
		"Returns to pre-bigbang-cutover-20260301 (commit aaaaaaaaaa, pinned 2026-03-01 01:00:00Z by kim)",
		"rollback 2026-03-01 02:12:00Z trigger 4.1.1: api-error-rate is 0.051, > 0.02 (45102 events) (corroborated)",
		"prepared commit cccccccccc with the tree of pre-bigbang-cutover-20260301, on top of bbbbbbbbbb",
		"pushed: done 2026-03-01 02:13:00Z commit cccccccccc; the remote was seen to hold cccccccccc",
		"verified: PASS 2026-03-01 02:15:00Z commit cccccccccc",
		"gate 1.1: PASS exit 0; took 3s output preflight PASS",
		"classified: runtime 02:11:30 api-error-rate",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(body, "<script") || response.Header.Get("Refresh") != "" {
		t.Error("the page has a script, or loads itself again although nothing is being done")
	}
}

func TestThePageIsReloadedWhileTheAgentActs(t *testing.T) {
	state := rolledBack()
	state.Environments["checkout/production"].Incidents[0].Phase = rollback.PhasePushed
	server := serving(t, &memory{view: View{State: state}})
	for path, want := range map[string]string{"/": reloadAfter, "/?still=1": ""} {
		response, _ := send(t, server, sent{"GET", path, with(kimToken), ""})
		if got := response.Header.Get("Refresh"); got != want {
			t.Errorf("%s: reloaded after %q seconds, want %q", path, got, want)
		}
	}
}

func TestThePageAsksForAPassword(t *testing.T) {
	server := serving(t, &memory{})
	for name, c := range map[string]struct {
		header http.Header
		want   int
	}{
		"nothing":        {nil, 401},
		"kim's token":    {basic("anybody", kimToken), 200},
		"as a bearer":    {with(kimToken), 200},
		"wrong":          {basic("kim", "guess"), 401},
		"as the user":    {basic(kimToken, ""), 401},
		"not for pages":  {basic("ci", ciToken), 403},
		"sent two times": {http.Header{"Authorization": append(basic("a", kimToken)["Authorization"], "Bearer "+kimToken)}, 401},
	} {
		response, _ := send(t, server, sent{"GET", "/", c.header, ""})
		if response.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", name, response.StatusCode, c.want)
		}
		if c.want == 401 && !strings.HasPrefix(response.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s: a browser is not asked for a password", name)
		}
	}
	opened := serving(t, &memory{}, func(o *Options) { o.OpenPage = true })
	for path, want := range map[string]int{"/": 200, "/api/v1/state": 401, "/config": 401} {
		if response, _ := send(t, opened, sent{"GET", path, nil, ""}); response.StatusCode != want {
			t.Errorf("open page, %s: %d, want %d", path, response.StatusCode, want)
		}
	}
}

func basic(user, password string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}}
}

func TestALedgerThatCannotBeReadDoesNotHideTheRest(t *testing.T) {
	view := View{State: rolledBack(), Entries: func(context.Context, string, int) ([]rollback.Entry, error) { return nil, errors.New("disk") }}
	server := serving(t, &memory{view: view})
	response, body := send(t, server, sent{"GET", "/", with(kimToken), ""})
	if response.StatusCode != 200 || !strings.Contains(body, "LOCKED") || !strings.Contains(body, "the ledger could not be read") {
		t.Errorf("%d\n%s", response.StatusCode, body)
	}
}

// hostile has what breaks out of text, attributes, comments, styles, URLs and terminals.
const hostile = "\"'`><script>alert(1)</script><img src=x onerror=alert(1)>--><!--</title></style></textarea></details>" +
	"javascript:alert(1) {{.Version}} &lt;b&gt; \u202egnp.exe\u202c \u200b \x1b[2J\x00 \xff <svg/onload=alert(1)><base href=//evil><meta http-equiv=refresh>"

// TestTextNeverBecomesMarkup fills every field of the state and of every kind of entry, once with harmless text and once with hostile:
// the elements and attributes of both pages must be the same, but for what is text in an attribute: values, and the queries of our own links.
func TestTextNeverBecomesMarkup(t *testing.T) {
	harmless, attacked := pageFilledWith(t, "text"), pageFilledWith(t, hostile)
	if diff := cmp.Diff(markup(parse(t, harmless)), markup(parse(t, attacked))); diff != "" {
		t.Errorf("input changes the page's markup (-harmless +hostile):\n%s", diff)
	}
	if !strings.Contains(attacked, "&lt;script&gt;") || !strings.Contains(attacked, "⟨U+202E⟩") {
		t.Error("the hostile text is not on the page at all, or not shown for what it is")
	}
	if i := strings.IndexFunc(attacked, hidden); i >= 0 {
		t.Errorf("a character nobody sees is on the page: %q", attacked[i:i+10])
	}
}

// pageFilledWith is the page as somebody sees it who is signed in and may do everything: with all its forms.
func pageFilledWith(t *testing.T, text string) string {
	t.Helper()
	var state rollback.State
	fill(reflect.ValueOf(&state).Elem(), text)
	var entries []rollback.Entry
	for _, kind := range kindsInSource(t) {
		entries = append(entries, entryFilledWith(t, kind, text))
	}
	server := serving(t, &memory{view: View{State: state, Degraded: []string{text}, Ready: text,
		Glance: func(context.Context, string) (Rows, bool) {
			var rows Rows
			fill(reflect.ValueOf(&rows).Elem(), text)
			return rows, true
		},
		Entries: func(context.Context, string, int) ([]rollback.Entry, error) { return entries, nil }}}, func(o *Options) { o.Tokens = mighty })
	response, body := send(t, server, sent{"GET", "/", cookie(signInAs(t, server, kimToken)), ""})
	if response.StatusCode != 200 {
		t.Fatalf("%d\n%s", response.StatusCode, body)
	}
	return body
}

// bodies is the type of each kind's body.
var bodies = map[rollback.Kind]func() any{
	rollback.AlertsReceived: of[rollback.Delivery], rollback.AlertsQuarantined: of[rollback.Quarantine],
	rollback.StablePinned: of[release.Pin], rollback.BaselineCaptured: of[rollback.Baselines],
	rollback.ReleaseDeployed: of[release.Release], rollback.GateRecorded: of[release.GateResult],
	rollback.Decided: of[rollback.Decision], rollback.LockSet: of[rollback.Lock], rollback.LockCleared: of[rollback.Unlock],
	rollback.Prepared: of[rollback.Preparation], rollback.ForwardPrepared: of[rollback.Preparation],
	rollback.Pushed: of[rollback.Push], rollback.Verified: of[rollback.Verification], rollback.Classified: of[rollback.Classification],
	rollback.NeedsHuman: of[rollback.Trouble], rollback.ForwardFailed: of[rollback.Trouble], rollback.Checkpointed: of[rollback.Checkpoint],
	rollback.LockPushed: of[rollback.LockPush], rollback.RulesAdopted: of[rollback.Rulebook], rollback.Held: of[rollback.Holding],
	rollback.PreflightStarted: of[release.Preflight], rollback.PreflightEnded: of[release.PreflightEnd],
	rollback.CutoverStarted: of[release.Cutover], rollback.CutoverDone: of[release.Tick], rollback.CutoverStopped: of[release.Stop],
	rollback.CutoverContinued: of[release.Continuation], rollback.CutoverEnded: of[release.End], rollback.ObservationNoted: of[release.Watched],
	rollback.MilestoneReached: of[release.Result], rollback.MilestoneReported: of[release.Report],
	rollback.Resumed: of[rollback.Remark], rollback.KillSwitchOn: of[rollback.Remark], rollback.KillSwitchOff: of[rollback.Remark],
	rollback.RollbackCancelled: of[rollback.Remark], rollback.CauseSubmitted: of[rollback.Analysis], rollback.Reconciled: of[rollback.Reconciliation],
	rollback.OutboxSwitched: of[rollback.OutboxSwitch], rollback.MessageTold: of[rollback.Told], rollback.ConditionNoted: of[rollback.Condition], rollback.LockReminded: of[rollback.Reminder],
}

func of[T any]() any { return new(T) }

func entryFilledWith(t *testing.T, kind rollback.Kind, text string) rollback.Entry {
	t.Helper()
	body := bodies[kind]()
	fill(reflect.ValueOf(body).Elem(), text)
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return rollback.Entry{Seq: 1, At: t0, Environment: text, Kind: kind, Author: text, Incident: text, Body: encoded}
}

// fill gives every field something: text to strings, except to verdicts, which are one of three.
func fill(v reflect.Value, text string) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(t0))
		return
	case release.Verdict:
		v.Set(reflect.ValueOf(release.Pass))
		return
	case json.RawMessage:
		v.SetBytes([]byte(`{}`))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(2)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), text)
		fill(v.Index(1), text)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		fill(value, text)
		v.SetMapIndex(reflect.ValueOf(text).Convert(v.Type().Key()), value)
		if v.Type().Elem().Kind() == reflect.String {
			v.SetMapIndex(reflect.ValueOf("alertname").Convert(v.Type().Key()), value)
		}
	}
}

// kindsInSource are the kinds of entries as package rollback declares them.
func kindsInSource(t *testing.T) []rollback.Kind {
	t.Helper()
	source, err := os.ReadFile("../rollback/entry.go")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []rollback.Kind
	for _, m := range regexp.MustCompile(`(?m)^\t\w+ +Kind = "([a-z._]+)"`).FindAllStringSubmatch(string(source), -1) {
		kinds = append(kinds, rollback.Kind(m[1]))
	}
	if len(kinds) < 10 {
		t.Fatalf("only %d kinds found in entry.go", len(kinds))
	}
	return kinds
}

func TestEveryKindHasASentence(t *testing.T) {
	for _, kind := range kindsInSource(t) {
		e := entryFilledWith(t, kind, "words")
		if got := Sentence(e); strings.ContainsAny(got, "{}") || !strings.Contains(got, "words") {
			t.Errorf("%s is told as %q", kind, got)
		}
	}
}

func parse(t *testing.T, page string) *html.Node {
	t.Helper()
	node, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return node
}

// markup lists elements with their attributes, and comments, in order.
func markup(n *html.Node) []string {
	var found []string
	for d := range n.Descendants() {
		switch d.Type {
		case html.ElementNode:
			line := d.Data
			for _, a := range d.Attr {
				line += " " + a.Key
				switch path, _, query := strings.Cut(a.Val, "?"); {
				case query && (a.Key == "href" || a.Key == "src"):
					line += "=" + path
				case a.Key != "value" && a.Key != "alt":
					line += "=" + a.Val
				}
			}
			found = append(found, line)
		case html.CommentNode:
			found = append(found, "comment")
		}
	}
	return found
}

func textOf(n *html.Node) string {
	var parts []string
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			parts = append(parts, d.Data)
		}
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return strings.TrimSpace(p) == "" }), " ")
}
