package gitrepo

import (
	"context"
	"fmt"
	"strings"
)

// Graft is a tree made of two: that of the tip, with some paths as they are in another.
type Graft struct {
	Tree  ID       // the new top tree
	trees [][]byte // the objects that are new
}

// Graft makes the tree that is tip's, save that each path holds what it holds in from: a folder, a file, a link or a submodule,
// whichever. What is not in from is gone, and folders left empty with it. Only the folders on the way are read and made anew, of which
// the paths' depth is the number; everything beside them is carried on by its id. ErrPath when a path is in neither tree, or leads
// through something that is no folder: putting it back would undo what is beside it. Trees that git would not make are ErrBadTree.
func (r *Remote) Graft(ctx context.Context, tip, from ID, paths []string) (Graft, error) {
	act := fmt.Sprintf("put %s of tree %s into tree %s", strings.Join(paths, ", "), from.Short(), tip.Short())
	if len(paths) == 0 {
		return Graft{}, fmt.Errorf("%w: none is given", ErrPath)
	}
	if err := CheckPaths(paths); err != nil {
		return Graft{}, wrap(act, err)
	}
	f := r.forest()
	if err := f.along(ctx, []ID{tip, from}, paths); err != nil {
		return Graft{}, wrap(act, err)
	}
	g := &grafting{forest: f}
	top, err := g.tree(tip, from, nodeOf(paths))
	if err != nil {
		return Graft{}, wrap(act, err)
	}
	if top == "" { // nothing is left: a commit's tree may be empty, a folder's may not
		top = g.make(nil)
	}
	return Graft{Tree: top, trees: g.made}, nil
}

type grafting struct {
	*forest
	made [][]byte
}

// tree is the id of tip's tree with the children of at put back; "" when it is left empty.
func (g *grafting) tree(tip, from ID, at *node) (ID, error) {
	entries := append([]treeEntry(nil), g.trees[tip]...)
	for _, name := range at.names() {
		e, keep, err := g.child(tip, from, name, at.children[name])
		if err != nil {
			return "", err
		}
		entries = replaced(entries, name, e, keep)
	}
	if len(entries) == 0 {
		return "", nil
	}
	return g.make(entries), nil
}

// child is what stands under name afterwards, if anything.
func (g *grafting) child(tip, from ID, name string, at *node) (e treeEntry, keep bool, err error) {
	now, isNow := g.entry(tip, name)
	then, wasThen := g.entry(from, name)
	if at.leaf() {
		if !isNow && !wasThen {
			return e, false, fmt.Errorf("%w: %s is in neither of them", ErrPath, at.path)
		}
		return then, wasThen, nil
	}
	if isNow && !now.isTree() || wasThen && !then.isTree() {
		return e, false, fmt.Errorf("%w: %s is no folder", ErrPath, at.path)
	}
	id, err := g.tree(now.id, then.id, at)
	return treeEntry{modeTree, name, id}, id != "", err
}

// make keeps a new tree; one that either side has is known to the remote.
func (g *grafting) make(entries []treeEntry) ID {
	o := writeTree(entries)
	if _, known := g.trees[o.id]; !known || o.id == emptyTree {
		g.trees[o.id] = entries
		g.made = append(g.made, o.raw)
	}
	return o.id
}

func replaced(entries []treeEntry, name string, by treeEntry, keep bool) []treeEntry {
	var all []treeEntry
	for _, e := range entries {
		if e.name != name {
			all = append(all, e)
		}
	}
	if keep {
		all = append(all, by)
	}
	return all
}
