package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/coclai/cutover/generator/backtest/pasttest"
)

// The past of the stories: two days of the reference shop, and a little more before them.
var pastBegins = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// past writes a TSDB directory; each further argument plants an incident: past DIR [KIND=START,LENGTH]...
func past(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: past DIR [KIND=START,LENGTH]...")
	}
	p := pasttest.Past{From: pastBegins, To: pastBegins.Add(48 * time.Hour), Scrape: 15 * time.Second}
	var incidents []pasttest.Incident
	for _, text := range args[1:] {
		kind, rest, _ := strings.Cut(text, "=")
		start, length, _ := strings.Cut(rest, ",")
		from, err := time.Parse(time.RFC3339, start)
		ts.Check(err)
		long, err := time.ParseDuration(length)
		ts.Check(err)
		incidents = append(incidents, pasttest.Incident{Kind: pasttest.Kind(kind), From: from, To: from.Add(long)})
	}
	ts.Check(p.Write(ts.MkAbs(args[0]), pasttest.Shop(p.Scrape, incidents...)))
}

// tags makes a repository with a commit for each tag, the last one plain, the others annotated: tags DIR NAME=TIME...
func tags(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: tags DIR NAME=TIME...")
	}
	git := func(at string, command ...string) {
		c := exec.Command("git", append([]string{"-C", ts.MkAbs(args[0]), "-c", "user.name=a", "-c", "user.email=a@b"}, command...)...)
		c.Env = append(os.Environ(), "GIT_COMMITTER_DATE="+at, "GIT_AUTHOR_DATE="+at, "GIT_CONFIG_GLOBAL=/dev/null")
		if out, err := c.CombinedOutput(); err != nil {
			ts.Fatalf("git %v: %v\n%s", command, err, out)
		}
	}
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o700))
	git("", "init", "-q")
	for i, tag := range args[1:] {
		name, at, _ := strings.Cut(tag, "=")
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+"/file"), fmt.Append(nil, i), 0o600))
		git(at, "add", "file")
		git(at, "commit", "-q", "-m", name)
		if i == len(args)-2 {
			git(at, "tag", name)
			continue
		}
		git(at, "tag", "-a", "-m", name, name)
	}
}
