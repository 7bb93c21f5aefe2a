package gitrepo

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// web is the transport over http(s).
type web struct {
	url         string
	credentials string // file, "" for none
	bearer      bool
	client      *http.Client
}

// newWeb makes the remote's one http.Client. It follows no redirect: where
// credentials go is said in the configuration, not by a server.
func newWeb(c Config) (*web, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true // packs are compressed already, and limits count what we read
	trust, err := c.TLS.config()
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig = trust
	if c.Proxy != "" {
		u, err := url.Parse(c.Proxy)
		if err != nil {
			return nil, err
		}
		t.Proxy = http.ProxyURL(u)
	}
	return &web{url: strings.TrimSuffix(c.URL, "/"), credentials: c.CredentialsFile, bearer: c.Bearer, client: &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// config trusts the system's authorities and the private one. The certificate is
// read anew for every connection, so that renewal needs no restart.
func (s TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read CA: %w", err)
		}
		if c.RootCAs, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("read the system's CAs: %w", err)
		}
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read CA %s: no certificate in PEM form in it", s.CAFile)
		}
	}
	if s.CertificateFile == "" {
		return c, nil
	}
	if _, err := tls.LoadX509KeyPair(s.CertificateFile, s.KeyFile); err != nil {
		return nil, fmt.Errorf("read client certificate: %w", err)
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(s.CertificateFile, s.KeyFile)
		return &pair, err
	}
	return c, nil
}

func (w *web) idle() { w.client.CloseIdleConnections() }

// exchange hands back an answer of status 200 and git's own content type.
func (w *web) exchange(ctx context.Context, q request) (*answer, error) {
	req, hides, err := w.newRequest(ctx, q)
	if err != nil {
		return nil, err
	}
	res, err := w.client.Do(req)
	if err != nil {
		return nil, hides.err(unreached(err))
	}
	if err := checkAnswer(res, wantType(q)); err != nil {
		res.Body.Close()
		return nil, hides.err(err)
	}
	date, _ := http.ParseTime(res.Header.Get("Date")) // zero without one
	return &answer{body: res.Body, left: q.limit, hides: hides, date: date}, nil
}

// unreached tells a server that cannot prove who it is, which stays so, from one
// that did not answer.
func unreached(err error) error {
	var bad *tls.CertificateVerificationError
	if errors.As(err, &bad) {
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func (w *web) newRequest(ctx context.Context, q request) (*http.Request, concealment, error) {
	method, path := http.MethodPost, "/"+q.service
	if q.body == nil {
		method, path = http.MethodGet, "/info/refs?service="+q.service
	}
	req, err := http.NewRequestWithContext(ctx, method, w.url+path, bytes.NewReader(q.body))
	if err != nil {
		return nil, concealment{}, err
	}
	if q.body != nil {
		req.Header.Set("Content-Type", "application/x-"+q.service+"-request")
	}
	if q.service == uploadPack && !q.v0 { // receive-pack has no version 2
		req.Header.Set("Git-Protocol", "version=2")
	}
	req.Header.Set("Accept", wantType(q))
	req.Header.Set("User-Agent", agentName)
	hides, err := w.authenticate(req)
	return req, hides, err
}

func wantType(q request) string {
	if q.body == nil {
		return "application/x-" + q.service + "-advertisement"
	}
	return "application/x-" + q.service + "-result"
}

// authenticate reads the credentials anew, so that a rotated token works from
// the next request on.
func (w *web) authenticate(req *http.Request) (concealment, error) {
	if w.credentials == "" {
		return concealment{}, nil
	}
	b, err := os.ReadFile(w.credentials)
	if err != nil {
		return concealment{}, fmt.Errorf("read credentials: %w", err)
	}
	secret := strings.TrimSpace(string(b))
	if secret == "" || len(secret) > 4096 || strings.ContainsAny(secret, "\r\n\x00") {
		return concealment{}, fmt.Errorf("read credentials %s: want one line, user:password or a token", w.credentials)
	}
	user, password, ok := strings.Cut(secret, ":")
	if !ok || w.bearer {
		user, password = tokenUser, secret
	}
	if w.bearer {
		req.Header.Set("Authorization", "Bearer "+secret)
	} else {
		req.SetBasicAuth(user, password)
	}
	return conceal(user, password), nil
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
