package gitrepo

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// treeEntry is one line of a tree object. The mode is kept as written.
type treeEntry struct {
	mode, name string
	id         ID
}

const (
	modeTree      = "40000"
	modeSubmodule = "160000"
	modeLink      = "120000"
)

// modes are those that git writes, and 100664 of its first year.
var modes = []string{modeTree, "100644", "100755", "100664", modeLink, modeSubmodule}

func (e treeEntry) isTree() bool { return e.mode == modeTree }

// sortKey is git's order: a folder sorts as if its name ended in a slash.
func (e treeEntry) sortKey() string {
	if e.isTree() {
		return e.name + "/"
	}
	return e.name
}

// emptyTree is the tree without entries; remotes need not have it.
const emptyTree ID = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// parseTree reads a tree object that we may publish again, and so refuses what git fsck --strict refuses: an unknown mode, names that
// are empty, hold a slash or mean .git to some file system, and names twice or out of order.
func parseTree(raw []byte) ([]treeEntry, error) {
	var all []treeEntry
	names := map[string]bool{}
	for len(raw) > 0 {
		head, rest, found := bytes.Cut(raw, []byte{0})
		mode, name, spaced := strings.Cut(string(head), " ")
		if !found || !spaced || len(rest) < 20 {
			return nil, fmt.Errorf("%w: it ends within an entry", ErrBadTree)
		}
		e := treeEntry{mode, name, ID(hex.EncodeToString(rest[:20]))}
		if err := e.validate(); err != nil {
			return nil, err
		}
		if names[name] || len(all) > 0 && all[len(all)-1].sortKey() >= e.sortKey() {
			return nil, fmt.Errorf("%w: entry %.80q is there twice or out of order", ErrBadTree, printable(name))
		}
		names[name] = true
		all, raw = append(all, e), rest[20:]
	}
	return all, nil
}

func (e treeEntry) validate() error {
	switch {
	case !slices.Contains(modes, e.mode):
		return fmt.Errorf("%w: entry %.80q has the mode %.12q", ErrBadTree, printable(e.name), e.mode)
	case e.name == "" || e.name == "." || e.name == ".." || strings.Contains(e.name, "/") || isDotGit(e.name):
		return fmt.Errorf("%w: an entry is named %.80q", ErrBadTree, printable(e.name))
	case e.mode == modeLink && strings.EqualFold(e.name, ".gitmodules"):
		return fmt.Errorf("%w: .gitmodules is a symbolic link", ErrBadTree)
	case e.id == zeroID:
		return fmt.Errorf("%w: entry %.80q is of no object", ErrBadTree, printable(e.name))
	}
	return nil
}

// isDotGit finds the names that some file system takes for .git: any case, ends that NTFS drops, its short name, an alternate stream,
// and code points that HFS+ ignores (git's is_ntfs_dotgit and is_hfs_dotgit).
func isDotGit(name string) bool {
	name, _, _ = strings.Cut(name, ":")
	if base, _, found := strings.Cut(name, `\`); found {
		name = base
	}
	name = strings.Map(func(c rune) rune {
		if c >= 0x200c && c <= 0x200f || c >= 0x202a && c <= 0x202e || c >= 0x206a && c <= 0x206f || c == 0xfeff {
			return -1
		}
		return c
	}, name)
	name = strings.ToLower(strings.TrimRight(name, ". "))
	return name == ".git" || name == "git~1"
}

// writeTree is the tree object of entries, which it puts into git's order.
func writeTree(entries []treeEntry) packed {
	slices.SortFunc(entries, func(a, b treeEntry) int { return strings.Compare(a.sortKey(), b.sortKey()) })
	var b bytes.Buffer
	for _, e := range entries {
		b.WriteString(e.mode + " " + e.name + "\x00")
		id, _ := hex.DecodeString(string(e.id)) // parseTree made it
		b.Write(id)
	}
	return newObject(plumbing.TreeObject, b.Bytes())
}

// forest is the trees read so far, so that none is asked for twice.
type forest struct {
	remote *Remote
	trees  map[ID][]treeEntry
	bytes  int
}

func (r *Remote) forest() *forest {
	return &forest{remote: r, trees: map[ID][]treeEntry{"": nil, emptyTree: nil}}
}

// read fetches the trees that are not there yet, in one request: each alone, without what is below it. A server without filters sends
// that as well; the bytes are bounded.
func (f *forest) read(ctx context.Context, ids ...ID) error {
	var wanted []ID
	for _, id := range ids {
		if _, known := f.trees[id]; !known && !slices.Contains(wanted, id) {
			wanted = append(wanted, id)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	objects, err := f.remote.fetchObjects(ctx, fetch{want: wanted, all: true, limit: maxTrees}, wanted...)
	if err != nil {
		return err
	}
	for _, id := range wanted {
		o := objects[id]
		if o.kind != plumbing.TreeObject {
			return fmt.Errorf("%w: %s is a %s", ErrBadTree, id.Short(), o.kind)
		}
		if f.trees[id], err = parseTree(o.raw); err != nil {
			return fmt.Errorf("tree %s: %w", id.Short(), err)
		}
		f.bytes += len(o.raw)
	}
	return nil
}

// maxTrees is what one answer with trees may weigh; a folder of 10,000 files is 400 kB.
const maxTrees = 16 << 20

// entry finds a name in a tree that was read.
func (f *forest) entry(tree ID, name string) (treeEntry, bool) {
	i := slices.IndexFunc(f.trees[tree], func(e treeEntry) bool { return e.name == name })
	if i < 0 {
		return treeEntry{}, false
	}
	return f.trees[tree][i], true
}
