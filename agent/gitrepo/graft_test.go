package gitrepo_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/gitrepo"
)

// mono is a repository of several services: then is what was stable, now is what was shipped after it.
func mono(t *testing.T) (g rig, then, now gitrepo.ID) {
	t.Helper()
	g = newRig(t)
	g.Commit(t, "main", map[string]string{"services/checkout/app": "1", "services/checkout/lib/a": "1", "services/search/app": "1", "web/ui/x": "1",
		"old/only-then": "1", "README": "1"}, "monorepo")
	g.Git(t, "update-ref", "refs/heads/then", "main")
	g.edit(t, "main", "M 100644 inline services/checkout/app\ndata 1\n2", "M 100755 inline services/checkout/lib/a\ndata 1\n2", "M 120000 inline services/checkout/link\ndata 3\napp",
		"M 100644 inline services/search/app\ndata 1\n2", "M 100644 inline services/new/app\ndata 1\n2", "D old/only-then", "M 100644 inline web/ui/x\ndata 1\n2",
		"M 160000 "+strings.Repeat("ab", 20)+" vendor/module", "M 100644 inline README\ndata 1\n2")
	return g, g.tree(t, "then"), g.tree(t, "main")
}

// edit commits fast-import's commands on a branch.
func (g rig) edit(t *testing.T, branch string, commands ...string) {
	t.Helper()
	g.pipe(t, fmt.Sprintf("commit refs/heads/%s\ncommitter Dev <dev@example.org> 1700009000 +0000\ndata 4\nedit\nfrom refs/heads/%s^0\n%s\n",
		branch, branch, strings.Join(commands, "\n")), "fast-import", "--quiet", "--date-format=raw")
}

func (g rig) tree(t *testing.T, rev string) gitrepo.ID {
	t.Helper()
	return gitrepo.ID(g.Git(t, "rev-parse", rev+"^{tree}"))
}

func TestOnlyThePathsGoBack(t *testing.T) {
	for _, c := range []struct {
		name  string
		paths []string
		want  string // git diff --name-status from the old tip to the new one
	}{
		{"a folder", []string{"services/checkout"}, "M\tservices/checkout/app\nM\tservices/checkout/lib/a\nD\tservices/checkout/link"},
		{"a folder deeper down", []string{"services/checkout/lib"}, "M\tservices/checkout/lib/a"},
		{"a file", []string{"README"}, "M\tREADME"},
		{"a link that was not there", []string{"services/checkout/link"}, "D\tservices/checkout/link"},
		{"a submodule that was not there, and the folder it was alone in", []string{"vendor/module"}, "D\tvendor/module"},
		{"several", []string{"web/ui", "services/search", "services/new"}, "D\tservices/new/app\nM\tservices/search/app\nM\tweb/ui/x"},
		{"a folder that is gone", []string{"old"}, "A\told/only-then"},
		{"a file in a folder that is gone", []string{"old/only-then"}, "A\told/only-then"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			g, then, now := mono(t)
			g.Git(t, "config", "receive.fsckObjects", "true")
			graft, err := g.remote.Graft(ctx, now, then, c.paths)
			if err != nil {
				t.Fatal(err)
			}
			tip, err := g.remote.Tip(ctx)
			if err != nil {
				t.Fatal(err)
			}
			p, err := g.remote.Prepare(gitrepo.Change{Parents: []gitrepo.ID{tip.ID}, Tree: graft.Tree, Graft: &graft, Message: "Roll back", Now: g.Clock(), NotBefore: tip.Committed})
			if err != nil {
				t.Fatal(err)
			}
			if out := g.push(t, p); out.Outcome != gitrepo.Done {
				t.Fatalf("%+v", out)
			}
			if diff := cmp.Diff(c.want, g.Git(t, "diff", "--no-renames", "--name-status", "main^", "main")); diff != "" {
				t.Errorf("changed (-want +got)\n%s", diff)
			}
			args := append([]string{"diff", "--name-only", "then", "main", "--"}, c.paths...)
			if out := g.Git(t, args...); out != "" {
				t.Errorf("not put back: %s", out)
			}
			g.fsck(t)
			content, _, err := g.remote.Content(ctx, graft.Tree, c.paths)
			want, _, err2 := g.remote.Content(ctx, then, c.paths)
			if content != want || err != nil || err2 != nil {
				t.Errorf("content %s, %s (%v, %v)", content, want, err, err2)
			}
		})
	}
}

// A request for each level of folders, whatever else is in the repository; nothing new when nothing is to be done.
func TestAGraftCostsTheDepthOfItsPaths(t *testing.T) {
	ctx := context.Background()
	g, then, now := mono(t)
	for depth, paths := range map[int][]string{1: {"README", "web"}, 2: {"services/checkout", "web/ui"}, 3: {"services/checkout/lib", "web/ui"}} {
		remote := open(t, g.Server, "agent")
		if _, err := remote.Tip(ctx); err != nil {
			t.Fatal(err)
		}
		g.Requests()
		if _, err := remote.Graft(ctx, now, then, paths); err != nil {
			t.Fatal(err)
		}
		if n := len(g.Requests()); n != depth {
			t.Errorf("%v: %d requests", paths, n)
		}
	}
	graft, err := g.remote.Graft(ctx, then, then, []string{"services/checkout", "README"})
	if err != nil || graft.Tree != then {
		t.Errorf("%+v, %v", graft, err)
	}
}

func TestPathsThatCannotBePutBackAreRefused(t *testing.T) {
	g, then, now := mono(t)
	for _, c := range []struct {
		paths []string
		want  gitrepo.Kind
	}{
		{[]string{"nowhere"}, gitrepo.ErrPath},
		{[]string{"services/nowhere"}, gitrepo.ErrPath},
		{[]string{"README/below"}, gitrepo.ErrPath},
		{[]string{"services/checkout/link/below"}, gitrepo.ErrPath},
		{[]string{"vendor/module/below"}, gitrepo.ErrPath},
		{nil, gitrepo.ErrPath},
		{[]string{"/services"}, gitrepo.ErrInvalid},
		{[]string{"services/"}, gitrepo.ErrInvalid},
		{[]string{""}, gitrepo.ErrInvalid},
		{[]string{"services/../web"}, gitrepo.ErrInvalid},
		{[]string{"./web"}, gitrepo.ErrInvalid},
		{[]string{".GIT/config"}, gitrepo.ErrInvalid},
		{[]string{"web\x1b[2J"}, gitrepo.ErrInvalid},
		{[]string{"web", "web/ui"}, gitrepo.ErrInvalid},
		{[]string{"web", "web"}, gitrepo.ErrInvalid},
		{[]string{strings.Repeat("a/", 40) + "a"}, gitrepo.ErrInvalid},
	} {
		if graft, err := g.remote.Graft(context.Background(), now, then, c.paths); gitrepo.KindOf(err) != c.want || err == nil {
			t.Errorf("%q: %+v, %v; want %q", c.paths, graft, err, c.want)
		}
	}
}

// What became a file or a link where there was a folder, or the reverse, cannot be put back in part: the rest would be lost with it.
func TestAPathThroughWhatIsNoFolderOnOneSideIsRefused(t *testing.T) {
	g, _, _ := mono(t)
	g.edit(t, "then", "M 100644 inline a/x\ndata 1\n1", "M 100644 inline b\ndata 1\n1", "M 100644 inline c/x\ndata 1\n1")
	g.edit(t, "main", "M 100644 inline a\ndata 1\n1", "M 100644 inline b/x\ndata 1\n1", "M 120000 inline c\ndata 3\nweb")
	then, now := g.tree(t, "then"), g.tree(t, "main")
	for _, path := range []string{"a/x", "b/x", "c/x"} {
		if graft, err := g.remote.Graft(context.Background(), now, then, []string{path}); gitrepo.KindOf(err) != gitrepo.ErrPath {
			t.Errorf("%s: %+v, %v", path, graft, err)
		}
	}
	if _, err := g.remote.Graft(context.Background(), now, then, []string{"a", "b", "c"}); err != nil {
		t.Errorf("whole: %v", err)
	}
}

// A tree that fsck objects to is not made part of a commit of ours; what fsck says of each is asked too.
func TestHostileTreesAreRefused(t *testing.T) {
	ctx, g := context.Background(), newRig(t)
	blob := g.Git(t, "rev-parse", "main:app.txt")
	conf := g.Git(t, "rev-parse", "main:conf")
	e := func(mode, name, id string) string {
		raw, _ := hex.DecodeString(id)
		return mode + " " + name + "\x00" + string(raw)
	}
	good := e("100644", "app.txt", blob) + e("40000", "conf", conf)
	for name, raw := range map[string]string{
		"..":                 e("40000", "..", conf) + good,
		".":                  e("40000", ".", conf) + good,
		".git":               e("40000", ".git", conf) + good,
		".GIT":               e("40000", ".GIT", conf) + good,
		".git in NTFS":       good + e("40000", "git~1", conf),
		".git in HFS+":       e("40000", ".g\u200cit", conf) + good,
		"a slash":            e("100644", "a/b", blob) + good,
		"no name":            e("100644", "", blob) + good,
		"twice":              e("100644", "app.txt", blob) + good,
		"a file and folder":  e("100644", "app.txt", blob) + e("100644", "conf", blob) + e("40000", "conf", conf),
		"out of order":       e("40000", "conf", conf) + e("100644", "app.txt", blob),
		"a zero-padded mode": e("100644", "app.txt", blob) + e("040000", "conf", conf),
		"a mode of no kind":  e("107777", "app.txt", blob) + e("40000", "conf", conf),
		"the zero id":        e("100644", "app.txt", strings.Repeat("0", 40)) + e("40000", "conf", conf),
		"cut short":          good[:len(good)-3],
		".gitmodules a link": e("120000", ".gitmodules", blob) + good,
	} {
		hostile := gitrepo.ID(g.hash(t, "tree", raw))
		for side, trees := range map[string][2]gitrepo.ID{"tip": {hostile, g.tree(t, "main")}, "tag": {g.tree(t, "main"), hostile}} {
			if graft, err := g.remote.Graft(ctx, trees[0], trees[1], []string{"conf/a"}); gitrepo.KindOf(err) != gitrepo.ErrBadTree && gitrepo.KindOf(err) != gitrepo.ErrRefused { // git's own server refuses the worst
				t.Errorf("%s (%s): %+v, %v", name, side, graft, err)
			}
		}
	}
	notATree := gitrepo.ID(blob)
	if _, err := g.remote.Graft(ctx, g.tree(t, "main"), notATree, []string{"conf"}); err == nil {
		t.Errorf("a blob: %v", err)
	}
	if _, err := g.remote.Graft(ctx, g.tree(t, "main"), gitrepo.ID(strings.Repeat("ab", 20)), []string{"conf"}); err == nil {
		t.Error("a tree that is not there")
	}
}

func TestContentIsWhatThePathsHold(t *testing.T) {
	ctx := context.Background()
	g, then, now := mono(t)
	of := func(tree gitrepo.ID, paths ...string) string {
		t.Helper()
		content, _, err := g.remote.Content(ctx, tree, paths)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	if got := of(now); got != string(now) {
		t.Errorf("without paths: %s", got)
	}
	if of(then, "services/checkout") == of(now, "services/checkout") {
		t.Error("a changed folder has the same content")
	}
	g.edit(t, "main", "M 100644 inline services/search/app\ndata 1\n3")
	if of(now, "services/checkout", "web") != of(g.tree(t, "main"), "web", "services/checkout") {
		t.Error("another service's change changed it")
	}
	if _, missing, err := g.remote.Content(ctx, now, []string{"nowhere", "README/x", "web"}); err != nil || fmt.Sprint(missing) != "[README/x nowhere]" {
		t.Errorf("missing %v, %v", missing, err)
	}
}

func TestDiffAgreesWithGit(t *testing.T) {
	ctx := context.Background()
	g, then, now := mono(t)
	g.edit(t, "then", "M 100644 inline kind\ndata 1\nx", "M 100644 inline becomes-folder\ndata 1\nx")
	g.edit(t, "main", "M 120000 inline kind\ndata 1\nx", "M 100644 inline becomes-folder/x\ndata 1\nx")
	for _, c := range [][2]gitrepo.ID{{then, now}, {now, then}, {g.tree(t, "then"), g.tree(t, "main")}, {now, now}, {"4b825dc642cb6eb9a060e54bf8d69288fbee4904", now}} {
		d, err := g.remote.Diff(ctx, c[0], c[1], nil)
		if err != nil || d.Partial {
			t.Fatal(d, err)
		}
		var got []string
		for _, f := range d.Files {
			got = append(got, f.Status+"\t"+f.Path)
		}
		if diff := cmp.Diff(g.Git(t, "diff", "--no-renames", "--name-status", string(c[0]), string(c[1])), strings.Join(got, "\n")); diff != "" || d.Total() != len(got) {
			t.Errorf("%d (-git +ours)\n%s", d.Total(), diff)
		}
	}
}

func TestDiffOfPathsIsOfThemAlone(t *testing.T) {
	g, then, now := mono(t)
	d, err := g.remote.Diff(context.Background(), then, now, []string{"services/checkout/lib", "README", "services/new", "nowhere"})
	want := []gitrepo.FileChange{{Status: "M", Path: "README"}, {Status: "M", Path: "services/checkout/lib/a"}, {Status: "A", Path: "services/new/app"}}
	if diff := cmp.Diff(want, d.Files); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// A folder for each of 3,000 files, and every one differs: the walk ends, and says so.
func TestDiffIsBounded(t *testing.T) {
	g := newRig(t)
	var commands []string
	for i := range 3000 {
		commands = append(commands, fmt.Sprintf("M 100644 inline d%04d/f\ndata 1\nx", i))
	}
	g.edit(t, "main", commands...)
	d, err := g.remote.Diff(context.Background(), g.tree(t, string(g.bad)), g.tree(t, "main"), nil)
	if err != nil || !d.Partial || len(d.Files) > 200 {
		t.Errorf("%d files, partial %v, %v", len(d.Files), d.Partial, err)
	}
}
