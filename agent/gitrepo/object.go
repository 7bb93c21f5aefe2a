package gitrepo

import (
	"errors"
	"fmt"
	"io"
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

// parseCommit reads a commit object. Another kind of object: ErrNoCommit.
func parseCommit(o packed) (Commit, error) {
	if o.kind != plumbing.CommitObject {
		return Commit{}, fmt.Errorf("%w: %s is a %s", ErrNoCommit, o.id.Short(), o.kind)
	}
	var c object.Commit
	if err := c.Decode(memoryObject(o)); err != nil {
		return Commit{}, fmt.Errorf("%w: commit %s: %w", ErrBadPack, o.id.Short(), err)
	}
	out := Commit{ID: o.id, Tree: ID(c.TreeHash.String()), Committed: c.Committer.When, Subject: subject(c.Message)}
	for _, p := range c.ParentHashes {
		out.Parents = append(out.Parents, ID(p.String()))
	}
	return out, nil
}

func memoryObject(o packed) *plumbing.MemoryObject {
	m := &plumbing.MemoryObject{}
	m.SetType(o.kind)
	_, _ = m.Write(o.raw) // appends to a slice, cannot fail
	return m
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

// maxMessage is far beyond any message of ours; it stops a mistaken dump.
const maxMessage = 64 << 10

// cleanMessage ends a message in one newline, as git commit would.
func cleanMessage(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > maxMessage || strings.ContainsRune(s, 0) || strings.ToValidUTF8(s, "") != s {
		return "", errors.New("message: want 1 to 65,536 bytes of UTF-8")
	}
	return s + "\n", nil
}

func hash(id ID) plumbing.Hash { return plumbing.NewHash(string(id)) }
