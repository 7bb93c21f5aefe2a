package agent

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/gitrepo"
)

// TestWhatIsWrongOnTheRemoteIsPaged: though nothing fires and nobody asks.
func TestWhatIsWrongOnTheRemoteIsPaged(t *testing.T) {
	refused := fmt.Errorf("check push: %w: HTTP 403", gitrepo.ErrAuth)
	type look struct {
		stray string
		err   error
	}
	for name, c := range map[string]struct {
		looks []look // a minute apart
		want  string // page: part of its text; "" for none
	}{
		"all is well":              {[]look{{}, {}}, ""},
		"a lock nobody knows of":   {[]look{{"a lock of inc-1", nil}, {"a lock of inc-1", nil}}, "RollbackAgentStrayLock checkout/production: a lock of inc-1"},
		"a lock just being opened": {[]look{{"a lock of inc-1", nil}}, ""},
		"a lock that was opened":   {[]look{{"a lock of inc-1", nil}, {"a lock of inc-1", nil}, {}}, ""},
		"refused":                  {[]look{{"", refused}, {"", refused}, {"", refused}}, "RollbackAgentRemoteFails checkout/production: nothing could be rolled back since 2026-03-01 02:11:30Z: the git remote refuses the agent's credentials in /etc/token"},
		"refused for a moment":     {[]look{{"", refused}, {"", refused}}, ""},
		"refused, and let in":      {[]look{{"", refused}, {"", refused}, {"", refused}, {}}, ""},
		"it does not answer":       {[]look{{"", gitrepo.ErrUnavailable}, {"", gitrepo.ErrUnavailable}, {"", gitrepo.ErrUnavailable}}, "RollbackAgentRemoteFails checkout/production: nothing could be rolled back: the git remote is of no use since"},
	} {
		e, now := &environment{name: "checkout/production", configured: config.Environment{Git: config.Git{CredentialsFile: "/etc/token"}}, sight: &sight{}}, fired
		for _, l := range c.looks {
			e.sight.saw(l.stray, l.err, now)
			now = now.Add(sightEvery)
		}
		var got []string
		for _, c := range e.sight.conditions(e, now.Add(-sightEvery)) {
			page := callOf(c)
			got = append(got, page.name+" "+page.summary)
		}
		if text := strings.Join(got, "; "); c.want == "" && text != "" || !strings.HasPrefix(text, c.want) {
			t.Errorf("%s: paged %q, want %q", name, text, c.want)
		}
	}
}
