package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

// nasty has what breaks logs: line ends, a terminal's commands, marks that turn a line around or hide in it, another line separator, a
// byte that is no UTF-8, and what would be a line of its own.
const nasty = "a\r\nb\x1b[2J\x1b]0;title\x07\u202Ereversed\u200B\u2028{\"level\":\"ERROR\",\"msg\":\"forged\"}\nlevel=ERROR msg=forged\xff\x00\u0085\u009b31m"

// quotedJSON quotes a text as somebody would who does not care for UTF-8.
func quotedJSON(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\u%04x`, c)
			continue
		}
		b.WriteByte(text[i])
	}
	return `"` + b.String() + `"`
}

// hostileBodies are deliveries in which every text is nasty, or all but what makes it an alert of ours.
func hostileBodies() []string {
	n := quotedJSON(nasty)
	ours := `"service":"checkout","environment":"production","rollback":"auto"`
	with := func(labels, status, fingerprint string) string {
		return fmt.Sprintf(`{"version":"4","groupKey":%[1]s,"receiver":%[1]s,"externalURL":%[1]s,"status":"firing","truncatedAlerts":3,"alerts":[{"status":%[3]s,"labels":{%[2]s,"alertname":%[1]s,"slo":%[1]s,
"trigger":%[1]s,"owner":%[1]s,%[1]s:%[1]s},"annotations":{"summary":%[1]s,"description":%[1]s},"startsAt":"2026-03-01T02:11:30Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":%[1]s,"fingerprint":%[4]s}]}`,
			n, labels, status, fingerprint)
	}
	planned := strings.Replace(with(ours, `"firing"`, `"00000000000000ad"`), `"slo":`+n+`,
"trigger":`+n, `"slo":"api-error-rate","trigger":"4.1.1"`, 1)
	return []string{
		planned, with(ours, `"firing"`, `"00000000000000aa"`), with(`"service":`+n+`,"environment":`+n, `"firing"`, `"00000000000000ab"`),
		with(ours, n, `"00000000000000ac"`), with(ours, `"firing"`, n), `{"version":` + n + `}`, nasty, strings.Repeat(nasty, 5000),
	}
}

// hostile delivers with a token, then asks by other ways, with nasty headers, paths and methods.
func hostile(ts *testscript.TestScript, _ bool, args []string) {
	address := strings.TrimPrefix(ts.Getenv("AGENT"), "http://")
	token := strings.TrimSpace(ts.ReadFile(args[0]))
	header := strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(nasty)
	for _, body := range hostileBodies() {
		raw(ts, address, fmt.Sprintf("POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nUser-Agent: %s\r\nX-Forwarded-For: %s\r\nX-Request-Id: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			token, "plain", "plain", "plain", len(body), body))
	}
	for _, request := range []string{
		"POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + header + "\r\nConnection: close\r\n\r\n",
		"GET /-/healthy HTTP/1.1\r\nHost: x\r\nUser-Agent: " + header + "\r\nX-Forwarded-For: " + header + "\r\nReferer: " + header + "\r\nConnection: close\r\n\r\n",
		"GET /%0d%0alevel=ERROR%1b[2J%e2%80%ae%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"GET /\u202e\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: " + header + "\r\nConnection: close\r\n\r\n",
		nasty + "\r\n\r\n",
	} {
		raw(ts, address, request)
	}
}

// raw sends bytes that no client would, and reads until the daemon hangs up.
func raw(ts *testscript.TestScript, address, request string) {
	conn, err := net.Dial("tcp", address)
	ts.Check(err)
	defer conn.Close()
	ts.Check(conn.SetDeadline(time.Now().Add(30 * time.Second)))
	_, err = io.WriteString(conn, request)
	ts.Check(err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return // hung up on, as some of them deserve
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
}

// logLines checks a log: each line is one event, whole, and holds nothing that a reader cannot see.
func logLines(ts *testscript.TestScript, _ bool, args []string) {
	events := 0
	for n, line := range strings.Split(strings.TrimSuffix(ts.ReadFile(args[1]), "\n"), "\n") {
		hidden := func(r rune) bool {
			return r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
		}
		if at := strings.IndexFunc(strings.ReplaceAll(line, "\uFFFD", ""), hidden); at >= 0 {
			ts.Fatalf("line %d holds something hidden at %d: %q", n+1, at, line)
		}
		switch args[0] {
		case "json":
			var event struct {
				Time       time.Time
				Level, Msg string
			}
			if err := json.Unmarshal([]byte(line), &event); err != nil || event.Time.IsZero() || event.Level == "" || event.Msg == "" || event.Msg == "forged" {
				ts.Fatalf("line %d is no event (%v): %s", n+1, err, line)
			}
		case "logfmt":
			if !strings.HasPrefix(line, "time=20") || !strings.Contains(line, " level=") || !strings.Contains(line, " msg=") {
				ts.Fatalf("line %d is no event: %s", n+1, line)
			}
		}
		events++
	}
	if events < 10 {
		ts.Fatalf("%d lines: what was sent is not in the log", events)
	}
}
