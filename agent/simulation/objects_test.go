package simulation

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"strings"
)

// object is one git object: its kind and its bytes.
type object struct {
	kind string // commit, tree, blob, tag
	raw  []byte
}

func (o object) id() string {
	sum := sha1.Sum(fmt.Appendf(nil, "%s %d\x00%s", o.kind, len(o.raw), o.raw))
	return hex.EncodeToString(sum[:])
}

// header is the first line of that name in a commit or a tag, "" if there is none.
func (o object) header(name string) string {
	values := o.headers(name)
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func (o object) headers(name string) []string {
	var all []string
	head, _, _ := strings.Cut(string(o.raw), "\n\n")
	for line := range strings.Lines(head) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			all = append(all, strings.TrimSpace(value))
		}
	}
	return all
}

// trailer is the value of a trailer in a commit's message.
func (o object) trailer(name string) string {
	for line := range strings.Lines(string(o.raw)) {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

var packKinds = []string{"", "commit", "tree", "blob", "tag"}

// writePack is a pack of whole objects.
func writePack(objects []object) []byte {
	var b bytes.Buffer
	b.WriteString("PACK")
	_ = binary.Write(&b, binary.BigEndian, [2]uint32{2, uint32(len(objects))})
	for _, o := range objects {
		n := len(o.raw)
		first := byte(kindNumber(o.kind)<<4 | n&15)
		for n >>= 4; n > 0; n >>= 7 {
			b.WriteByte(first | 0x80)
			first = byte(n & 0x7f)
		}
		b.WriteByte(first)
		b.Write([]byte{0x78, 0x01, 0x01}) // one stored block: making a compressor would cost more than all the rest
		_ = binary.Write(&b, binary.LittleEndian, [2]uint16{uint16(len(o.raw)), ^uint16(len(o.raw))})
		b.Write(o.raw)
		_ = binary.Write(&b, binary.BigEndian, adler32.Checksum(o.raw))
	}
	sum := sha1.Sum(b.Bytes())
	b.Write(sum[:])
	return b.Bytes()
}

func kindNumber(kind string) int {
	for n, k := range packKinds {
		if k == kind {
			return n
		}
	}
	panic("no kind " + kind)
}

// readPack reads a pack of whole objects: the agent sends no deltas.
func readPack(pack []byte) ([]object, error) {
	if len(pack) < 32 || string(pack[:4]) != "PACK" {
		return nil, errors.New("no pack")
	}
	n := binary.BigEndian.Uint32(pack[8:])
	r := bytes.NewReader(pack[12 : len(pack)-20])
	var all []object
	for range n {
		b, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		kind := int(b >> 4 & 7)
		for b&0x80 != 0 {
			if b, err = r.ReadByte(); err != nil {
				return nil, err
			}
		}
		if kind < 1 || kind > 4 {
			return nil, fmt.Errorf("an object of kind %d", kind)
		}
		z, err := zlib.NewReader(r)
		if err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(z)
		if err != nil {
			return nil, err
		}
		all = append(all, object{packKinds[kind], raw})
	}
	return all, nil
}

// lines are the pkt-lines of a request, as far as the first byte that is none.
func lines(body []byte) (all []string, rest []byte) {
	for len(body) >= 4 && string(body[:4]) != "PACK" {
		var n int
		if _, err := fmt.Sscanf(string(body[:4]), "%04x", &n); err != nil {
			break
		}
		if n < 4 {
			body = body[4:]
			continue
		}
		all = append(all, strings.TrimSuffix(string(body[4:n]), "\n"))
		body = body[n:]
	}
	return all, body
}

const flush = "0000"

func packet(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }

// banded puts data into the side band.
func banded(b *bytes.Buffer, data []byte) {
	for len(data) > 0 {
		n := min(len(data), 60000)
		fmt.Fprintf(b, "%04x\x01%s", n+5, data[:n])
		data = data[n:]
	}
}
