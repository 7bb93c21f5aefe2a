package agent_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
)

// exposed is an agent behind its routes, with everything on one token.
type exposed struct {
	*running
	url      string
	registry *prometheus.Registry
}

func expose(t *testing.T, r *running) exposed {
	t.Helper()
	x := exposed{r, "", prometheus.NewRegistry()}
	x.registry.MustRegister(r.Agent)
	server := httptest.NewServer(web.New(web.Options{Agent: r.Agent, Registry: x.registry, Logger: r.log.logger(),
		Tokens: func() []web.Token { return []web.Token{{Name: "am", Secret: token, May: []string{"alerts", "read"}}} }}))
	t.Cleanup(server.Close)
	x.url = server.URL
	return x
}

func (x exposed) ask(method, path, body string) (status int, answer string) {
	x.t.Helper()
	q, err := http.NewRequest(method, x.url+path, strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// hostileBodies are texts in the manner of the JSON test suite (github.com/nst/JSONTestSuite: y must be read, n must not, i is ours to choose),
// each alone, as the whole of a delivery, and as a value in one that would be good without it.
func hostileBodies() []string {
	texts := strings.Split(`[1,]|[,1]|[1,,2]|[1 true]|["a",|["x"]]|[""],|["x"|[3[4]]|[a]|[-]|[+1]|[-01]|[.5]|[1.]|[1e]|[1e+]|[0x1]|[NaN]|[Infinity]|[-Infinity]|[1+2]|`+
		`{"a"}|{"a":}|{"a" "b"}|{a:1}|{'a':1}|{"a":1,}|{"a":1,,"b":2}|{"a":"b"}/**/|{"a":"b"}#|{"a":|{|}|[|]|"|"a|'a'|\u0041|["\x"]|["\u00"]|["\uD800"]|["\uD800\uD800"]|`+
		`["\uDFAA"]|[tru]|[nul]|nullx|true|false|null|0|-0|""|[]|{}|[[]]|{"":0}|[123e65]|[1e999999]|[-1e999999]|[123123e100000]|[0.4e00669999999999999999999999999969999999006]|`+
		`[20e1]|[1E+2]|["\u0060\u012a\u12AB"]|["\""]|<null>|[<null>]|*|[*]|{"a":1}{"b":2}|[1]x|2@|{"a":1,"a":2}|{"a":1,"\u0061":2}|{"version":"4"}|{"version":4}|{"version":["4"]}|`+
		`{"version":"4","alerts":{}}|{"version":"4","alerts":[null]}|{"version":"4","alerts":[[]]}|{"version":"4","alerts":[{}],"alerts":[]}|{"version":"4","ALERTS":[],"alerts":[]}|`+
		`{"version":"4","truncatedAlerts":1e400,"alerts":[]}|{"version":"4","truncatedAlerts":-1,"alerts":[]}|{"version":"4","truncatedAlerts":99999999999999999999,"alerts":[]}`, "|")
	texts = append(texts, "", "\x00", "\xff\xfe[\x00]\x00", "\xef\xbb\xbf{}", "[\"\xe5\"]", "[\"\xff\"]", "[\"\x00\"]", "[\"new\nline\"]", "[\"\t\"]", "[\x0c]", "[\u00a0]", "[\u2060]",
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", strings.Repeat("[", 100_000), strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000),
		strings.Repeat(`{"a":`, 100_000), strings.Repeat(`[{"":`, 50_000)+"\n", `{"a":"`+strings.Repeat(`\u0000`, 100_000)+`"}`, strings.Repeat(" ", 1<<20), "["+strings.Repeat("9", 1<<20)+"]",
		`{`+strings.Repeat(`"a":0,`, 100_000)+`"b":0}`)
	good := string(body("firing", time.Now()))
	var all []string
	for _, text := range texts {
		all = append(all, text, strings.Replace(good, `"too many errors"`, cmp.Or(text, "0"), 1), strings.Replace(good, `"alerts":[`, `"alerts":[`+text+`,`, 1))
	}
	var labels, long strings.Builder
	for n := range 100_000 {
		fmt.Fprintf(&labels, `"l%d":"x",`, n)
		fmt.Fprintf(&long, `"%040d":"x",`, n)
	}
	for _, some := range []string{labels.String(), long.String(), `"x":"` + strings.Repeat("x", 8<<20) + `",`, `"` + strings.Repeat("x", 8<<20) + `":"x",`} {
		all = append(all, strings.Replace(good, `"labels":{`, `"labels":{`+some, 1))
	}
	alert := good[strings.Index(good, `{"status"`):strings.Index(good, `],"externalURL"`)]
	return append(all, `{"version":"4","alerts":[`+strings.Repeat(alert+",", 20_000)+alert+`]}`, `{"version":"4","alerts":[`+strings.Repeat("{},", 1_000_000)+`{}]}`)
}

// TestNoBodyIsAServersError holds D1: whatever is posted is read, or refused for good; Alertmanager would send again after anything else. And
// the memory that it took is given back.
func TestNoBodyIsAServersError(t *testing.T) {
	w := bare(t)
	x := expose(t, w.start(t, w.config(t)))
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, answers := uint64(0), map[int]int{}
	for n, text := range hostileBodies() {
		if n == 10 {
			before = held()
		}
		began := time.Now()
		status, answer := x.ask("POST", "/api/v1/alerts", text)
		answers[status]++
		if status != 200 && status != 413 && status != 422 {
			t.Errorf("%.200q: %d %s", text, status, answer)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%.200q took %s", text, took)
		}
	}
	t.Logf("answers by status: %v", answers)
	if after := held(); after > before+64<<20 {
		t.Errorf("%d MiB are held, %d before", after>>20, before>>20)
	}
	if answers[200] == 0 || answers[422] < 200 {
		t.Errorf("answers by status: %v", answers)
	}
	if s := x.state(); s.Lock != nil {
		t.Errorf("%+v", s.Lock)
	}
}

// TestLabelsMakeNoSeries holds T5: 10,000 alerts with labels of their own change values, and add no series.
func TestLabelsMakeNoSeries(t *testing.T) {
	w := bare(t)
	x := expose(t, w.start(t, w.config(t)))
	one := string(body("firing", time.Now()))
	send := func(text string) {
		t.Helper()
		if status, answer := x.ask("POST", "/api/v1/alerts", text); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	series := func() int {
		t.Helper()
		families, err := x.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, f := range families {
			n += len(f.GetMetric())
		}
		return n
	}
	send(one)
	x.decided(rollback.NoRelease)
	before := series()
	alert := one[strings.Index(one, `{"status"`):strings.Index(one, `],"externalURL"`)]
	var many []string
	for n := range 10_000 {
		many = append(many, strings.NewReplacer("4f6a9e0c2b7d1835", fmt.Sprintf("%016x", 1<<32+n), "CheckoutApiErrorRate", fmt.Sprintf("Alert%d\n", n)).Replace(strings.ReplaceAll(alert, "\n", "")))
	}
	text := `{"version":"4","alerts":[` + strings.ReplaceAll(strings.Join(many, ","), "\n", `\n`) + `]}`
	send(text)
	if !eventually(30*time.Second, func() bool { return len(x.state().Episodes) >= 10_000 }) {
		t.Fatalf("%d episodes", len(x.state().Episodes))
	}
	if after := series(); after != before {
		t.Errorf("%d series, %d before", after, before)
	}
	_, metrics := x.ask("GET", "/metrics", "")
	check := exec.Command(program(t, "promtool"), "check", "metrics")
	check.Stdin = strings.NewReader(metrics)
	if said, err := check.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, said)
	}
}

// TestNoAddressInABodyIsAsked holds I3: every field of a delivery that can hold an address holds one, and nobody ever comes.
func TestNoAddressInABodyIsAsked(t *testing.T) {
	asked := make(chan string, 1)
	listener := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.URL.String():
		default:
		}
	}))
	defer listener.Close()
	w := bare(t)
	x := expose(t, w.start(t, w.config(t)))
	next := w.release(t, 20, "next")
	x.do(release.Deed{Act: release.ActStable})
	x.ship(next)
	link := func(field string) string { return fmt.Sprintf(`"%s":"%s/%s"`, field, listener.URL, field) }
	labels := strings.Join([]string{link("instance"), link("prometheus"), link("runbook"), link("git_url"), link("alertmanager")}, ",")
	notes := strings.Join([]string{link("runbook_url"), link("dashboard"), link("__alertImage__"), link("description")}, ",")
	text := strings.NewReplacer(`"labels":{`, link("generatorURL")+`,"labels":{`+labels+",", `"annotations":{`, `"annotations":{`+notes+",", `"externalURL":"http://am"`, link("externalURL")).
		Replace(string(body("firing", time.Now())))
	if status, answer := x.ask("POST", "/api/v1/alerts", text); status != 200 {
		t.Fatalf("%d %s\n%s", status, answer, text)
	}
	x.decided(rollback.CannotTell)
	for _, path := range []string{"/", "/api/v1/state", "/api/v1/history", "/explain?incident=am/4f6a9e0c2b7d1835", "/metrics"} {
		x.ask("GET", path, "")
	}
	select {
	case url := <-asked:
		t.Errorf("%s was asked for", url)
	default:
	}
}

// TestEachRecordOfTheLogIsOneLine holds T4: whatever a label, a body or a person says, it begins no line of its own and moves no cursor.
func TestEachRecordOfTheLogIsOneLine(t *testing.T) {
	const forged = "x\r\ntime=2026-01-01T00:00:00Z level=INFO msg=forged\u2028{\"msg\":\"forged\"}\x1b[2J\x1b]0;title\x07\u202e"
	for _, format := range []string{"json", "logfmt"} {
		w := bare(t)
		f := promslog.NewFormat()
		if err := f.Set(format); err != nil {
			t.Fatal(err)
		}
		config := &promslog.Config{Format: f}
		r, end := logged(t, w, config)
		handler := web.New(web.Options{Agent: r.Agent, Registry: prometheus.NewRegistry(), Logger: promslog.New(config), Tokens: func() []web.Token { return nil }})
		quoted, err := json.Marshal(forged)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(body("firing", time.Now())), `"CheckoutApiErrorRate"`, string(quoted))
		text = strings.Replace(text, `"too many errors"`, string(quoted), 1)
		for source, sent := range map[string]string{"am": text, forged: forged} {
			_, _ = r.Receive(t.Context(), source, []byte(sent))
		}
		for _, d := range []release.Deed{{Act: release.ActHold, Reason: forged}, {Act: release.ActKill, Reason: forged}, {Act: release.ActDeployed, Commit: forged}, {Act: release.ActStable, Tag: forged}} {
			d.Author = forged
			_, _ = r.Do(t.Context(), d)
		}
		for _, path := range []string{"/" + forged, "/explain/" + forged} {
			q := httptest.NewRequest("GET", "/", nil)
			q.URL.Path, q.Method = path, "X\r\n"+forged
			handler.ServeHTTP(httptest.NewRecorder(), q)
		}
		r.decided(rollback.NoRelease)
		end()
		lines := strings.Split(strings.TrimSuffix(r.log.String(), "\n"), "\n")
		for _, line := range lines {
			if strings.ContainsAny(line, "\r\x1b\x07\u2028") || strings.HasPrefix(line, "time=2026-01-01") || format == "json" && !json.Valid([]byte(line)) {
				t.Errorf("%s: %q", format, line)
			}
		}
		if len(lines) != 3 || !strings.Contains(r.log.String(), "forged") {
			t.Errorf("%s: a decision and two requests are %d lines:\n%s", format, len(lines), r.log)
		}
	}
}

// logged is an agent that logs as the program does.
func logged(t *testing.T, w *world, c *promslog.Config) (*running, func()) {
	t.Helper()
	l, err := ledger.Open(t.TempDir() + "/ledger.db")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, log: &lines{}}
	c.Writer, c.Level = r.log, promslog.NewLevel()
	if err := c.Level.Set("debug"); err != nil {
		t.Fatal(err)
	}
	if r.Agent, err = agent.New(agent.Options{Config: w.config(t), Ledger: l, Logger: promslog.New(c)}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return r, func() {
		stop()
		if err := errors.Join(<-ended, l.Close()); err != nil {
			t.Error(err)
		}
	}
}
