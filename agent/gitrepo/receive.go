package gitrepo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// maxReport bounds a push's answer. It is large because hooks may print a lot in
// front of the report, of which only maxText bytes are kept.
const maxReport = 64 << 20

// update is one command: move ref from old to new, "" standing for absence.
type update struct {
	ref      string
	old, new ID
}

// report is the remote's own account of a push. It is not proof: see Push.
type report struct {
	unpack string
	refs   []refStatus
	text   string // what hooks and the server printed
}

type refStatus struct{ ref, status string }

// contention are the statuses that mean somebody else was faster, or holds the
// ref's lock file; everything else that is not ok is a no. The protocol knows
// only text: these are git's (builtin/receive-pack.c, refs/files-backend.c), and
// what forges say for a stale old id. Our commit is a child of the tip expected,
// so "non-fast-forward" can only mean that the tip is another.
var contention = []string{
	"failed to update ref", "cannot lock ref", "atomic transaction failed", "atomic push failure",
	"fetch first", "stale info", "non-fast-forward",
}

func isContention(status string) bool {
	for _, c := range contention {
		if strings.HasPrefix(status, c) {
			return true
		}
	}
	return false
}

// refused reports whether the remote said no for a reason that stays.
func (r report) refused() bool {
	if r.unpack != "" && r.unpack != "ok" {
		return true
	}
	for _, s := range r.refs {
		if s.status != "ok" && !isContention(s.status) {
			return true
		}
	}
	return false
}

// refusal is an ErrRefused with the remote's words, or nil if it said ok or
// nothing.
func (r report) refusal() error {
	if said := r.String(); said != "" {
		return fmt.Errorf("%w: %s", ErrRefused, said)
	}
	return nil
}

// String is every status that is not ok, then the remote's text.
func (r report) String() string {
	var lines []string
	if r.unpack != "" && r.unpack != "ok" {
		lines = append(lines, "unpack "+r.unpack)
	}
	for _, s := range r.refs {
		if s.status != "ok" {
			lines = append(lines, s.ref+": "+s.status)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return printable(strings.Join(append(lines, r.text), "\n"))
}

// exchange sends the commands and the pack in one POST, without asking for
// receive-pack's advertisement first: it names every ref. More than one command
// is asked to be atomic: only for a remote that is. An error means there is no report: the push may have happened all the same.
func (r *Remote) exchange(ctx context.Context, updates []update, pack []byte) (report, error) {
	body, err := pushBody(updates, pack)
	if err != nil {
		return report{}, err
	}
	a, err := r.send(ctx, request{service: receivePack, body: body, limit: maxReport})
	if err != nil {
		return report{}, err
	}
	rep, err := readReport(a)
	if err == nil && len(rep.refs) != len(updates) {
		err = fmt.Errorf("%w: %d statuses for %d commands", ErrNotGit, len(rep.refs), len(updates))
	}
	if err = a.blame(err, ErrNotGit); err != nil {
		a.abandon()
		return report{}, err
	}
	a.Close()
	return rep.without(a.hides), nil
}

// without is the report without what must not be told.
func (r report) without(c concealment) report {
	r.unpack, r.text = c.text(r.unpack), c.text(r.text)
	for n := range r.refs {
		r.refs[n].status = c.text(r.refs[n].status)
	}
	return r
}

func pushBody(updates []update, pack []byte) ([]byte, error) {
	req := packp.NewReferenceUpdateRequest()
	caps := []capability.Capability{capability.ReportStatus, capability.Sideband64k}
	if len(updates) > 1 {
		caps = append(caps, capability.Atomic)
	}
	for _, c := range caps {
		if err := req.Capabilities.Set(c); err != nil {
			return nil, err
		}
	}
	if err := req.Capabilities.Set(capability.Agent, agentName); err != nil {
		return nil, err
	}
	for _, u := range updates {
		req.Commands = append(req.Commands, &packp.Command{Name: plumbing.ReferenceName(u.ref), Old: hash(u.old), New: hash(u.new)})
	}
	req.Packfile = io.NopCloser(bytes.NewReader(pack))
	var b bytes.Buffer
	if err := req.Encode(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// readReport reads the report, then what post-receive prints after it; a hook
// that never ends is cut off by the timeout and does not spoil the report.
func readReport(in io.Reader) (report, error) {
	var said prefix
	band := &sideband{r: in, progress: &said}
	status := packp.NewReportStatus()
	if err := status.Decode(band); err != nil {
		return report{}, err
	}
	_, _ = io.Copy(io.Discard, band)
	rep := report{unpack: status.UnpackStatus, text: printable(string(said))}
	for _, c := range status.CommandStatuses {
		rep.refs = append(rep.refs, refStatus{c.ReferenceName.String(), c.Status})
	}
	return rep, nil
}

// prefix keeps the first bytes written to it: enough for maxText after cleaning.
type prefix []byte

// Write never fails and never blocks a talkative hook.
func (p *prefix) Write(b []byte) (int, error) {
	if room := 4*maxText - len(*p); room > 0 {
		*p = append(*p, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

// isAtomic asks receive-pack, once, whether it can update several refs or none.
func (r *Remote) isAtomic(ctx context.Context) (bool, error) {
	r.mu.Lock()
	known := r.atomic
	r.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	if err := r.askReceive(ctx); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return *r.atomic, nil
}

// CheckPush asks whether the remote would let us push: [Remote.Probe] without
// what it remembers. Over ssh it costs the advertisement of every ref.
func (r *Remote) CheckPush(ctx context.Context) error { return wrap("check push", r.askReceive(ctx)) }

// askReceive reads the first line of receive-pack's advertisement: the rest is
// every ref.
func (r *Remote) askReceive(ctx context.Context) error {
	a, err := r.send(ctx, request{service: receivePack, limit: maxAdvertised})
	if err != nil {
		return err
	}
	defer a.abandon()
	line, err := firstLine(a)
	if err != nil {
		return a.blame(err, ErrNotGit)
	}
	_, caps, _ := strings.Cut(line, "\x00")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.atomic = new(strings.Contains(" "+caps+" ", " atomic "))
	return nil
}
