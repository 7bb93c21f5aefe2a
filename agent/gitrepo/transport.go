package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// drainBytes is read from an answer nobody wants any more, so that its
// connection can be used again; beyond that a new connection is cheaper.
const drainBytes = 64 << 10

// request is one HTTP exchange with the remote.
type request struct {
	path    string // below the repository, with query
	service string // git-upload-pack or git-receive-pack
	body    []byte // nil: GET of the advertisement
	limit   int64  // of the answer's body, bytes
}

// newClient makes the remote's one http.Client. It follows no redirect: where
// credentials go is said in the configuration, not by a server.
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true // packs are compressed already, and limits count what we read
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// send does one exchange and hands back an answer of status 200 and git's own
// content type. The timeout covers the answer until it is closed.
func (r *Remote) send(ctx context.Context, q request) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	req, err := r.newRequest(ctx, q)
	if err != nil {
		cancel()
		return nil, err
	}
	res, err := r.client.Do(req)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	a := &answer{body: res.Body, left: q.limit, cancel: cancel}
	if err := checkAnswer(res, wantType(q)); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (r *Remote) newRequest(ctx context.Context, q request) (*http.Request, error) {
	method := http.MethodGet
	if q.body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, r.url+q.path, bytes.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	if q.body != nil {
		req.Header.Set("Content-Type", "application/x-"+q.service+"-request")
	}
	if q.service == uploadPack { // receive-pack has no version 2
		req.Header.Set("Git-Protocol", "version=2")
	}
	req.Header.Set("Accept", wantType(q))
	req.Header.Set("User-Agent", agentName)
	return req, r.authenticate(req)
}

func wantType(q request) string {
	if q.body == nil {
		return "application/x-" + q.service + "-advertisement"
	}
	return "application/x-" + q.service + "-result"
}

// authenticate reads the credentials anew, so that a rotated token works from
// the next request on.
func (r *Remote) authenticate(req *http.Request) error {
	if r.credentials == "" {
		return nil
	}
	b, err := os.ReadFile(r.credentials)
	if err != nil {
		return fmt.Errorf("read credentials: %w", err)
	}
	secret := strings.TrimSpace(string(b))
	if secret == "" || len(secret) > 4096 || strings.ContainsAny(secret, "\r\n\x00") {
		return fmt.Errorf("read credentials %s: want one line, user:password or a token", r.credentials)
	}
	user, password, ok := strings.Cut(secret, ":")
	if !ok {
		user, password = tokenUser, secret
	}
	req.SetBasicAuth(user, password)
	return nil
}

func checkAnswer(res *http.Response, contentType string) error {
	switch code := res.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fmt.Errorf("%w: HTTP %d", ErrAuth, code)
	case code == http.StatusNotFound, code == http.StatusGone:
		return fmt.Errorf("%w: HTTP %d", ErrNotFound, code)
	case code >= 300 && code < 400:
		return fmt.Errorf("%w to %s: put the address it should have in the configuration", ErrRedirected, locationOf(res))
	case code != http.StatusOK:
		return &StatusError{Code: code, RetryAfter: retryAfter(res.Header)}
	}
	if got := res.Header.Get("Content-Type"); got != contentType {
		return fmt.Errorf("%w: content type %.80q, want %s", ErrNotGit, printable(got), contentType)
	}
	return nil
}

// locationOf is where a redirect points, without what could be a secret in it.
func locationOf(res *http.Response) string {
	u, err := res.Location()
	if err != nil {
		return "nowhere"
	}
	return printable((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, 24*3600)) * time.Second
}

// answer is a response body with a limit that remembers why reading it failed,
// because decoders on top of it may hide the cause.
type answer struct {
	body   io.ReadCloser
	left   int64
	err    error // sticky, io.EOF included
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
func (a *answer) blame(err error, kind Kind) error {
	switch {
	case err == nil:
		return nil
	case a.err != nil && a.err != io.EOF:
		return a.err
	case KindOf(err) != "":
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// Close drains a little, then releases the connection.
func (a *answer) Close() {
	_, _ = io.CopyN(io.Discard, a.body, drainBytes) // best effort: only reuse depends on it
	a.abandon()
}

// abandon drops the connection with whatever the remote is still sending.
func (a *answer) abandon() {
	a.cancel()
	a.body.Close()
}
