package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/coclai/cutover/agent/release"
)

// taggedReleases are a repository's tags like a pattern, deployed when they were made: an annotated tag when it was written, a plain one
// when its commit was.
func taggedReleases(dir, pattern string) ([]release.Release, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("the pattern %q: %w", pattern, err)
	}
	folder, err := gitFolder(dir)
	if err != nil {
		return nil, err
	}
	repository := filesystem.NewStorage(osfs.New(folder), cache.NewObjectLRUDefault())
	refs, err := repository.IterReferences()
	if err != nil {
		return nil, err
	}
	var all []release.Release
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		if like, _ := path.Match(pattern, ref.Name().Short()); !like || !ref.Name().IsTag() {
			return nil
		}
		one, err := taggedRelease(repository, ref)
		if err != nil {
			return fmt.Errorf("tag %s: %w", ref.Name().Short(), err)
		}
		all = append(all, one)
		return nil
	})
	return all, err
}

// gitFolder is where a repository keeps its references: the .git folder of a work tree, that of the main one for a linked work tree, or
// the folder itself if it is bare.
func gitFolder(dir string) (string, error) {
	dot := filepath.Join(dir, ".git")
	info, err := os.Stat(dot)
	switch {
	case err == nil && info.IsDir():
		return dot, nil
	case err == nil:
		return linkedFolder(dir, dot)
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil {
		return "", errors.New("it is no git repository")
	}
	return dir, nil
}

// linkedFolder follows gitrepository-layout(5): a file .git names the work tree's own folder, in which commondir names the shared one.
func linkedFolder(dir, dot string) (string, error) {
	content, err := os.ReadFile(dot)
	if err != nil {
		return "", err
	}
	own, ok := strings.CutPrefix(strings.TrimSpace(string(content)), "gitdir: ")
	if !ok {
		return "", errors.New("it is no git repository")
	}
	own = under(dir, own)
	content, err = os.ReadFile(filepath.Join(own, "commondir"))
	if err != nil {
		return own, nil // a submodule's, which has its own
	}
	return under(own, strings.TrimSpace(string(content))), nil
}

func under(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

func taggedRelease(repository *filesystem.Storage, ref *plumbing.Reference) (release.Release, error) {
	at, id := time.Time{}, ref.Hash()
	tag, err := object.GetTag(repository, id)
	switch {
	case err == nil:
		at, id = tag.Tagger.When, tag.Target
	case !errors.Is(err, plumbing.ErrObjectNotFound):
		return release.Release{}, err
	}
	commit, err := object.GetCommit(repository, id)
	if err != nil {
		return release.Release{}, err
	}
	if at.IsZero() {
		at = commit.Committer.When
	}
	return pinned(release.Release{Commit: id.String(), Tree: commit.TreeHash.String(), T0: at.UTC()}, ref.Name().Short()), nil
}
