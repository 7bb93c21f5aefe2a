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
	Allow       ID     // the one commit the branch may be moved to: the rollback; "": none
	Since       time.Time
	Signature   string // armored, over the lines above; "" without a Key
}

const (
	lockVersion = "1"
	allowNone   = "none"
)

// lines is the record as signed. The hook reads them with sed: one word, one
// space, the value.
func (l LockRecord) lines() string {
	allow := string(l.Allow)
	if allow == "" {
		allow = allowNone
	}
	var b strings.Builder
	for _, line := range [][2]string{
		{"version", lockVersion},
		{"environment", l.Environment},
		{"branch", l.Branch},
		{"incident", l.Incident},
		{"by", l.By},
		{"allow", allow},
		{"since", l.Since.UTC().Format(time.RFC3339)},
	} {
		b.WriteString(line[0] + " " + line[1] + "\n")
	}
	return b.String()
}

// text is the record as stored: what is signed, then the signature.
func (l LockRecord) text() []byte   { return []byte(l.lines() + l.Signature) }
func (l LockRecord) object() packed { return newObject(plumbing.BlobObject, l.text()) }
func (l LockRecord) ref() string    { return lockPrefix + l.Environment }

// ID is the object that the lock's ref points at while this record stands.
func (l LockRecord) ID() ID { return l.object().id }

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
	err := errors.Join(checkName("environment", l.Environment), checkName("branch", l.Branch))
	if l.Allow != "" {
		err = errors.Join(err, l.Allow.Validate())
	}
	return err
}

// parseLock is strict, so that a record read is written back to the same id.
func parseLock(raw []byte) (LockRecord, error) {
	signed, signature, err := splitSignature(raw)
	if err != nil {
		return LockRecord{}, fmt.Errorf("lock record: %w", err)
	}
	l := LockRecord{Signature: signature}
	var since string
	fields := map[string]*string{
		"version": new(string), "environment": &l.Environment, "branch": &l.Branch,
		"incident": &l.Incident, "by": &l.By, "allow": (*string)(&l.Allow), "since": &since,
	}
	for line := range strings.Lines(string(signed)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if f := fields[key]; f != nil {
			*f = value
		}
	}
	if v := *fields["version"]; v != lockVersion {
		return LockRecord{}, fmt.Errorf("lock record of version %.20q: this program writes %s", v, lockVersion)
	}
	if l.Allow == allowNone {
		l.Allow = ""
	}
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

// buildLock completes the record with the commit it lets through, and signs it.
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
	var err error
	if l.Signature, err = r.key.armored(signsLock, []byte(l.lines())); err != nil {
		return nil, err
	}
	return &PreparedLock{Ref: l.ref(), Object: l.ID(), Raw: l.text()}, nil
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

// LockID is the object that the lock's ref points at, also where that is no record; "" when no lock stands.
func (r *Remote) LockID(ctx context.Context, environment string) (ID, error) {
	if err := checkName("environment", environment); err != nil {
		return "", fmt.Errorf("read lock: %w", err)
	}
	refs, err := r.listRefs(ctx, lockPrefix+environment)
	return refs[lockPrefix+environment].id, wrap("read lock of "+environment, err)
}

func wrap(act string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", act, err)
}

func (r *Remote) readRecord(ctx context.Context, id ID) (LockRecord, error) {
	objects, err := r.fetchObjects(ctx, fetch{want: []ID{id}, all: true, limit: maxObjects}, id)
	if err != nil {
		return LockRecord{}, err
	}
	if objects[id].kind != plumbing.BlobObject {
		return LockRecord{}, fmt.Errorf("lock record %s is a %s", id.Short(), objects[id].kind)
	}
	return parseLock(objects[id].raw)
}

// SetLock puts a lock on the remote that travels with no commit: when a rollback
// was decided and cannot be made, or could not be pushed. A record of the same
// incident that stands already is left as it is; another's is ErrLocked. It may be
// repeated.
func (r *Remote) SetLock(ctx context.Context, l LockRecord) (LockRecord, error) {
	set, err := r.setLock(ctx, l)
	return set, wrap("lock "+l.Environment, err)
}

func (r *Remote) setLock(ctx context.Context, l LockRecord) (LockRecord, error) {
	if standing, ok, err := r.ReadLock(ctx, l.Environment); ok || err != nil {
		return ofIncident(standing, l.Incident, err)
	}
	p, err := r.buildLock(l, l.Allow)
	if err != nil {
		return LockRecord{}, err
	}
	pack, err := writePack(newObject(plumbing.BlobObject, p.Raw))
	if err != nil {
		return LockRecord{}, err
	}
	rep, pushed := r.receive(ctx, []update{{p.Ref, "", p.Object}}, pack)
	again, cancel := r.afterwards(ctx)
	defer cancel()
	standing, ok, err := r.ReadLock(again, l.Environment)
	if ok || err != nil {
		return ofIncident(standing, l.Incident, errors.Join(err, pushed))
	}
	if err := errors.Join(pushed, rep.refusal()); err != nil {
		return LockRecord{}, err
	}
	return LockRecord{}, fmt.Errorf("%w: it took the lock, and shows none", ErrNotGit)
}

// ofIncident accepts a record that stands for the incident, however it came there.
func ofIncident(standing LockRecord, incident string, err error) (LockRecord, error) {
	switch {
	case standing.Incident == incident:
		return standing, nil
	case err != nil:
		return LockRecord{}, err
	}
	return LockRecord{}, fmt.Errorf("%w: of incident %s", ErrLocked, standing.Incident)
}

// ClearLock deletes the lock that stands, also one whose record cannot be read
// (compare and swap: one that was put there meanwhile stays, ErrLocked). Nil when
// none stands.
func (r *Remote) ClearLock(ctx context.Context, environment string) error {
	act, name := "clear lock of "+environment, lockPrefix+environment
	if err := checkName("environment", environment); err != nil {
		return wrap(act, err)
	}
	refs, err := r.listRefs(ctx, name)
	at, stands := refs[name]
	if err != nil || !stands {
		return wrap(act, err)
	}
	return wrap(act, r.clear(ctx, name, at.id))
}

// clear believes the ref, not the report: an answer lost after the deletion is a
// success.
func (r *Remote) clear(ctx context.Context, name string, id ID) error {
	rep, pushed := r.receive(ctx, []update{{name, id, ""}}, nil)
	again, cancel := r.afterwards(ctx)
	defer cancel()
	gone, err := r.absent(again, name, id)
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
