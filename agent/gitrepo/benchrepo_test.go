package gitrepo_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

// benchRepo is a repository the benchmark makes itself, the same each time.
type benchRepo struct {
	commits, refs int
}

func (r benchRepo) String() string { return fmt.Sprintf("%dcommits-%drefs", r.commits, r.refs) }

// benchFiles are the files of every commit's tree; each commit changes one.
const benchFiles = 2400

// benchBack is how many commits the release that is rolled back is ahead of its
// stable tag.
const benchBack = 50

// store makes the repository of these commits, or finds it where an earlier run
// left it.
func (r benchRepo) store(b *testing.B) string {
	b.Helper()
	dir := filepath.Join(os.TempDir(), "cutover-gitrepo-bench-1", fmt.Sprintf("%d.git", r.commits))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	making := dir + ".new"
	if err := os.RemoveAll(making); err != nil {
		b.Fatal(err)
	}
	runGit(b, "", "init", "--quiet", "--bare", "--initial-branch=main", making)
	cmd := exec.Command("git", "fast-import", "--quiet", "--date-format=raw", "--depth=1")
	cmd.Dir = making
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	if err := r.write(in); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	// The server is well kept: bitmaps and a commit graph are what makes git fast.
	runGit(b, making, "repack", "-adq", "--window=0", "--write-bitmap-index")
	runGit(b, making, "commit-graph", "write", "--reachable")
	if err := os.Rename(making, dir); err != nil {
		b.Fatal(err)
	}
	return dir
}

// write is the history in git-fast-import(1)'s format.
func (r benchRepo) write(to io.WriteCloser) error {
	w := bufio.NewWriterSize(to, 1<<20)
	for n := 1; n <= r.commits; n++ {
		message := fmt.Sprintf("change %d: a subject as people write them\n\nAnd a line of body, as some do.\n", n)
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter A Developer <developer@example.org> %d +0000\ndata %d\n%s\n", 1_500_000_000+n*60, len(message), message)
		first, last := n%benchFiles, n%benchFiles
		if n == 1 {
			first, last = 0, benchFiles-1
		}
		for f := first; f <= last; f++ {
			content := fmt.Sprintf("file %d as of change %d\n", f, n)
			fmt.Fprintf(w, "M 100644 inline service%d/module%d/file%d.go\ndata %d\n%s\n", f%40, f%200, f, len(content), content)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return to.Close()
}

// packedRefs are the branch and as many other refs, spread over its history, in
// git's own file of refs.
func (r benchRepo) packedRefs(ids []string) string {
	lines := []string{ids[0] + " refs/heads/main"}
	for n := range r.refs {
		kind := "heads/feature"
		if n%2 == 0 {
			kind = "tags/build"
		}
		lines = append(lines, fmt.Sprintf("%s refs/%s-%06d", ids[n*len(ids)/r.refs], kind, n))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[41:], b[41:]) })
	return "# pack-refs with: peeled fully-peeled sorted \n" + strings.Join(lines, "\n") + "\n"
}

// serve puts a server in front of the repository. What is pushed goes into a
// repository of its own, which borrows the objects.
func (r benchRepo) serve(b *testing.B) rig {
	b.Helper()
	dir := r.store(b)
	s := gittest.New(b)
	for name, content := range map[string]string{
		"objects/info/alternates": filepath.Join(dir, "objects") + "\n",
		"packed-refs":             r.packedRefs(strings.Split(runGit(b, dir, "rev-list", "refs/heads/main"), "\n")),
	} {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	s.Git(b, "config", "core.alternateRefsPrefixes", "refs/none") // the lender's refs are no news
	s.Git(b, "tag", "-m", "stable", "stable-1", fmt.Sprintf("main~%d", benchBack))
	s.Git(b, "config", "gc.auto", "0")
	s.Git(b, "config", "receive.autogc", "false")
	return rig{Server: s, good: gitrepo.ID(s.Git(b, "rev-parse", "stable-1^{commit}")), bad: gitrepo.ID(s.Tip(b, "main"))}
}

// reset puts the branch back to before the rollback.
func (g rig) reset(b *testing.B) { g.Git(b, "update-ref", "refs/heads/main", string(g.bad)) }

func runGit(b *testing.B, dir string, args ...string) string {
	b.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
