package web

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// raw sends a request line as it is, which no client would, and gives the status.
func raw(t *testing.T, server *httptest.Server, method, path string, headers ...string) int {
	t.Helper()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	head := slices.Concat([]string{method + " " + path + " HTTP/1.1", "Host: agent", "Connection: close", "Content-Length: 2"}, headers)
	if _, err := fmt.Fprintf(c, "%s\r\n\r\n{}", strings.Join(head, "\r\n")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	response.Body.Close()
	return response.StatusCode
}

// disguised are other ways to write a path.
func disguised(path string) []string {
	last := strings.LastIndex(path, "/")
	return []string{path, "/" + path, path + "/", path + "//", "/." + path, "/x/.." + path, path[:last] + "/." + path[last:], path[:last] + "/x/.." + path[last:],
		path[:last] + "%2f" + path[last+1:], path[:last] + "%2F" + path[last+1:], path[:last] + "%5c" + path[last+1:], path + "%00", path + "%20", path + "%09", path + ";x=1",
		path + ".json", path + "?", path + "?x", strings.ToUpper(path), strings.Replace(path, "a", "%61", 1), strings.Replace(path, "e", "%2565", 1), "http://agent" + path,
		"http://evil.example" + path, path + "/..%2f", path + "/%2e%2e/healthy", "/style.css/.." + path, "/-/healthy/.." + path, path + "%0d%0aX:y"}
}

// TestEveryPathAsksForTheTokenHoweverItIsWritten holds E2: without a token, and with a wrong one, no way to write a route's path reaches it, with
// no method; and the two get the same answer.
func TestEveryPathAsksForTheTokenHoweverItIsWritten(t *testing.T) {
	m := &memory{}
	server := serving(t, m)
	methods := []string{"GET", "HEAD", "POST", "PUT", "QUERY", "OPTIONS", "get", "PROPFIND"}
	parameter := regexp.MustCompile(`:\w+`)
	asked := 0
	for _, r := range routesOf(m) {
		public := false
		for _, one := range everyRoute {
			public = public || one.path == r.path && one.nobody == 200
		}
		for _, path := range disguised(parameter.ReplaceAllString(r.path, "x")) {
			for _, method := range methods {
				asked++
				with := []string{"X-HTTP-Method-Override: " + r.methods[0], "X-Original-URL: " + r.path, "X-Rewrite-URL: " + r.path}
				nobody := raw(t, server, method, path, with...)
				wrong := raw(t, server, method, path, append(with, "Authorization: Bearer "+kimToken+"x")...)
				if nobody != wrong {
					t.Errorf("%s %s: %d without a token, %d with a wrong one", method, path, nobody, wrong)
				}
				if nobody < 400 && !public {
					t.Errorf("%s %s: %d", method, path, nobody)
				}
			}
		}
	}
	if len(m.received)+len(m.deeds) > 0 {
		t.Errorf("the agent was reached: %d bodies, deeds %+v", len(m.received), m.deeds)
	}
	t.Logf("%d ways", asked)
}

// routesOf are the routes, for tests in which a running one is called server.
func routesOf(m *memory) []route { return (&server{Options: optionsFor(m)}).routes() }

// TestNobodyMakesUpWhereHeComesFrom holds S4: what headers say of the client's address is not believed.
func TestNobodyMakesUpWhereHeComesFrom(t *testing.T) {
	var log strings.Builder
	server := serving(t, &memory{}, func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	for _, name := range []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Forwarded-Host"} {
		for _, value := range []string{"203.0.113.7", "for=203.0.113.7", "127.0.0.1, 203.0.113.7", "203.0.113.7\t", "[2001:db8::7]:80"} {
			if got := raw(t, server, "GET", "/api/v1/state", name+": "+value); got != 401 {
				t.Errorf("%s: %s: %d", name, value, got)
			}
		}
		raw(t, server, "POST", "/session", name+": 203.0.113.7", "Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded")
	}
	server.Close()
	if got := strings.Count(log.String(), "peer=127.0.0.1"); got < 42 || strings.Contains(log.String(), "203.0.113.7") || strings.Contains(log.String(), "2001:db8") {
		t.Errorf("%d records with the peer:\n%s", got, log.String())
	}
}
