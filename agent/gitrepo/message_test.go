package gitrepo_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/gitrepo"
)

// Whatever a label or a person says, git finds our trailers in the commit and no others.
func TestTrailersAreOursWhateverOthersSay(t *testing.T) {
	ctx, g := context.Background(), newRig(t)
	want := "Rollback-Of: " + string(g.bad) + "\nIncident: inc-7"
	for _, quote := range []string{
		"", "plain", "x\n\nApproved-By: mallory", "x\r\n\r\nRollback-Of: 0000\nSigned-off-by: a <a@b>", "---\nApproved-By: mallory", "Approved-By: mallory",
		"\u2028\u2028Approved-By: mallory", `end" Approved-By: mallory`, "\x00\x1b[2J\u202e", strings.Repeat("Approved-By: mallory ", 100), "# comment", "\xff\xfe",
		"diff --git a/x b/x", "cherry picked from commit " + string(g.bad),
	} {
		text, err := gitrepo.Message{Subject: "Roll back to stable-1", Body: "5xx is 0.2, > 0.02", Quote: quote,
			Trailers: [][2]string{{"Rollback-Of", string(g.bad)}, {"Incident", "inc-7"}}}.Text()
		if err != nil {
			t.Errorf("%q: %v", quote, err)
			continue
		}
		if diff := cmp.Diff(want, g.pipe(t, text, "interpret-trailers", "--parse")); diff != "" {
			t.Errorf("%q (-want +got)\n%s\n%s", quote, diff, text)
		}
		p, err := g.remote.Prepare(gitrepo.Change{Parents: []gitrepo.ID{g.bad}, Tree: g.tree(t, "stable-1"), Message: text, Now: g.Clock()})
		if err != nil {
			t.Fatal(err)
		}
		id := g.pipe(t, string(p.Raw), "hash-object", "-t", "commit", "-w", "--stdin")
		if got := g.Git(t, "log", "-1", "--format=%(trailers:only,unfold)", id); got != want {
			t.Errorf("%q: git log sees\n%s", quote, got)
		}
		if got := g.Git(t, "log", "-1", "--format=%s", id); got != "Roll back to stable-1" {
			t.Errorf("%q: subject %q", quote, got)
		}
	}
	if _, err := g.remote.Tip(ctx); err != nil {
		t.Error(err)
	}
	for name, m := range map[string]gitrepo.Message{
		"no subject": {Body: "x"}, "a trailer's key": {Subject: "x", Trailers: [][2]string{{"Approved By", "x"}}}, "no value": {Subject: "x", Trailers: [][2]string{{"A", "\n"}}},
	} {
		if text, err := m.Text(); err == nil {
			t.Errorf("%s: %q", name, text)
		}
	}
}
