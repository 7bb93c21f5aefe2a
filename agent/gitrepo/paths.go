package gitrepo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

const (
	maxPaths = 64
	maxPath  = 512
	maxDepth = 32
)

// CheckPaths refuses paths that name nothing in a tree (absolute, with .., an empty part or .git), control characters, and paths of which
// one lies in another.
func CheckPaths(paths []string) error {
	if len(paths) > maxPaths {
		return fmt.Errorf("%w: %d paths, more than %d", ErrInvalid, len(paths), maxPaths)
	}
	for i, p := range paths {
		if len(p) > maxPath || p != printable(p) || strings.ContainsAny(p, "\n\\") || strings.Count(p, "/") >= maxDepth {
			return fmt.Errorf("%w: path %.80q: want at most %d printable characters in %d parts, / between them", ErrInvalid, p, maxPath, maxDepth)
		}
		for part := range strings.SplitSeq(p, "/") {
			if part == "" || part == "." || part == ".." || isDotGit(part) {
				return fmt.Errorf("%w: path %.80q: write it from the top of the repository, as in services/checkout", ErrInvalid, p)
			}
		}
		for _, other := range paths[:i] {
			if Within(p, other) || Within(other, p) {
				return fmt.Errorf("%w: paths %q and %q: one lies in the other", ErrInvalid, other, p)
			}
		}
	}
	return nil
}

// Within says whether path is folder or lies in it.
func Within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// node is one part of the paths: a leaf is where one ends.
type node struct {
	path     string
	children map[string]*node
}

func (n *node) leaf() bool { return len(n.children) == 0 }

// names are the children's, in order.
func (n *node) names() []string {
	var all []string
	for name := range n.children {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func nodeOf(paths []string) *node {
	top := &node{children: map[string]*node{}}
	for _, p := range paths {
		at := top
		for part := range strings.SplitSeq(p, "/") {
			if at.children[part] == nil {
				at.children[part] = &node{path: strings.TrimPrefix(at.path+"/"+part, "/"), children: map[string]*node{}}
			}
			at = at.children[part]
		}
	}
	return top
}

// step is a tree of each side, and where in the paths it is.
type step struct {
	trees []ID
	node  *node
}

// along reads the trees that the paths lead through, of each of the given top trees: a request for each level, whatever the number of
// paths. Bytes are those of the folders on the way.
func (f *forest) along(ctx context.Context, tops []ID, paths []string) error {
	level := []step{{tops, nodeOf(paths)}}
	for len(level) > 0 {
		var wanted []ID
		for _, s := range level {
			wanted = append(wanted, s.trees...)
		}
		if err := f.read(ctx, wanted...); err != nil {
			return err
		}
		var below []step
		for _, s := range level {
			below = append(below, f.below(s)...)
		}
		level = below
	}
	return nil
}

func (f *forest) below(s step) []step {
	var all []step
	for _, name := range s.node.names() {
		child := s.node.children[name]
		if child.leaf() {
			continue
		}
		next := step{node: child}
		for _, tree := range s.trees {
			if e, found := f.entry(tree, name); found && e.isTree() {
				next.trees = append(next.trees, e.id)
			}
		}
		if len(next.trees) > 0 {
			all = append(all, next)
		}
	}
	return all
}

// find is the entry at a path in a tree; false when there is none, or the way is no folder.
func (f *forest) find(tree ID, path string) (treeEntry, bool) {
	parts := strings.Split(path, "/")
	for _, part := range parts[:len(parts)-1] {
		e, found := f.entry(tree, part)
		if !found || !e.isTree() {
			return treeEntry{}, false
		}
		tree = e.id
	}
	return f.entry(tree, parts[len(parts)-1])
}

// Content names what the paths hold in a tree: equal for two trees exactly if the paths hold the same in both, whatever else changed.
// Without paths it is the tree. Missing are the paths that hold nothing.
func (r *Remote) Content(ctx context.Context, tree ID, paths []string) (content string, missing []string, err error) {
	if len(paths) == 0 {
		return string(tree), nil, nil
	}
	f := r.forest()
	if err := f.along(ctx, []ID{tree}, paths); err != nil {
		return "", nil, fmt.Errorf("read %s of tree %s: %w", strings.Join(paths, ", "), tree.Short(), err)
	}
	sum := sha256.New()
	for _, p := range slices.Sorted(slices.Values(paths)) {
		e, found := f.find(tree, p)
		if !found {
			missing = append(missing, p)
		}
		fmt.Fprintf(sum, "%s\x00%s %s\n", p, e.mode, e.id)
	}
	return "paths:" + hex.EncodeToString(sum.Sum(nil)), missing, nil
}
