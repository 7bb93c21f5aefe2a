package gitrepo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// FileChange is one file, link or submodule that differs between two trees.
type FileChange struct {
	Status string // A added, D deleted, M content, T a link for a file and the like
	Path   string // safe to show
}

// Diff is what differs between two trees, in order of paths. It is bounded: a person reads it.
type Diff struct {
	Files                           []FileChange // the first ones found
	Added, Deleted, Modified, Typed int
	Partial                         bool // the walk ended at a bound: there are more
}

// Total is the number of files found to differ.
func (d Diff) Total() int { return d.Added + d.Deleted + d.Modified + d.Typed }

// Bounds of a diff: a folder is a tree object, a level of folders a request.
const (
	maxDiffFiles = 200
	maxDiffTrees = 2000
	maxDiffBytes = 16 << 20
)

// Diff walks two trees side by side, or what the paths hold in them, and goes down only where they differ. No file's content is asked for:
// which files differ is in the trees. Requests are as many as folders lie in each other, bytes those of the folders that differ.
func (r *Remote) Diff(ctx context.Context, from, to ID, paths []string) (Diff, error) {
	w := &differ{forest: r.forest()}
	level, err := w.start(ctx, from, to, paths)
	if err != nil {
		return Diff{}, fmt.Errorf("compare tree %s with %s: %w", from.Short(), to.Short(), err)
	}
	for len(level) > 0 && !w.full(level) {
		var ids []ID
		for _, p := range level {
			ids = append(ids, p.from, p.to)
		}
		if err := w.read(ctx, ids...); err != nil {
			return Diff{}, fmt.Errorf("compare tree %s with %s: %w", from.Short(), to.Short(), err)
		}
		var below []pair
		for _, p := range level {
			below = append(below, w.compare(p)...)
		}
		level = below
	}
	slices.SortFunc(w.Files, func(a, b FileChange) int { return strings.Compare(a.Path, b.Path) })
	return w.Diff, nil
}

// pair is one folder on both sides; "" where it is not there.
type pair struct {
	folder   string // with a slash at its end, "" for the top
	from, to ID
}

type differ struct {
	*forest
	Diff
}

// start are the folders to begin with; a path that is a file is counted at once.
func (w *differ) start(ctx context.Context, from, to ID, paths []string) ([]pair, error) {
	if len(paths) == 0 {
		return []pair{{from: from, to: to}}, nil
	}
	if err := w.along(ctx, []ID{from, to}, paths); err != nil {
		return nil, err
	}
	var level []pair
	for _, p := range paths {
		a, was := w.find(from, p)
		b, is := w.find(to, p)
		level = append(level, w.one(p, found{a, was}, found{b, is})...)
	}
	return level, nil
}

// found is an entry, if it is there.
type found struct {
	treeEntry
	there bool
}

// full says whether the walk has come to its bounds.
func (w *differ) full(level []pair) bool {
	w.Partial = w.Partial || len(w.trees)+2*len(level) > maxDiffTrees || w.bytes > maxDiffBytes
	return w.Partial
}

// compare counts the files of one folder, and returns the folders in it that differ.
func (w *differ) compare(p pair) []pair {
	var below []pair
	before, after := w.byName(p.from), w.byName(p.to)
	for _, name := range namesOf(before, after) {
		a, was := before[name]
		b, is := after[name]
		below = append(below, w.one(p.folder+name, found{a, was}, found{b, is})...)
	}
	return below
}

// one compares what stands at one path on both sides: files are counted, folders returned.
func (w *differ) one(path string, was, is found) []pair {
	if was == is {
		return nil
	}
	w.count(path, was.file(), is.file())
	down := pair{folder: path + "/", from: was.tree(), to: is.tree()}
	if down.from == "" && down.to == "" {
		return nil
	}
	return []pair{down}
}

// tree is the folder that was found, "" when it is none.
func (f found) tree() ID {
	if !f.there || !f.isTree() {
		return ""
	}
	return f.id
}

// file is what was found if it is no folder.
func (f found) file() *treeEntry {
	if !f.there || f.isTree() {
		return nil
	}
	return &f.treeEntry
}

func (w *differ) count(path string, was, is *treeEntry) {
	status := ""
	switch {
	case was == nil && is == nil:
		return
	case was == nil:
		status, w.Added = "A", w.Added+1
	case is == nil:
		status, w.Deleted = "D", w.Deleted+1
	case was.mode[:2] != is.mode[:2]: // a file, a link or a submodule
		status, w.Typed = "T", w.Typed+1
	default:
		status, w.Modified = "M", w.Modified+1
	}
	if len(w.Files) < maxDiffFiles {
		w.Files = append(w.Files, FileChange{status, printable(path)})
	}
}

func (w *differ) byName(tree ID) map[string]treeEntry {
	all := make(map[string]treeEntry, len(w.trees[tree]))
	for _, e := range w.trees[tree] {
		all[e.name] = e
	}
	return all
}

// namesOf are the names of both sides, each once, in order.
func namesOf(before, after map[string]treeEntry) []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after))
	slices.Sort(all)
	return slices.Compact(all)
}
