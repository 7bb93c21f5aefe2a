package gitrepo_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

func TestBearerToken(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, nil)
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "wrong\n")
	r := openWith(t, gitrepo.Config{URL: g.URL, CredentialsFile: path, Bearer: true})
	if _, err := r.Push(context.Background(), p); gitrepo.KindOf(err) != gitrepo.ErrAuth {
		t.Errorf("wrong: %v", err)
	}
	write(t, path, "token\n")
	if out, err := r.Push(context.Background(), p); err != nil || out.Outcome != gitrepo.Done {
		t.Errorf("right: %+v, %v", out, err)
	}
}

func TestTLS(t *testing.T) {
	g := newRig(t)
	s := g.TLS(t)
	creds := g.Credentials(t, "agent")
	for name, c := range map[string]struct {
		tls  gitrepo.TLS
		want gitrepo.Kind
	}{
		"private CA, client certificate": {gitrepo.TLS{CAFile: s.CAFile, CertificateFile: s.CertificateFile, KeyFile: s.KeyFile}, ""},
		"unknown CA":                     {gitrepo.TLS{CertificateFile: s.CertificateFile, KeyFile: s.KeyFile}, gitrepo.ErrIdentity},
		"no client certificate":          {gitrepo.TLS{CAFile: s.CAFile}, gitrepo.ErrUnavailable},
	} {
		r := openWith(t, gitrepo.Config{URL: s.URL, CredentialsFile: creds, TLS: c.tls})
		if err := r.Probe(context.Background()); gitrepo.KindOf(err) != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	r := openWith(t, gitrepo.Config{URL: s.URL, CredentialsFile: creds, TLS: gitrepo.TLS{CAFile: s.CAFile, CertificateFile: s.CertificateFile, KeyFile: s.KeyFile}})
	g.remote = r
	if out := g.push(t, g.rollback(t, nil)); out.Outcome != gitrepo.Done {
		t.Errorf("got %+v", out)
	}
}

func TestHTTPProxy(t *testing.T) {
	g := newRig(t)
	var plain, tunnels atomic.Int32
	forward := &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) { plain.Add(1) }}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			tunnels.Add(1)
			tunnel(w, r)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	creds := g.Credentials(t, "agent")
	r := openWith(t, gitrepo.Config{URL: g.URL, CredentialsFile: creds, Proxy: proxy.URL})
	if _, err := r.Tip(context.Background()); err != nil || plain.Load() == 0 {
		t.Errorf("http: %v, %d requests through the proxy", err, plain.Load())
	}
	s := g.TLS(t)
	r = openWith(t, gitrepo.Config{URL: s.URL, CredentialsFile: creds, Proxy: proxy.URL,
		TLS: gitrepo.TLS{CAFile: s.CAFile, CertificateFile: s.CertificateFile, KeyFile: s.KeyFile}})
	if _, err := r.Tip(context.Background()); err != nil || tunnels.Load() == 0 {
		t.Errorf("https: %v, %d tunnels", err, tunnels.Load())
	}
	r.Close()
}

func tunnel(w http.ResponseWriter, r *http.Request) {
	far, err := net.Dial("tcp", r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer far.Close()
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer near.Close()
	_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(far, near); far.Close() }()
	_, _ = io.Copy(near, far)
}

// TestRedirectTakesNothingAlong: the server redirected to sees no request at all,
// let alone the credentials.
func TestRedirectTakesNothingAlong(t *testing.T) {
	g := newRig(t)
	var seen atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
	defer elsewhere.Close()
	for _, to := range []string{elsewhere.URL + "/repo.git/info/refs?service=git-upload-pack", g.URL + "/elsewhere", "//" + mustHost(t, elsewhere.URL) + "/x"} {
		g.Break(gittest.Read, gittest.Redirect(to))
		_, err := open(t, g.Server, "agent").Tip(context.Background())
		if gitrepo.KindOf(err) != gitrepo.ErrRedirected || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", to, err)
		}
	}
	if n := seen.Load(); n > 0 {
		t.Errorf("%d requests followed the redirect", n)
	}
}

func mustHost(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
