package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// Protocol versions 0 and 1, for servers without version 2, and for web servers
// that do not pass the Git-Protocol header on. Each look at the refs costs the
// whole advertisement; of its lines only those asked for are kept, which is why
// packp.AdvRefs is not used. Documentation: git's gitprotocol-pack(5).

// readCapabilitiesV0 reads what the first line of an advertisement offers.
func readCapabilitiesV0(line string) (serves, error) {
	id, rest, _ := strings.Cut(line, " ")
	_, caps, found := strings.Cut(rest, "\x00")
	if len(id) == 64 || strings.Contains(caps, "object-format=sha256") {
		return serves{}, ErrSHA256
	}
	if len(id) != 40 || !found {
		return serves{}, fmt.Errorf("%w: it advertises %.80q", ErrNotGit, printable(line))
	}
	has := func(name string) bool { return strings.Contains(" "+caps+" ", " "+name+" ") }
	if !has("side-band-64k") || !has("ofs-delta") {
		return serves{}, fmt.Errorf("%w, and is older than git 1.6", ErrNoV2)
	}
	return serves{v0: true, filter: has("filter"), shallow: has("shallow")}, nil
}

// readRefsV0 keeps the named refs of an advertisement.
func readRefsV0(in io.Reader, names []string) (map[string]ref, error) {
	wanted := map[string]bool{}
	for _, n := range names {
		wanted[n] = true
	}
	all := map[string]ref{}
	line, err := firstLine(in)
	for {
		if err != nil {
			return nil, err
		}
		if line == "" {
			return all, nil
		}
		if err := addRefV0(all, wanted, line); err != nil {
			return nil, err
		}
		line, err = nextLine(in)
	}
}

// addRefV0 adds one line: id, name, and after a NUL the capabilities; the line
// after a tag's is its commit's, with ^{} behind the name.
func addRefV0(all map[string]ref, wanted map[string]bool, line string) error {
	line, _, _ = strings.Cut(line, "\x00")
	id, name, found := strings.Cut(strings.TrimSpace(line), " ")
	if !found {
		return fmt.Errorf("%w: line %.80q of the refs", ErrNotGit, printable(line))
	}
	name, peeled := strings.CutSuffix(name, "^{}")
	if !wanted[name] {
		return nil
	}
	f := all[name]
	if peeled {
		f.peeled = ID(id)
	} else {
		f.id = ID(id)
	}
	all[name] = f
	return ID(id).Validate()
}

// bodyV0 is the body of f.
func (f fetch) bodyV0(can serves) ([]byte, error) {
	req := packp.NewUploadRequest()
	for _, w := range f.want {
		req.Wants = append(req.Wants, hash(w))
	}
	caps := []capability.Capability{capability.Sideband64k, capability.OFSDelta, capability.NoProgress}
	if f.shallow && can.shallow {
		caps, req.Depth = append(caps, capability.Shallow), packp.DepthCommits(1)
	}
	if can.filter {
		caps, req.Filter = append(caps, capability.Filter), packp.FilterTreeDepth(0)
	}
	for _, c := range caps {
		if err := req.Capabilities.Set(c); err != nil {
			return nil, err
		}
	}
	if err := req.Capabilities.Set(capability.Agent, agentName); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := req.Encode(&b); err != nil {
		return nil, err
	}
	for _, h := range f.have {
		writeLine(&b, "have %s", h)
	}
	writeLine(&b, "done")
	return b.Bytes(), nil
}

// readFetchedV0 skips what stands before the pack: the shallow commits up to a
// flush, and one ACK or NAK, since we never negotiate.
func readFetchedV0(in io.Reader, f fetch, visit func(packed) bool) error {
	for {
		kind, b, err := readFrame(in)
		if err != nil {
			return err
		}
		if kind == frameData && (bytes.HasPrefix(b, []byte("ACK ")) || string(bytes.TrimSpace(b)) == "NAK") {
			return readPack(&sideband{r: in, progress: io.Discard}, packLimit{kept: f.limit, all: f.all}, visit)
		}
		if kind == frameData && !bytes.HasPrefix(b, []byte("shallow ")) && !bytes.HasPrefix(b, []byte("unshallow ")) {
			return fmt.Errorf("%w: %.80q before the pack", ErrNotGit, printable(string(b)))
		}
	}
}

// unserved explains that the remote refused to serve a commit: with version 2 it
// has none of that id, with version 0 it may just be no tip.
func (r *Remote) unserved(ctx context.Context, refused error) error {
	can, err := r.capabilities(ctx)
	if err == nil && can.v0 {
		return fmt.Errorf("%w, and serves nothing but the tips of its refs without: %w", ErrNoV2, refused)
	}
	return fmt.Errorf("%w: %w", ErrNoCommit, refused)
}

// findBehindBranch looks for a commit that is no tip: version 0 serves only what
// it advertises, so the branch's history is read up to the commit.
func (r *Remote) findBehindBranch(ctx context.Context, id ID, refused error) (map[ID]packed, error) {
	can, err := r.capabilities(ctx)
	if err != nil || !can.v0 || !can.filter {
		return nil, r.unserved(ctx, refused)
	}
	refs, err := r.listRefs(ctx, r.branch)
	if err != nil || refs[r.branch].id == "" {
		return nil, errors.Join(err, r.unserved(ctx, refused))
	}
	found := map[ID]packed{}
	err = r.fetch(ctx, fetch{want: []ID{refs[r.branch].id}, limit: maxHistory}, func(o packed) bool {
		if o.id == id && o.kind == plumbing.CommitObject {
			found[id] = o
		}
		return len(found) == 0
	})
	if err == nil && len(found) == 0 {
		err = r.unserved(ctx, refused)
	}
	return found, err
}
