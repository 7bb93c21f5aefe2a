package ledger

import (
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrTwice is an entry whose Once key the ledger holds already: what it records was done before.
var ErrTwice = errors.New("the ledger holds an entry of this key already")

// ErrNotDurable is an append that is not known to be on disk: nothing may be done or acknowledged on its strength.
var ErrNotDurable = errors.New("not durable")

// ErrBroken comes with ErrNotDurable when the disk failed to write or sync. What it holds is known only after a restart, so every later
// append fails as well: the process should end and be started again.
var ErrBroken = errors.New("the disk failed under the ledger; restart the agent")

// errClosed comes with ErrNotDurable after Close.
var errClosed = errors.New("the ledger is closed")

// Kind classifies a Refusal.
type Kind string

// The kinds of refusals.
const (
	InUse    Kind = "in_use"   // another process has it open
	NoAccess Kind = "access"   // folder or file missing, or not writable
	Foreign  Kind = "foreign"  // not a ledger
	Newer    Kind = "newer"    // written by a newer program
	Damaged  Kind = "damaged"  // SQLite's own check failed, or the file is cut
	Tampered Kind = "tampered" // the chain does not verify; the cause is a *BadEntry
	Lost     Kind = "lost"     // entries known to have existed are gone
	Settings Kind = "settings" // the file system does not take the settings that make it durable
)

// Refusal is a ledger that was not opened: why, and what repairs it.
type Refusal struct {
	Kind          Kind
	Path          string
	Message, Hint string
	Cause         error // may be nil
}

// Error is path, message and cause, with the hint on a line of its own.
func (r *Refusal) Error() string {
	text := "ledger " + r.Path + ": " + r.Message
	if r.Cause != nil {
		text += ": " + r.Cause.Error()
	}
	if r.Hint != "" {
		text += "\nhint: " + r.Hint
	}
	return text
}

// Unwrap is the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// BadEntry is an entry that is not what was appended, or that this program cannot read.
type BadEntry struct {
	Seq     int64
	Problem string
}

// Error names the entry and what is wrong with it.
func (b *BadEntry) Error() string { return fmt.Sprintf("entry %d: %s", b.Seq, b.Problem) }

// restore is the repair of a ledger whose content cannot be trusted, step by step.
func restore(path string) string {
	return fmt.Sprintf("1. stop the agent, and keep %[1]s, -wal, -shm and %[2]s beside it for the inquiry; 2. put a copy in its place that "+
		"`rollback-agent ledger verify` accepts, with its -wal file if it has one; 3. if that copy lacks entries, remove %[1]s%[2]s to accept "+
		"their loss; 4. start the agent, and hold `rollback-agent status` against the deploy branch", path, lockSuffix)
}

// refused turns an error of SQLite at the start into a refusal.
func refused(path string, err error) error {
	var known *Refusal
	if errors.As(err, &known) {
		return err
	}
	r := &Refusal{Kind: NoAccess, Path: path, Message: "cannot be opened", Cause: err,
		Hint: "see that the agent's user may write the file and its folder, and that the disk has room"}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.Message, r.Hint, r.Cause = "is not there", "name the ledger's file as in storage.sqlite", nil
	case errors.Is(err, fs.ErrPermission):
		r.Message, r.Hint = "may not be read", "it is its owner's alone: ask as the agent's user"
	}
	switch code(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		r.Kind, r.Message, r.Hint = Damaged, "is damaged", restore(path)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		r.Kind, r.Message, r.Hint = InUse, "is locked", "end whatever else has the file open, such as a sqlite3 shell"
	}
	return r
}

// code is SQLite's primary result code, 0 when the error is none of SQLite's.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// isTwice recognises an insert that the one UNIQUE constraint there is refuses, or the trigger that keeps spent keys spent.
func isTwice(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_TRIGGER)
}
