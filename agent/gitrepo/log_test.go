package gitrepo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

// subjects are what a log shows, by line.
func subjects(l gitrepo.Log) []string {
	var all []string
	for _, c := range l.Commits {
		line := c.Author + ": " + c.Subject
		if c.Breaking {
			line += " !"
		}
		if len(c.Parents) > 1 {
			line += " (merge)"
		}
		all = append(all, line)
	}
	return all
}

// history has a branch that was merged between two releases.
func history(t *testing.T, s *gittest.Server) (good, bad gitrepo.ID) {
	t.Helper()
	good = gitrepo.ID(s.Commit(t, "main", map[string]string{"a": "1"}, "feat: before"))
	s.Git(t, "branch", "side", string(good))
	s.Commit(t, "main", map[string]string{"a": "2"}, "fix: one\n\nWhy.\n\nBREAKING CHANGE: the flag is gone\n")
	side := s.Commit(t, "side", map[string]string{"b": "1"}, "feat(web): on the side\x1b[31m")
	tip := s.Tip(t, "main")
	tree := s.Git(t, "rev-parse", "main^{tree}")
	bad = gitrepo.ID(s.Git(t, "commit-tree", tree, "-p", tip, "-p", side, "-m", "Merge branch side"))
	s.Git(t, "update-ref", "refs/heads/main", string(bad))
	return good, bad
}

func TestALogIsWhatTheReleaseHasAndTheStableTagHasNot(t *testing.T) {
	want := []string{"Dev: Merge branch side (merge)", "Dev: feat(web): on the side", "Dev: fix: one !"}
	byHTTP := func(t *testing.T, s *gittest.Server) *gitrepo.Remote { return open(t, s, "agent") }
	for name, through := range map[string]func(*testing.T, *gittest.Server) *gitrepo.Remote{
		"http": byHTTP,
		"ssh": func(t *testing.T, s *gittest.Server) *gitrepo.Remote {
			return rig{Server: s}.overSSH(t, s.SSHD(t, gittest.SSHOptions{}), gitrepo.Config{}).remote
		},
		"no filters": func(t *testing.T, s *gittest.Server) *gitrepo.Remote {
			s.Git(t, "config", "uploadpack.allowFilter", "false")
			return byHTTP(t, s)
		},
		"version 0 only": func(t *testing.T, s *gittest.Server) *gitrepo.Remote {
			s.Break(gittest.Read, gittest.OldGit)
			return byHTTP(t, s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := gittest.New(t)
			good, bad := history(t, s)
			log, err := through(t, s).Log(context.Background(), good, bad)
			if err != nil || log.Cut {
				t.Fatalf("%v, cut %v", err, log.Cut)
			}
			if diff := cmp.Diff(want, subjects(log)); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALongLogIsCut(t *testing.T) {
	s := gittest.New(t)
	good := gitrepo.ID(s.Commit(t, "main", map[string]string{"a": "1"}, "before"))
	var stream strings.Builder
	for n := range 600 {
		text := fmt.Sprintf("commit %d", n)
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter Dev <d@example.org> %d +0000\ndata %d\n%s\n", 1_700_001_000+n, len(text), text)
		if n == 0 {
			stream.WriteString("from refs/heads/main^0\n")
		}
	}
	rig{Server: s}.pipe(t, stream.String(), "fast-import", "--quiet", "--date-format=raw")
	log, err := open(t, s, "agent").Log(context.Background(), good, gitrepo.ID(s.Tip(t, "main")))
	if err != nil || !log.Cut || len(log.Commits) != 500 || log.Commits[0].Subject != "commit 599" {
		t.Errorf("%v, cut %v, %d commits", err, log.Cut, len(log.Commits))
	}
}

func TestALogOfNothingAndOfWhatIsNotThere(t *testing.T) {
	s := gittest.New(t)
	good, bad := history(t, s)
	r := open(t, s, "agent")
	if log, err := r.Log(context.Background(), bad, bad); err != nil || len(log.Commits) > 0 {
		t.Errorf("nothing between: %v, %v", log, err)
	}
	if log, err := r.Log(context.Background(), bad, good); err != nil || len(log.Commits) > 0 {
		t.Errorf("backwards: %v, %v", log, err)
	}
	if _, err := r.Log(context.Background(), good, gitrepo.ID(strings.Repeat("a", 40))); !errors.Is(err, gitrepo.ErrNoCommit) {
		t.Errorf("an unknown commit: %v", err)
	}
}
