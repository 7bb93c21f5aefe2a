package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Commit is what we need to know of a commit.
type Commit struct {
	ID        ID        `json:"id"`
	Tree      ID        `json:"tree"`
	Parents   []ID      `json:"parents"` // first parent first; empty for a root
	Committed time.Time `json:"committed"`
	Subject   string    `json:"subject"` // first line of the message, safe to show
}

// parseCommit reads a commit object from its own bytes, as git does (commit.c, parse_commit_buffer): the tree first, then every parent,
// and no second chance further down. A library that reads on can be shown another tree than git's (CVE-2026-45022). Another kind of
// object: ErrNoCommit.
func parseCommit(o packed) (Commit, error) {
	if o.kind != plumbing.CommitObject {
		return Commit{}, fmt.Errorf("%w: %s is a %s", ErrNoCommit, o.id.Short(), o.kind)
	}
	header, message, _ := strings.Cut(string(o.raw), "\n\n")
	lines := strings.Split(header, "\n")
	tree, found := strings.CutPrefix(lines[0], "tree ")
	c := Commit{ID: o.id, Tree: ID(tree), Subject: subject(message)}
	if !found || c.Tree.Validate() != nil {
		return Commit{}, fmt.Errorf("%w: commit %s names no tree", ErrBadPack, o.id.Short())
	}
	rest := lines[1:]
	for ; len(rest) > 0 && strings.HasPrefix(rest[0], "parent "); rest = rest[1:] {
		parent := ID(strings.TrimPrefix(rest[0], "parent "))
		if err := parent.Validate(); err != nil {
			return Commit{}, fmt.Errorf("%w: commit %s: parent: %w", ErrBadPack, o.id.Short(), err)
		}
		c.Parents = append(c.Parents, parent)
	}
	if len(rest) > 1 {
		c.Committed = signatureTime(rest[1], "committer ")
	}
	return c, nil
}

// signatureTime is the date of an author, committer or tagger line: seconds and zone after the address. Old commits hold anything
// there; zero then.
func signatureTime(line, key string) time.Time {
	if !strings.HasPrefix(line, key) {
		return time.Time{}
	}
	fields := strings.Fields(line[strings.LastIndex(line, ">")+1:])
	if len(fields) == 0 {
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

const (
	sshArmor = "-----BEGIN SSH SIGNATURE-----"
	pgpArmor = "-----BEGIN PGP SIGNATURE-----"
)

// tagObject is a tag object, read from its own bytes.
type tagObject struct {
	target    ID
	kind      string // of the target: commit, tree, blob, tag
	name      string
	tagged    time.Time
	message   []byte // what a signature is over
	signature string // armored; "" without one
}

// parseTag takes the four lines that git writes and no others: what a header line unknown to us means to git cannot be known.
func parseTag(raw []byte) (tagObject, error) {
	header, _, found := bytes.Cut(raw, []byte("\n\n"))
	lines := strings.Split(string(header), "\n")
	keys := []string{"object ", "type ", "tag ", "tagger "}
	if !found || len(lines) > len(keys) || len(lines) < 3 { // tags of 2005 have no tagger
		return tagObject{}, errors.New("it is no tag object as git writes them")
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, keys[i]) {
			return tagObject{}, fmt.Errorf("header line %.80q, where git writes %q", printable(line), keys[i])
		}
		lines[i] = line[len(keys[i]):]
	}
	t := tagObject{target: ID(lines[0]), kind: lines[1], name: lines[2]}
	if len(lines) == len(keys) {
		t.tagged = signatureTime("tagger "+lines[3], "tagger ")
	}
	var err error
	t.message, t.signature, err = splitSignature(raw)
	return t, errors.Join(err, t.target.Validate())
}

// splitSignature cuts where the armor begins. Git takes the last of several (gpg-interface.c, parse_signed_buffer), other programs the
// first, so several are refused.
func splitSignature(raw []byte) (message []byte, signature string, err error) {
	at, n, pos := len(raw), 0, 0
	for line := range bytes.Lines(raw) {
		if bytes.HasPrefix(line, []byte(sshArmor)) || bytes.HasPrefix(line, []byte(pgpArmor)) ||
			bytes.HasPrefix(line, []byte("-----BEGIN PGP MESSAGE-----")) || bytes.HasPrefix(line, []byte("-----BEGIN SIGNED MESSAGE-----")) {
			at, n = pos, n+1
		}
		pos += len(line)
	}
	if n > 1 {
		return nil, "", errors.New("it holds more than one signature")
	}
	return raw[:at], string(raw[at:]), nil
}

func subject(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return printable(line)
}

// encode gives the bytes and the id of an object made by us; write is the Encode
// of a go-git object.
func encode(write func(plumbing.EncodedObject) error) (packed, error) {
	m := &plumbing.MemoryObject{}
	if err := write(m); err != nil {
		return packed{}, err
	}
	in, err := m.Reader()
	if err != nil {
		return packed{}, err
	}
	raw, err := io.ReadAll(in)
	if err != nil {
		return packed{}, err
	}
	return newObject(m.Type(), raw), nil
}

// signature dates a commit or a tag; UTC and whole seconds make its bytes depend
// on nothing but the arguments.
func (i Identity) signature(when time.Time) object.Signature {
	return object.Signature{Name: i.Name, Email: i.Email, When: when.UTC().Truncate(time.Second)}
}

func hash(id ID) plumbing.Hash { return plumbing.NewHash(string(id)) }
