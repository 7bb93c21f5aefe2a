package atomicfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWriteCreatesFoldersAndReportsWhatChanged(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "out", "deep", "a.yaml"), filepath.Join(dir, "out", "b.yaml")
	changed := write(t, File{a, []byte("one\n")}, File{b, []byte("two\n")})
	if diff := cmp.Diff([]string{a, b}, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	want := map[string]string{"out/deep/a.yaml": "one\n", "out/b.yaml": "two\n"}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestWriteLeavesAFileThatIsAlreadyRightUntouched(t *testing.T) {
	dir := t.TempDir()
	same, other := filepath.Join(dir, "same"), filepath.Join(dir, "other")
	write(t, File{same, []byte("kept\n")}, File{other, []byte("old\n")})
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(same, long, long); err != nil {
		t.Fatal(err)
	}
	changed := write(t, File{same, []byte("kept\n")}, File{other, []byte("new\n")})
	if diff := cmp.Diff([]string{other}, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	info, err := os.Stat(same)
	if err != nil {
		t.Fatal(err)
	}
	if !info.ModTime().Equal(long) {
		t.Errorf("an unchanged file was written again: its time is %v, was %v", info.ModTime(), long)
	}
}

func TestWriteChangesNothingWhenOneFileCannotBeWritten(t *testing.T) {
	for name, block := range map[string]func(t *testing.T, dir string) string{
		"a folder stands in the way": func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "z")
			mustMkdir(t, path)
			return path
		},
		"a file stands where a folder is needed": func(t *testing.T, dir string) string {
			write(t, File{filepath.Join(dir, "f"), []byte("file\n")})
			return filepath.Join(dir, "f", "z")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			old, fresh := filepath.Join(dir, "old"), filepath.Join(dir, "new", "fresh")
			write(t, File{old, []byte("before\n")})
			blocked := block(t, dir)
			before := tree(t, dir)
			if _, err := Write([]File{{old, []byte("after\n")}, {fresh, []byte("x")}, {blocked, []byte("y")}}); err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
				t.Errorf("files (-before +after):\n%s", diff)
			}
			if _, err := os.Stat(filepath.Dir(fresh)); !os.IsNotExist(err) {
				t.Errorf("the folder made for %s was left behind", fresh)
			}
		})
	}
}

// A rename can fail after others have succeeded; the ones before it are taken back.
func TestWriteTakesBackTheRenamesBeforeOneThatFails(t *testing.T) {
	dir := t.TempDir()
	old, fresh, last := filepath.Join(dir, "old"), filepath.Join(dir, "fresh"), filepath.Join(dir, "last")
	write(t, File{old, []byte("before\n")})
	pending, err := differing([]File{{old, []byte("after\n")}, {fresh, []byte("x")}, {last, []byte("y")}})
	if err != nil {
		t.Fatal(err)
	}
	var undo undoList
	for _, r := range pending {
		if err := r.stage(&undo); err != nil {
			t.Fatal(err)
		}
	}
	mustMkdir(t, last) // since the comparison, somebody made a folder of that name
	for i, r := range pending {
		if err := r.commit(&undo); (err != nil) != (i == 2) {
			t.Fatalf("commit %s: %v", r.path, err)
		}
	}
	if err := undo.run(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"old": "before\n"}, tree(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestWriteKeepsPermissionsAndSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		t.Fatal(err)
	}
	write(t, File{link, []byte("new\n")})
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v (%v)", info.Mode(), err)
	}
	info, err = os.Stat(target)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("permissions became %v (%v)", info.Mode(), err)
	}
	if diff := cmp.Diff("new\n", tree(t, dir)["target"]); diff != "" {
		t.Errorf("target (-want +got):\n%s", diff)
	}
}

func write(t *testing.T, files ...File) []string {
	t.Helper()
	changed, err := Write(files)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func mustMkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// tree is every regular file under dir, with its content; a stray temporary file would show.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
