// Package atomicfile writes a set of files so that a reader finds all of the new ones or all of the old ones, and each of them whole.
//
// Files whose content is already right are left alone, with their times. A failure undoes what was done before it. A crash between
// two renames leaves some files new and some old, each whole: writing the same set again finishes the work. It does not lock: of two
// writers at once the last one wins.
package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File is a path and what it is to hold.
type File struct {
	Path    string
	Content []byte
}

// mode is what new files get: rules and configuration are read by other users (prometheus, alertmanager), whatever our umask.
const mode = 0o644

// Write makes every file hold its content and returns the paths of those it had to change, in order. Folders are created as needed.
func Write(files []File) (changed []string, err error) {
	pending, err := differing(files)
	if err != nil {
		return nil, err
	}
	var undo undoList
	defer func() {
		if err != nil {
			err = errors.Join(err, undo.run())
		}
	}()
	for _, r := range pending {
		if err := r.stage(&undo); err != nil {
			return nil, err
		}
	}
	for _, r := range pending {
		if err := r.commit(&undo); err != nil {
			return nil, err
		}
		changed = append(changed, r.path)
	}
	return changed, syncFolders(pending)
}

// replacement is one file that differs from what is on disk.
type replacement struct {
	path    string // as asked for
	target  string // with symbolic links followed, so that a link stays a link
	content []byte
	old     []byte
	existed bool
	perm    fs.FileMode
	temp    string
}

func differing(files []File) ([]*replacement, error) {
	var pending []*replacement
	for _, f := range files {
		r, err := compare(f)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", f.Path, err)
		}
		if !r.existed || !bytes.Equal(r.old, r.content) {
			pending = append(pending, r)
		}
	}
	return pending, nil
}

func compare(f File) (*replacement, error) {
	r := &replacement{path: f.Path, target: f.Path, content: f.Content, perm: mode}
	if resolved, err := filepath.EvalSymlinks(f.Path); err == nil {
		r.target = resolved
	}
	info, err := os.Stat(r.target)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", r.target)
	}
	r.existed, r.perm = true, info.Mode().Perm()
	r.old, err = os.ReadFile(r.target)
	return r, err
}

// stage puts the content beside the target, on disk for good. A crash here costs a stray temporary file.
func (r *replacement) stage(undo *undoList) error {
	if err := makeFolders(filepath.Dir(r.target), undo); err != nil {
		return fmt.Errorf("write %s: %w", r.path, err)
	}
	temp, err := os.CreateTemp(filepath.Dir(r.target), "."+filepath.Base(r.target)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", r.path, err)
	}
	r.temp = temp.Name()
	undo.add(func() error { return ignoreMissing(os.Remove(r.temp)) })
	_, werr := temp.Write(r.content)
	if err := errors.Join(werr, temp.Chmod(r.perm), temp.Sync(), temp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", r.path, err)
	}
	return nil
}

// commit puts the staged file in place. A crash after it leaves this file new and the following ones old.
func (r *replacement) commit(undo *undoList) error {
	if err := os.Rename(r.temp, r.target); err != nil {
		return fmt.Errorf("write %s: %w", r.path, err)
	}
	undo.add(r.restore)
	return nil
}

func (r *replacement) restore() error {
	if !r.existed {
		return ignoreMissing(os.Remove(r.target))
	}
	if err := os.WriteFile(r.temp, r.old, r.perm); err != nil {
		return fmt.Errorf("restore %s: %w", r.path, err)
	}
	return os.Rename(r.temp, r.target)
}

// makeFolders is os.MkdirAll that registers the removal of each folder it made.
func makeFolders(path string, undo *undoList) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := makeFolders(parent, undo); err != nil {
			return err
		}
	}
	err := os.Mkdir(path, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		undo.add(func() error { return os.Remove(path) })
	}
	return err
}

// syncFolders makes the renames themselves durable.
func syncFolders(pending []*replacement) error {
	done := map[string]bool{}
	for _, r := range pending {
		folder := filepath.Dir(r.target)
		if done[folder] {
			continue
		}
		done[folder] = true
		if err := syncFolder(folder); err != nil {
			return fmt.Errorf("write %s: %w", r.path, err)
		}
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// undoList is run backwards when a later step fails.
type undoList []func() error

func (u *undoList) add(step func() error) { *u = append(*u, step) }

func (u undoList) run() error {
	var errs []error
	for i := len(u) - 1; i >= 0; i-- {
		errs = append(errs, u[i]())
	}
	return errors.Join(errs...)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
