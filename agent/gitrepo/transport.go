package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// drainBytes is read from an answer nobody wants any more, so that its
// connection can be used again; beyond that a new connection is cheaper.
const drainBytes = 64 << 10

// request is one exchange with the remote.
type request struct {
	service string // git-upload-pack or git-receive-pack
	body    []byte // nil: only the advertisement is asked for
	v0      bool   // upload-pack in protocol version 0: the remote knows no other
	limit   int64  // of the answer, bytes
}

// transport carries exchanges: over http a request each, over ssh a session each.
type transport interface {
	// exchange sends q and hands back the answer. Its errors carry a Kind.
	exchange(ctx context.Context, q request) (*answer, error)
	// idle drops what is kept open for the next exchange.
	idle()
}

// send does one exchange. The timeout covers the answer until it is closed.
func (r *Remote) send(ctx context.Context, q request) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	a, err := r.transport.exchange(ctx, q)
	if err != nil {
		cancel()
		return nil, concealment{redact: r.redact}.err(err)
	}
	a.cancel, a.hides.redact = cancel, r.redact
	return a, nil
}

// answer is an answer's body with a limit that remembers why reading it failed,
// because decoders on top of it may hide the cause.
type answer struct {
	body   io.ReadCloser
	left   int64
	date   time.Time    // when the server says that it answered, to the second; zero where it does not say
	err    error        // sticky, io.EOF included
	ended  func() error // why an answer may have ended too early, if the transport can tell
	hides  concealment  // what must not be in anything that is told of it
	cancel context.CancelFunc
}

// Read fails with ErrTooLarge beyond the limit, ErrUnavailable when the
// connection does.
func (a *answer) Read(p []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	if a.left <= 0 {
		a.err = ErrTooLarge
		return 0, a.err
	}
	n, err := a.body.Read(p[:min(int64(len(p)), a.left)])
	a.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	a.err = err
	return n, err
}

// blame is the reason for err, met while decoding the answer: the connection's
// or the limit's if there is one, else the decoder's under the kind given.
func (a *answer) blame(err error, kind Kind) error { return a.hides.err(a.cause(err, kind)) }

func (a *answer) cause(err error, kind Kind) error {
	switch {
	case err == nil:
		return nil
	case a.err != nil && a.err != io.EOF:
		return a.err
	case KindOf(err) != "":
		return err
	case a.err == io.EOF && a.ended != nil:
		return a.ended()
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// Close drains a little, then releases the connection.
func (a *answer) Close() {
	_, _ = io.CopyN(io.Discard, a.body, drainBytes) // best effort: only reuse depends on it
	a.abandon()
}

// abandon drops the connection, or the session, with whatever the remote is
// still sending.
func (a *answer) abandon() {
	a.body.Close()
	a.cancel()
}
