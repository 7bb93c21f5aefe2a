package web

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         ed25519.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, private}
}

// signs makes a client's certificate.
func (a authority) signs(t *testing.T, names x509.Certificate) tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	names.SerialNumber, names.NotBefore, names.NotAfter = big.NewInt(2), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	names.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, &names, a.certificate, public, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

func TestACertificateIsAToken(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	m := &memory{}
	options := optionsFor(m)
	options.Tokens = func() []Token {
		return append(someTokens(), Token{Name: "lee", Certificate: "lee.example.org", May: []string{"read", "operate"}},
			Token{Name: "am", Certificate: "spiffe://example.org/alertmanager", May: []string{"alerts"}}, Token{Name: "none", May: []string{"read", "operate"}})
	}
	server := httptest.NewUnstartedServer(New(options))
	pool := x509.NewCertPool()
	pool.AddCert(ours.certificate)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, ClientCAs: pool}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	verified := httptest.NewUnstartedServer(New(func() Options { o := options; o.Registry = optionsFor(m).Registry; return o }()))
	verified.TLS = &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool}
	verified.Config.ErrorLog = server.Config.ErrorLog
	verified.StartTLS()
	t.Cleanup(verified.Close)

	spiffe, err := url.Parse("spiffe://example.org/alertmanager")
	if err != nil {
		t.Fatal(err)
	}
	lee := ours.signs(t, x509.Certificate{DNSNames: []string{"other.example.org", "lee.example.org"}})
	page := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}
	for name, c := range map[string]struct {
		server       *httptest.Server
		certificate  tls.Certificate
		method, path string
		header       http.Header
		want         int
	}{
		"a subject alternative name":             {verified, lee, "GET", "/api/v1/state", nil, 200},
		"the page":                               {verified, lee, "GET", "/", nil, 200},
		"a common name":                          {verified, ours.signs(t, x509.Certificate{Subject: pkix.Name{CommonName: "lee.example.org"}}), "GET", "/api/v1/state", nil, 200},
		"a common name beside others":            {verified, ours.signs(t, x509.Certificate{Subject: pkix.Name{CommonName: "lee.example.org"}, DNSNames: []string{"x"}}), "GET", "/api/v1/state", nil, 401},
		"a URI, and a scope that it has":         {verified, ours.signs(t, x509.Certificate{URIs: []*url.URL{spiffe}}), "POST", "/api/v1/alerts", nil, 200},
		"a URI, and a scope that it has not":     {verified, ours.signs(t, x509.Certificate{URIs: []*url.URL{spiffe}}), "GET", "/api/v1/state", nil, 403},
		"the names of two":                       {verified, ours.signs(t, x509.Certificate{DNSNames: []string{"lee.example.org"}, URIs: []*url.URL{spiffe}}), "GET", "/api/v1/state", nil, 401},
		"nobody's name":                          {verified, ours.signs(t, x509.Certificate{DNSNames: []string{"kim"}}), "GET", "/api/v1/state", nil, 401},
		"no name":                                {verified, ours.signs(t, x509.Certificate{}), "GET", "/api/v1/state", nil, 401},
		"another authority, where it is let in":  {server, theirs.signs(t, x509.Certificate{DNSNames: []string{"lee.example.org"}}), "GET", "/api/v1/state", nil, 401},
		"a deed":                                 {verified, lee, "POST", "/api/v1/deeds", nil, 200},
		"a deed that a foreign page makes it do": {verified, lee, "POST", "/api/v1/deeds", page, 401},
		"a reload that a page makes it do":       {verified, lee, "POST", "/-/reload", http.Header{"Origin": {"null"}}, 401},
		"a wrong token beside it":                {verified, lee, "GET", "/api/v1/state", with("guess"), 401},
		"an empty token beside it":               {verified, lee, "GET", "/", http.Header{"Authorization": {""}}, 401},
	} {
		transport := c.server.Client().Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.Certificates = []tls.Certificate{c.certificate}
		request, err := http.NewRequest(c.method, c.server.URL+c.path, strings.NewReader(`{"act":"stable"}`))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range c.header {
			request.Header[k] = v
		}
		response, err := (&http.Client{Transport: transport}).Do(request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		response.Body.Close()
		transport.CloseIdleConnections()
		if response.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", name, response.StatusCode, c.want)
		}
	}
	if len(m.deeds) != 1 || m.deeds[0].Author != "lee" || len(m.received) != 1 || m.received[0].source != "am" {
		t.Errorf("deeds %+v, received %+v", m.deeds, m.received)
	}
}

// TestBothSecretsOfATokenAreOnePerson: while a secret is exchanged both are good, and a session ends with the secret it was begun with.
func TestBothSecretsOfATokenAreOnePerson(t *testing.T) {
	const old, fresh = "the-old-secret-of-kim", "the-new-secret-of-kim"
	secrets := []string{fresh, old}
	m := &memory{view: View{State: rolledBack()}}
	server := serving(t, m, func(o *Options) {
		o.Tokens = func() (all []Token) {
			for _, s := range secrets {
				all = append(all, Token{Name: "kim", Secret: s, May: []string{"read", "operate"}})
			}
			return all
		}
	})
	begun := signInAs(t, server, old)
	for _, secret := range secrets {
		send(t, server, sent{"POST", "/api/v1/deeds", with(secret), `{"act":"stable"}`})
	}
	if len(m.deeds) != 2 || m.deeds[0].Author != "kim" || m.deeds[1].Author != "kim" {
		t.Errorf("%+v", m.deeds)
	}
	if response, _ := send(t, server, sent{"GET", "/", cookie(begun), ""}); response.StatusCode != 200 {
		t.Errorf("a session of the old secret: %d", response.StatusCode)
	}
	secrets = secrets[:1]
	if response, _ := send(t, server, sent{"GET", "/", cookie(begun), ""}); response.StatusCode != 401 {
		t.Errorf("a session of a secret that is gone: %d", response.StatusCode)
	}
	if response, _ := send(t, server, sent{"GET", "/api/v1/state", with(old), ""}); response.StatusCode != 401 {
		t.Errorf("the old secret: %d", response.StatusCode)
	}
}
