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
	maxAdvertised = 1 << 20
	maxRefList    = 4 << 20 // ls-refs matches prefixes: "main" brings "main-2" too
	maxObjects    = 4 << 20
	maxHistory    = 64 << 20
)

// serves is what the remote's upload-pack can do, asked once.
type serves struct {
	filter bool
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
	a, err := r.send(ctx, request{path: "/info/refs?service=" + uploadPack, service: uploadPack, limit: maxAdvertised})
	if err != nil {
		return serves{}, err
	}
	s, err := readCapabilities(a)
	if err != nil {
		a.abandon() // a v0 advertisement names every ref
		return serves{}, a.blame(err, ErrNotGit)
	}
	a.Close()
	r.mu.Lock()
	r.serves = &s
	r.mu.Unlock()
	return s, nil
}

func readCapabilities(in io.Reader) (serves, error) {
	line, err := firstLine(in)
	if err != nil {
		return serves{}, err
	}
	if line != "version 2" {
		return serves{}, notVersion2(line)
	}
	s, commands := serves{}, 0
	for {
		kind, b, err := readFrame(in)
		if err != nil {
			return serves{}, err
		}
		if kind != frameData {
			break
		}
		key, value, _ := strings.Cut(strings.TrimSpace(string(b)), "=")
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
		return serves{}, fmt.Errorf("%w: it lacks ls-refs or fetch", ErrNoV2)
	}
	return s, nil
}

// firstLine skips the "# service=" preamble, which v2 servers may send or not.
func firstLine(in io.Reader) (string, error) {
	for {
		kind, b, err := readFrame(in)
		if err != nil {
			return "", err
		}
		line := strings.TrimSpace(string(b))
		if kind == frameData && !strings.HasPrefix(line, "# service=") {
			return line, nil
		}
	}
}

// notVersion2 tells a v0 server with sha256 ids from one with sha1: the former
// could not be used even if it learnt v2.
func notVersion2(line string) error {
	id, _, _ := strings.Cut(line, " ")
	if len(id) == 64 || strings.Contains(line, "object-format=sha256") {
		return ErrSHA256
	}
	return fmt.Errorf("%w: git 2.18 or later is needed there, and its web server must pass the Git-Protocol header on", ErrNoV2)
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
	if _, err := r.capabilities(ctx); err != nil {
		return nil, err
	}
	args := []string{"peel"}
	for _, n := range names {
		args = append(args, "ref-prefix "+n)
	}
	a, err := r.send(ctx, request{path: "/" + uploadPack, service: uploadPack, body: command("ls-refs", args...), limit: maxRefList})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	all, err := readRefs(a)
	if err != nil {
		return nil, a.blame(err, ErrNotGit)
	}
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
	want    ID
	have    []ID
	shallow bool  // only the wanted commit, not its history
	all     bool  // keep trees and blobs too: the wanted object may be one
	limit   int64 // bytes
}

func (f fetch) args(filter bool) []string {
	args := []string{"ofs-delta", "no-progress", "want " + string(f.want)}
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
	a, err := r.send(ctx, request{path: "/" + uploadPack, service: uploadPack, body: command("fetch", f.args(can.filter)...), limit: f.limit})
	if err != nil {
		return err
	}
	err = readFetched(a, f, visit)
	if err != nil || !can.filter {
		a.abandon()
		return a.blame(err, ErrBadPack)
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
