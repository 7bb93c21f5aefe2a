package gitrepo

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// go-git's pktline package knows neither the delimiter of protocol v2 nor a
// typed error for the side band, so the frames are read here.
// Documentation: git's gitprotocol-common(5) and gitprotocol-v2(5).

type frame int

const (
	frameFlush frame = 0 // 0000
	frameDelim frame = 1 // 0001
	frameData  frame = 4
)

// readFrame reads one pkt-line. An ERR line comes back as ErrRefused.
func readFrame(r io.Reader) (frame, []byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n, err := strconv.ParseUint(string(head[:]), 16, 16)
	if err != nil || n == 3 {
		return 0, nil, fmt.Errorf("%w: bad pkt-line length %q", ErrNotGit, head)
	}
	if n < 4 {
		return frame(n), nil, nil
	}
	b := make([]byte, n-4)
	if _, err = io.ReadFull(r, b); err != nil {
		return 0, nil, err
	}
	if text, ok := bytes.CutPrefix(b, []byte("ERR ")); ok {
		return 0, nil, fmt.Errorf("%w: %s", ErrRefused, printable(string(text)))
	}
	return frameData, b, nil
}

// writeLine adds one pkt-line, newline included.
func writeLine(b *bytes.Buffer, format string, args ...any) {
	s := fmt.Sprintf(format, args...) + "\n"
	fmt.Fprintf(b, "%04x%s", len(s)+4, s)
}

// command is the body of a protocol v2 request.
func command(name string, args ...string) []byte {
	var b bytes.Buffer
	writeLine(&b, "command=%s", name)
	writeLine(&b, "agent=%s", agentName)
	writeLine(&b, "object-format=sha1")
	b.WriteString("0001")
	for _, a := range args {
		writeLine(&b, "%s", a)
	}
	b.WriteString("0000")
	return b.Bytes()
}

// sideband reads channel 1 of a side-band-64k stream up to its flush. Channel 2
// goes to progress, channel 3 is the remote's last word, an ErrRefused.
type sideband struct {
	r        io.Reader
	progress io.Writer
	rest     []byte
	done     bool
}

// Read returns io.EOF at the flush, ErrRefused on channel 3.
func (s *sideband) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if s.done {
			return 0, io.EOF
		}
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *sideband) next() error {
	kind, b, err := readFrame(s.r)
	if err != nil {
		return err
	}
	if kind != frameData || len(b) == 0 {
		s.done = kind == frameFlush
		return nil
	}
	switch b[0] {
	case 1:
		s.rest = b[1:]
	case 2:
		_, err = s.progress.Write(b[1:])
	case 3:
		return fmt.Errorf("%w: %s", ErrRefused, printable(string(b[1:])))
	default:
		return fmt.Errorf("%w: side band channel %d", ErrNotGit, b[0])
	}
	return err
}
