package gitrepo

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// maxObject bounds one commit, tag or blob, inflated. git's own limit on a
// commit is the sender's patience; a thousandfold zlib bomb must not be ours.
const maxObject = 1 << 20

// packed is one whole object of a pack; id is computed from the content.
type packed struct {
	id   ID
	kind plumbing.ObjectType
	raw  []byte
}

// newObject names raw.
func newObject(kind plumbing.ObjectType, raw []byte) packed {
	return packed{ID(plumbing.ComputeHash(kind, raw).String()), kind, raw}
}

// packLimit says what of a pack is kept in memory.
type packLimit struct {
	kept int64 // inflated bytes in sum
	all  bool  // trees and blobs too; commits and tags always
}

// readPack gives visit every object kept, in the order of the pack, until visit
// returns false. It does not use packfile.Parser: that one inflates before it
// can be asked about sizes, and cannot stop after the first commit.
func readPack(in io.Reader, limit packLimit, visit func(packed) bool) error {
	p := &packReader{
		scan:     packfile.NewScanner(in),
		limit:    limit,
		byOffset: map[int64]*packed{},
		byID:     map[ID]*packed{},
	}
	_, n, err := p.scan.Header()
	if err != nil {
		return err
	}
	for range n {
		o, err := p.next()
		if err != nil {
			return err
		}
		if o != nil && !visit(*o) {
			return nil
		}
	}
	_, err = p.scan.Checksum()
	return err
}

type packReader struct {
	scan     *packfile.Scanner
	limit    packLimit
	byOffset map[int64]*packed // bases of offset deltas; nil for objects not kept
	byID     map[ID]*packed    // bases of reference deltas
}

// next reads one object; nil when it is of a kind not kept.
func (p *packReader) next() (*packed, error) {
	h, err := p.scan.NextObjectHeader()
	if err != nil {
		return nil, err
	}
	base, err := p.base(h)
	if err != nil {
		return nil, err
	}
	kind := h.Type
	if base != nil {
		kind = base.kind
	}
	if kind.IsDelta() || !p.keeps(kind) { // a delta on an object not kept, or such an object
		p.byOffset[h.Offset] = nil
		return nil, nil // the scanner skips its content before the next header
	}
	raw, err := p.content(h, base)
	if err != nil {
		return nil, err
	}
	o := newObject(kind, raw)
	p.byOffset[h.Offset], p.byID[o.id] = &o, &o
	return &o, nil
}

func (p *packReader) keeps(kind plumbing.ObjectType) bool {
	return p.limit.all || kind == plumbing.CommitObject || kind == plumbing.TagObject
}

// base finds what a delta is against. We never ask for a thin pack, so it must
// be in this one, and servers write it first.
func (p *packReader) base(h *packfile.ObjectHeader) (base *packed, err error) {
	known := true
	switch h.Type {
	case plumbing.OFSDeltaObject:
		base, known = p.byOffset[h.OffsetReference]
	case plumbing.REFDeltaObject:
		base, known = p.byID[ID(h.Reference.String())]
	}
	if !known {
		return nil, errors.New("delta against an object that is not in the pack")
	}
	return base, nil
}

// content inflates the object, and applies it to base if it is a delta. Sizes
// are checked before memory is spent.
func (p *packReader) content(h *packfile.ObjectHeader, base *packed) ([]byte, error) {
	if err := p.spend(h.Length); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	n, _, err := p.scan.NextObject(&b)
	if err != nil {
		return nil, err
	}
	if n != h.Length {
		return nil, fmt.Errorf("object of %d bytes says %d", n, h.Length)
	}
	if base == nil {
		return b.Bytes(), nil
	}
	if err := p.spend(deltaResult(b.Bytes())); err != nil {
		return nil, err
	}
	return packfile.PatchDelta(base.raw, b.Bytes())
}

func (p *packReader) spend(n int64) error {
	if n < 0 || n > maxObject || n > p.limit.kept {
		return fmt.Errorf("%w: object of %d bytes", ErrTooLarge, n)
	}
	p.limit.kept -= n
	return nil
}

// deltaResult is the size a delta claims to produce: its second varint
// (gitformat-pack(5)); -1 when it has none.
func deltaResult(delta []byte) int64 {
	_, n := binary.Uvarint(delta)
	if n <= 0 {
		return -1
	}
	size, m := binary.Uvarint(delta[n:])
	if m <= 0 || size > maxObject {
		return -1
	}
	return int64(size)
}

// compressors are used again: each takes more than half a megabyte to make, which is most of what a rollback would need.
var compressors = sync.Pool{New: func() any { return zlib.NewWriter(nil) }}

// writePack is a pack of exactly these objects, whole, as of gitformat-pack(5), with no walk to see what else the remote might need: it has the
// tree already, and checks that itself. It does not use packfile.Encoder, which copies every object into a storage to
// look for deltas that so few cannot have.
func writePack(objects ...packed) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("PACK")
	b.Write(binary.BigEndian.AppendUint32(nil, packfile.VersionSupported))
	b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(objects))))
	z := compressors.Get().(*zlib.Writer)
	defer compressors.Put(z)
	for _, o := range objects {
		b.Write(objectHeader(o.kind, len(o.raw)))
		z.Reset(&b)
		_, err := z.Write(o.raw)
		if err = errors.Join(err, z.Close()); err != nil {
			return nil, fmt.Errorf("write pack: %w", err)
		}
	}
	sum := sha1.Sum(b.Bytes()) // the protocol's, against damage: objects are told apart by their ids
	b.Write(sum[:])
	return b.Bytes(), nil
}

// objectHeader is the kind and the size: four bits of it, then seven at a time, the least significant first.
func objectHeader(kind plumbing.ObjectType, size int) []byte {
	first := byte(kind)<<4 | byte(size&15)
	if size < 16 {
		return []byte{first}
	}
	return binary.AppendUvarint([]byte{first | 0x80}, uint64(size>>4))
}
