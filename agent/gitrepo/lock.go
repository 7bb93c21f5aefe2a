package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// LockRecord is the lock on the remote: a blob under
// refs/rollback-agent/lock/<environment>. While the ref stands, the pre-receive
// hook (deploy/hooks/pre-receive) lets Branch move to Allow and nowhere else.
type LockRecord struct {
	Environment string
	Branch      string // short name of the branch guarded
	Incident    string
	By          string // who locked; empty in a Change: the configured author
	Allow       ID     // the one commit the branch may be moved to: the rollback
	Since       time.Time
}

const lockVersion = "1"

// text is the record as stored. The hook reads these lines with sed: one word,
// one space, the value.
func (l LockRecord) text() []byte {
	var b strings.Builder
	for _, line := range [][2]string{
		{"version", lockVersion},
		{"environment", l.Environment},
		{"branch", l.Branch},
		{"incident", l.Incident},
		{"by", l.By},
		{"allow", string(l.Allow)},
		{"since", l.Since.UTC().Format(time.RFC3339)},
	} {
		b.WriteString(line[0] + " " + line[1] + "\n")
	}
	return []byte(b.String())
}

func (l LockRecord) object() packed { return newObject(plumbing.BlobObject, l.text()) }
func (l LockRecord) ref() string    { return lockPrefix + l.Environment }

// Validate checks that the record can be written and read back.
func (l LockRecord) Validate() error {
	for _, s := range []string{l.Incident, l.By} {
		if s == "" || len(s) > maxName || s != printable(s) || strings.Contains(s, "\n") {
			return fmt.Errorf("lock record: %.80q: want 1 to %d printable characters on one line", s, maxName)
		}
	}
	if l.Since.Unix() <= 0 {
		return errors.New("lock record: no date given")
	}
	return errors.Join(checkName("environment", l.Environment), checkName("branch", l.Branch), l.Allow.Validate())
}

// parseLock is strict, so that a record read is written back to the same id.
func parseLock(raw []byte) (LockRecord, error) {
	var l LockRecord
	var since string
	fields := map[string]*string{
		"version": new(string), "environment": &l.Environment, "branch": &l.Branch,
		"incident": &l.Incident, "by": &l.By, "allow": (*string)(&l.Allow), "since": &since,
	}
	for line := range strings.Lines(string(raw)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if f := fields[key]; f != nil {
			*f = value
		}
	}
	if v := *fields["version"]; v != lockVersion {
		return LockRecord{}, fmt.Errorf("lock record of version %.20q: this program writes %s", v, lockVersion)
	}
	var err error
	if l.Since, err = time.Parse(time.RFC3339, since); err != nil {
		return LockRecord{}, fmt.Errorf("lock record: since: %w", err)
	}
	if err := l.Validate(); err != nil {
		return LockRecord{}, err
	}
	if string(l.text()) != string(raw) {
		return LockRecord{}, errors.New("lock record has lines this program does not write")
	}
	return l, nil
}

// buildLock completes the record with the commit it lets through.
func (r *Remote) buildLock(l LockRecord, allow ID) (*PreparedLock, error) {
	if l.Allow != "" && l.Allow != allow {
		return nil, fmt.Errorf("record allows %s, the commit is %s", l.Allow.Short(), allow.Short())
	}
	l.Allow = allow
	if l.Branch == "" {
		l.Branch = strings.TrimPrefix(r.branch, branchPrefix)
	}
	if l.By == "" {
		l.By = r.author.String()
	}
	if err := l.Validate(); err != nil {
		return nil, err
	}
	return &PreparedLock{Ref: l.ref(), Object: l.object().id, Raw: l.text()}, nil
}

// ReadLock reads the lock of an environment; false when none stands. A record
// that cannot be read is true with an error: it still guards.
func (r *Remote) ReadLock(ctx context.Context, environment string) (LockRecord, bool, error) {
	if err := checkName("environment", environment); err != nil {
		return LockRecord{}, false, fmt.Errorf("read lock: %w", err)
	}
	name := lockPrefix + environment
	refs, err := r.listRefs(ctx, name)
	at, ok := refs[name]
	if err != nil || !ok {
		return LockRecord{}, false, wrap("read lock of "+environment, err)
	}
	l, err := r.readRecord(ctx, at.id)
	if err == nil && l.Environment != environment {
		err = fmt.Errorf("record of environment %s", l.Environment)
	}
	return l, true, wrap("read lock of "+environment, err)
}

func wrap(act string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", act, err)
}

func (r *Remote) readRecord(ctx context.Context, id ID) (LockRecord, error) {
	objects, err := r.fetchObjects(ctx, fetch{want: id, all: true, limit: maxObjects}, id)
	if err != nil {
		return LockRecord{}, err
	}
	if objects[id].kind != plumbing.BlobObject {
		return LockRecord{}, fmt.Errorf("lock record %s is a %s", id.Short(), objects[id].kind)
	}
	return parseLock(objects[id].raw)
}

// ClearLock deletes the lock if it is the one given (compare and swap). Nil when
// it is gone already; ErrLocked when another record stands there.
func (r *Remote) ClearLock(ctx context.Context, environment string, l LockRecord) error {
	if err := l.Validate(); err != nil || l.Environment != environment {
		return fmt.Errorf("clear lock of %s: not its record: %w", environment, errors.Join(err, ErrLocked))
	}
	return wrap("clear lock of "+environment, r.clear(ctx, l.ref(), l.object().id))
}

// clear believes the ref, not the report: an answer lost after the deletion is a
// success.
func (r *Remote) clear(ctx context.Context, name string, id ID) error {
	gone, err := r.absent(ctx, name, id)
	if gone || err != nil {
		return err
	}
	rep, pushed := r.receive(ctx, []update{{name, id, ""}}, nil)
	again, cancel := r.afterwards(ctx)
	defer cancel()
	gone, err = r.absent(again, name, id)
	switch {
	case gone:
		return nil
	case err != nil:
		return errors.Join(err, pushed)
	}
	return errors.Join(pushed, rep.refusal())
}

func (r *Remote) absent(ctx context.Context, name string, id ID) (bool, error) {
	refs, err := r.listRefs(ctx, name)
	if err != nil {
		return false, err
	}
	at, ok := refs[name]
	if ok && at.id != id {
		return false, fmt.Errorf("%w: %s, not %s", ErrLocked, at.id.Short(), id.Short())
	}
	return !ok, nil
}
