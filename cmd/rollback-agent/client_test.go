package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const token = "a-token-of-the-test"

// asked runs a client command against a server, with a token file, and returns the exit code and both outputs.
func asked(t *testing.T, server *httptest.Server, args ...string) (code int, out, err string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	args = append(args, "--agent.url", server.URL+"/", "--token-file", file)
	code = run(t.Context(), streams{out: &stdout, err: &stderr}, args)
	return code, stdout.String(), stderr.String()
}

// A deploy job goes on at 0, stops at 1, and must not take "don't know" for either.
func TestEveryAnswerOfTheGateHasItsExitCode(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		code   int
		stderr string
	}{
		{200, `{"message":"c may be deployed"}`, 0, ""},
		{400, `{"kind":"invalid","message":"no commit","hint":"40 digits"}`, 1, "error: no commit\nhint: 40 digits\n"},
		{409, `{"kind":"refused","message":"it was rolled back"}`, 1, "error: it was rolled back\n"},
		{423, `{"kind":"locked","message":"locked","hint":"unlock it"}`, 1, "error: locked\nhint: unlock it\n"},
		{401, `{"message":"no token"}`, 2, "error: no token\n"},
		{403, `{"message":"not this one"}`, 2, "error: not this one\n"},
		{404, `{"message":"Not Found"}`, 2, "error: Not Found\n"},
		{500, `{"message":"our own"}`, 2, "error: our own\n"},
		{503, `{"kind":"undecided","message":"cannot tell"}`, 2, "error: cannot tell\n"},
		{502, `<html>a proxy</html>`, 2, "error: the agent answered 502 Bad Gateway\nhint: check --agent.url\n"},
		{423, `<html>a proxy</html>`, 2, "error: the agent answered 423 Locked\nhint: check --agent.url\n"},
		{409, `{"kind":"refused","message":"a \u001b[2J b"}`, 1, "error: a ⟨U+001B⟩[2J b\n"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}))
		code, _, stderr := asked(t, server, "gate", "c")
		server.Close()
		if code != c.code || stderr != c.stderr {
			t.Errorf("%d %s: exit %d, stderr %q; want %d, %q", c.status, c.body, code, stderr, c.code, c.stderr)
		}
	}
}

func TestSomethingElseThanAnAgentIsNoYes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>hello</html>") }))
	defer server.Close()
	if code, out, stderr := asked(t, server, "gate", "c"); code != 2 || out != "" || !strings.Contains(stderr, "does not answer like a rollback-agent") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out, stderr)
	}
}

func TestAnAnswerCutOffIsNoYes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, `{"message":"`)
	}))
	defer server.Close()
	if code, _, stderr := asked(t, server, "gate", "c"); code != 2 || !strings.Contains(stderr, "ended early") {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
}

func TestTheTokenDoesNotFollowARedirect(t *testing.T) {
	carried := make(chan string, 1)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { carried <- r.Header.Get("Authorization") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	code, _, _ := asked(t, server, "status")
	if code != 2 || len(carried) != 0 {
		t.Errorf("exit %d, %d requests elsewhere; want 2 and none", code, len(carried))
	}
}

func TestCommandsSendWhatTheyWereGiven(t *testing.T) {
	var method, uri, body, authorization string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		method, uri, body, authorization = r.Method, r.URL.RequestURI(), b.String(), r.Header.Get("Authorization")
		fmt.Fprint(w, `{"message":"done","details":["a: 1"]}`)
	}))
	defer server.Close()
	for args, want := range map[string]string{
		"stable":             `POST /api/v1/deeds {"act":"stable","environment":""}`,
		"stable v1.2":        `POST /api/v1/deeds {"act":"stable","environment":"","tag":"v1.2"}`,
		"stable --last v1.*": `POST /api/v1/deeds {"act":"last","environment":"","tag":"v1.*"}`,
		"rollback --dry-run": `POST /api/v1/deeds {"act":"preview","environment":""}`,
		"rollback --dry-run --to v1 --paths a,b/c":     `POST /api/v1/deeds {"act":"preview","environment":"","tag":"v1","paths":["a","b/c"]}`,
		"baseline --environment a/b":                   `POST /api/v1/deeds {"act":"baseline","environment":"a/b"}`,
		"deployed c":                                   `POST /api/v1/deeds {"act":"deployed","environment":"","commit":"c"}`,
		"release c":                                    `POST /api/v1/deeds {"act":"release","environment":"","commit":"c"}`,
		"unlock":                                       `POST /api/v1/deeds {"act":"unlock","environment":""}`,
		"unlock i --exonerate":                         `POST /api/v1/deeds {"act":"unlock","environment":"","incident":"i","exonerate":true}`,
		"unlock --break-glass fire":                    `POST /api/v1/deeds {"act":"break_glass","environment":"","reason":"fire"}`,
		"rca --text dropped":                           `POST /api/v1/deeds {"act":"rca","environment":"","cause":"dropped"}`,
		"rca i --link https://w/1":                     `POST /api/v1/deeds {"act":"rca","environment":"","incident":"i","link":"https://w/1"}`,
		"approve am/0f":                                `POST /api/v1/deeds {"act":"approve","environment":"","incident":"am/0f"}`,
		"cancel i --reason test":                       `POST /api/v1/deeds {"act":"cancel","environment":"","reason":"test","incident":"i"}`,
		"hold --reason test":                           `POST /api/v1/deeds {"act":"hold","environment":"","reason":"test","for":"4h"}`,
		"resume":                                       `POST /api/v1/deeds {"act":"resume","environment":""}`,
		"kill-switch on --reason x":                    `POST /api/v1/deeds {"act":"kill","environment":"","reason":"x"}`,
		"kill-switch off":                              `POST /api/v1/deeds {"act":"revive","environment":""}`,
		"gates record 1.4 FAIL --commit c --log https": `POST /api/v1/deeds {"act":"record","environment":"","commit":"c","gate":"1.4","verdict":"FAIL","log":"https"}`,
		"gate c":                                       `GET /api/v1/gate?commit=c `,
		"gate c --environment a/b":                     `GET /api/v1/gate?commit=c&environment=a%2Fb `,
	} {
		code, out, stderr := asked(t, server, strings.Fields(args)...)
		if got := method + " " + uri + " " + body; code != 0 || got != want || authorization != "Bearer "+token {
			t.Errorf("%s: exit %d, %s\nsent %s as %s\nwant %s", args, code, stderr, got, authorization, want)
		}
		if out != "done\n  a: 1\n" {
			t.Errorf("%s: printed %q", args, out)
		}
	}
}
