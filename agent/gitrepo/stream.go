package gitrepo

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"sync"
)

// stream is a git command at work at the remote's end of a two-way connection:
// what an ssh session carries.
type stream struct {
	in   io.WriteCloser
	out  io.Reader
	wait func() error // until the command has ended and all it complained of is in said; may be called twice
	stop func()       // ends it, whatever it is doing; may be called twice
	said *complaints
}

// exchange does q. Both services greet with their advertisement, which is read
// past; a flush is how a client says that it wants nothing (more).
func (s *stream) exchange(q request) (*answer, error) {
	body := &streamBody{Reader: bufio.NewReaderSize(s.out, 32<<10), stop: s.stop}
	a := &answer{body: body, left: maxAdvertised, ended: s.ended}
	request := q.body
	switch {
	case q.body == nil:
		request = []byte("0000")
	case q.service == uploadPack && !q.v0:
		request = append(bytes.Clone(q.body), "0000"...)
	}
	if q.body != nil {
		if err := skipAdvertisement(a); err != nil {
			defer s.stop()
			return nil, a.blame(err, ErrNotGit)
		}
	}
	if _, err := s.in.Write(request); err != nil {
		defer s.stop()
		return nil, s.ended()
	}
	_ = s.in.Close() // the command may have read all it wanted, answered and ended before this: whether its answer is whole, reading tells
	a.left = q.limit
	return a, nil
}

func skipAdvertisement(in io.Reader) error {
	for {
		kind, _, err := readFrame(in)
		if err != nil || kind == frameFlush {
			return err
		}
	}
}

// ended explains an answer that ended too early, by what the command printed. It
// cannot be told what kind of trouble it was: "no such repository" looks like
// "out of memory".
func (s *stream) ended() error {
	err := s.wait()
	if KindOf(err) != "" {
		return err
	}
	if text := s.said.String(); text != "" {
		return fmt.Errorf("%w: %s", ErrEnded, text)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrEnded, err)
	}
	return ErrEnded
}

// streamBody reads through a buffer: the ssh library answers every small read
// with a packet.
type streamBody struct {
	*bufio.Reader
	stop func()
}

// Close ends the command.
func (b *streamBody) Close() error {
	b.stop()
	return nil
}

// complaints keep the beginning of what a command prints to its standard error.
type complaints struct {
	mu   sync.Mutex
	text prefix
}

// Write never fails and never blocks.
func (c *complaints) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(b)
}

// String is the text so far, safe to show.
func (c *complaints) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return printable(string(c.text))
}
