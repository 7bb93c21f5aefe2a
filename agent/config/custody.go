package config

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/coclai/cutover/generator/diag"
)

// holder is whom the agent runs as.
type holder struct {
	user, group uint32
	groups      []uint32 // others that it is in, such as Kubernetes' fsGroup
}

func ourselves() holder {
	h := holder{user: uint32(os.Geteuid()), group: uint32(os.Getegid())}
	some, _ := os.Getgroups() // none are known then, and what a group may read is refused
	for _, g := range some {
		h.groups = append(h.groups, uint32(g))
	}
	return h
}

// custody is who may do what with a file or a folder.
type custody struct {
	path        string
	user, group uint32
	mode        fs.FileMode
	device      uint64
}

// custodyOf reads what the file system says; false where it has no owners.
func custodyOf(path string, info fs.FileInfo) (custody, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return custody{}, false
	}
	return custody{path: path, user: s.Uid, group: s.Gid, mode: info.Mode(), device: uint64(s.Dev)}, true
}

// open says how somebody besides root and us could have written it, and what closes it; "" when nobody could. A group that is a user's own, with
// the same number, is that user: where users have such groups, umask leaves files open to them (pam_umask, usergroups).
func (h holder) open(c custody) (problem, fix string) {
	switch {
	case c.user != 0 && c.user != h.user:
		return fmt.Sprintf("%s belongs to user %d, who is neither root nor whom this runs as (%d)", c.path, c.user, h.user),
			"chown root " + c.path + ", or run this as that user"
	case c.mode&0o002 != 0, c.mode&0o020 != 0 && (c.group != h.group || h.group != h.user):
		return fmt.Sprintf("%s can be written by others (mode %04o)", c.path, c.mode.Perm()), "chmod go-w " + c.path
	}
	return "", ""
}

// readable says how somebody else could read it. A group may if we are in it: so Kubernetes gives a pod its secrets (0440, fsGroup). Root looks
// on behalf of whom the agent will run as, and which group that is in it cannot know.
func (h holder) readable(c custody) (problem, fix string) {
	switch {
	case c.mode&0o004 != 0:
		return fmt.Sprintf("%s is open to everybody (mode %04o)", c.path, c.mode.Perm()), "chmod o= " + c.path
	case c.mode&0o040 != 0 && h.user != 0 && c.group != h.group && !slices.Contains(h.groups, c.group):
		return fmt.Sprintf("%s can be read by group %d, which the agent is not in (mode %04o)", c.path, c.group, c.mode.Perm()), "chmod g= " + c.path
	}
	return "", ""
}

// openFolder is open for a folder: whoever can write it can put another file in the place of ours. Not where only the owner of an entry may
// exchange it (sticky, as /tmp), and not a mount that nobody can write (a ConfigMap is one, of mode 0777).
func (h holder) openFolder(c custody, above uint64) (problem, fix string) {
	if c.mode&fs.ModeSticky != 0 && (c.user == 0 || c.user == h.user) || c.device != above && readOnly(c.path) {
		return "", ""
	}
	return h.open(c)
}

func readOnly(path string) bool {
	var s syscall.Statfs_t
	const mountedReadOnly = 1 // ST_RDONLY and MNT_RDONLY
	return syscall.Statfs(path, &s) == nil && s.Flags&mountedReadOnly != 0
}

// Trusted says what is wrong with a file that serve is given beside its own, as the agent's file is looked at: nothing is wrong with "".
func Trusted(path string) diag.List {
	r := &reader{path: path, holder: ourselves()}
	if path != "" {
		r.take(diag.Text{At: diag.Position{File: path}}, wanted{path: path, most: maxFile})
	}
	return r.problems
}

// wanted is a file to be read.
type wanted struct {
	path, hint string // the hint is for who forgot it
	most       int    // bytes; of a longer file one byte more is read
	private    bool   // nobody else may read it
}

// take reads a file that the agent acts upon. It complains when somebody besides root and the agent could have written it, or exchanged it, and
// of a private one when anybody else can read it; nil then. The mode is that of what was opened, and read.
func (r *reader) take(place diag.Text, w wanted) []byte {
	f, err := os.Open(w.path)
	if err != nil {
		r.unread(place, err, w.hint)
		return nil
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, int64(w.most)+1))
	if err != nil {
		r.unread(place, err, w.hint)
		return nil
	}
	before := len(r.problems)
	r.folders(place, w.path)
	info, err := f.Stat()
	if err != nil {
		r.unread(place, err, "")
	} else if c, ok := custodyOf(w.path, info); ok {
		r.object(place, r.holder.open, c)
		if w.private {
			r.object(place, r.holder.readable, c)
		}
	}
	if len(r.problems) > before {
		return nil
	}
	return content
}

func (r *reader) unread(place diag.Text, err error, hint string) {
	message := reason(err)
	if place.At.Line == 0 {
		message = cause(err) // the place is the file itself
	}
	r.complain(place, message, hint)
}

func (r *reader) object(place diag.Text, to func(custody) (problem, fix string), c custody) {
	if problem, fix := to(c); problem != "" {
		r.complain(place, problem, fix)
	}
}

// folders looks at every folder above a file, and above what it is a link to. What is wrong with one is said once.
func (r *reader) folders(place diag.Text, path string) {
	named, err := filepath.Abs(path)
	if err != nil {
		return // no working directory: then nothing was opened either
	}
	r.ascend(place, named)
	if target, err := filepath.EvalSymlinks(named); err == nil && target != named {
		r.ascend(place, target)
	}
}

func (r *reader) ascend(place diag.Text, path string) {
	for folder := filepath.Dir(path); !r.looked[folder]; folder = filepath.Dir(folder) {
		if r.looked == nil {
			r.looked = map[string]bool{}
		}
		r.looked[folder] = true
		here, above := statOf(folder), statOf(filepath.Dir(folder))
		if here == nil || above == nil {
			continue
		}
		r.object(place, func(c custody) (problem, fix string) { return r.holder.openFolder(c, above.device) }, *here)
	}
}

func statOf(path string) *custody {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	if c, ok := custodyOf(path, info); ok {
		return &c
	}
	return nil
}
