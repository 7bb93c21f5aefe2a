package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
	agentName   = "git/rollback-agent" // forges look for the "git/" in front
)

// What an answer may weigh, in bytes. A rollback's weigh about 1 kB together.
const (
	maxAdvertised = 256 << 20 // every ref of the repository, where it cannot be avoided; none of it is kept
	maxRefList    = 4 << 20   // ls-refs matches prefixes: "main" brings "main-2" too
	maxObjects    = 4 << 20
	maxHistory    = 64 << 20
)

// serves is what the remote's upload-pack can do, asked once.
type serves struct {
	v0      bool // and no version 2
	filter  bool
	shallow bool
}

// capabilities asks the remote for its protocol, or remembers the answer. Two
// callers at once may both ask; the answers are the same.
func (r *Remote) capabilities(ctx context.Context) (serves, error) {
	r.mu.Lock()
	known := r.serves
	r.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	a, err := r.send(ctx, request{service: uploadPack, limit: maxAdvertised})
	if err != nil {
		return serves{}, err
	}
	s, err := readCapabilities(a)
	err = a.blame(err, ErrNotGit)
	if err != nil || s.v0 {
		a.abandon() // a v0 advertisement names every ref
	} else {
		a.Close()
	}
	if err != nil {
		return serves{}, err
	}
	r.mu.Lock()
	r.serves = &s
	r.mu.Unlock()
	return s, nil
}

// forget makes the next operation ask for the capabilities again, after an answer
// that they do not explain: the server may have been replaced.
func (r *Remote) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serves = nil
}

func readCapabilities(in io.Reader) (serves, error) {
	line, err := firstLine(in)
	if err != nil {
		return serves{}, err
	}
	switch line {
	case "version 2":
	case "":
		return serves{}, fmt.Errorf("%w: the repository has no refs at all", ErrNoRef)
	default:
		return readCapabilitiesV0(line)
	}
	s, commands := serves{shallow: true}, 0
	for {
		line, err := nextLine(in)
		if err != nil {
			return serves{}, err
		}
		if line == "" {
			break
		}
		key, value, _ := strings.Cut(line, "=")
		switch {
		case key == "object-format" && value != "sha1":
			return serves{}, fmt.Errorf("%w: object-format=%.20s", ErrSHA256, printable(value))
		case key == "ls-refs":
			commands++
		case key == "fetch":
			commands++
			s.filter = strings.Contains(" "+value+" ", " filter ")
		}
	}
	if commands != 2 {
		return serves{}, fmt.Errorf("%w: it lacks ls-refs or fetch", ErrNotGit)
	}
	return s, nil
}

// firstLine skips the "# service=" preamble, which v2 servers may send or not,
// and the name of version 1, which is version 0 with that name in front. It is
// "" when an old server has nothing to advertise.
func firstLine(in io.Reader) (string, error) {
	preamble := false
	for {
		kind, b, err := readFrame(in)
		if err != nil {
			return "", err
		}
		line := strings.TrimSpace(string(b))
		switch {
		case strings.HasPrefix(line, "# service="):
			preamble = true
		case kind == frameFlush && preamble:
			preamble = false
		case kind == frameFlush, line != "" && line != "version 1":
			return line, nil
		}
	}
}

// nextLine is "" at the end of the section.
func nextLine(in io.Reader) (string, error) {
	kind, b, err := readFrame(in)
	if err != nil || kind != frameData {
		return "", err
	}
	return strings.TrimSpace(string(b)), nil
}

// ref is one line of ls-refs.
type ref struct {
	id     ID
	peeled ID // "" unless the ref points at a tag object
}

// commit is what the ref stands for after peeling.
func (f ref) commit() ID {
	if f.peeled != "" {
		return f.peeled
	}
	return f.id
}

// listRefs reads the named refs (full names); a missing one is not in the map.
func (r *Remote) listRefs(ctx context.Context, names ...string) (map[string]ref, error) {
	can, err := r.capabilities(ctx)
	if err != nil {
		return nil, err
	}
	q := request{service: uploadPack, v0: true, limit: maxAdvertised}
	if !can.v0 {
		args := []string{"peel"}
		for _, n := range names {
			args = append(args, "ref-prefix "+n)
		}
		q = request{service: uploadPack, body: command("ls-refs", args...), limit: maxRefList}
	}
	a, err := r.send(ctx, q)
	if err != nil {
		return nil, err
	}
	read := readRefs
	if can.v0 {
		read = func(in io.Reader) (map[string]ref, error) { return readRefsV0(in, names) }
	}
	all, err := read(a)
	if err = a.blame(err, ErrNotGit); err != nil {
		a.abandon()
		r.forget()
		return nil, err
	}
	a.Close()
	return pick(all, names), nil
}

func pick(all map[string]ref, names []string) map[string]ref {
	out := make(map[string]ref, len(names))
	for _, n := range names {
		if f, ok := all[n]; ok {
			out[n] = f
		}
	}
	return out
}

func readRefs(in io.Reader) (map[string]ref, error) {
	all := map[string]ref{}
	for {
		kind, b, err := readFrame(in)
		if err != nil {
			return nil, err
		}
		if kind != frameData {
			return all, nil
		}
		fields := strings.Fields(string(b))
		if len(fields) < 2 {
			return nil, fmt.Errorf("ls-refs line %.80q", b)
		}
		f := ref{id: ID(fields[0])}
		for _, x := range fields[2:] {
			if v, ok := strings.CutPrefix(x, "peeled:"); ok {
				f.peeled = ID(v)
			}
		}
		if err := errors.Join(f.id.Validate(), f.commit().Validate()); err != nil {
			return nil, err
		}
		all[fields[1]] = f
	}
}

// fetch is one v2 fetch; the pack is given to visit object by object, until
// visit says it has enough.
type fetch struct {
	want    []ID
	have    []ID
	shallow bool  // only the wanted commits, not their history
	all     bool  // keep trees and blobs too: the wanted object may be one
	limit   int64 // bytes
}

func (f fetch) args(filter bool) []string {
	args := []string{"ofs-delta", "no-progress"}
	for _, w := range f.want {
		args = append(args, "want "+string(w))
	}
	for _, h := range f.have {
		args = append(args, "have "+string(h))
	}
	if f.shallow {
		args = append(args, "deepen 1")
	}
	if filter {
		args = append(args, "filter tree:0")
	}
	return append(args, "done")
}

// fetch runs f. From a server without filters it takes everything that belongs
// to the commits, but stops listening as soon as visit has enough: packs begin
// with their commits, so a shallow fetch still costs a few kB (not the server,
// which has counted its objects by then).
func (r *Remote) fetch(ctx context.Context, f fetch, visit func(packed) bool) error {
	can, err := r.capabilities(ctx)
	if err != nil {
		return err
	}
	q, read := request{service: uploadPack, v0: can.v0, limit: f.limit}, readFetched
	if can.v0 {
		read = readFetchedV0
		q.body, err = f.bodyV0(can)
	} else {
		q.body = command("fetch", f.args(can.filter)...)
	}
	if err != nil {
		return err
	}
	a, err := r.send(ctx, q)
	if err != nil {
		return err
	}
	err = a.blame(read(a, f, visit), ErrBadPack)
	if err != nil {
		r.forget()
	}
	if err != nil || !can.filter {
		a.abandon()
		return err
	}
	a.Close()
	return nil
}

// readFetched skips the sections before the pack (acknowledgments, shallow-info).
func readFetched(in io.Reader, f fetch, visit func(packed) bool) error {
	for {
		kind, b, err := readFrame(in)
		if err != nil {
			return err
		}
		if kind == frameFlush {
			return fmt.Errorf("%w: no pack in the answer", ErrNotGit)
		}
		if kind == frameData && string(bytes.TrimSpace(b)) == "packfile" {
			return readPack(&sideband{r: in, progress: io.Discard}, packLimit{kept: f.limit, all: f.all}, visit)
		}
	}
}
