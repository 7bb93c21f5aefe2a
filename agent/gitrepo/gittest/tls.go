package gittest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TLS is the same server behind https, with a certificate that no system trusts.
type TLS struct {
	URL                      string
	CAFile                   string // trusts the server
	CertificateFile, KeyFile string // a client's that the server asks for
}

// TLS starts it; every client must show the certificate. It stops with the test.
func (s *Server) TLS(t testing.TB) TLS {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "agent"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(s)
	clients := x509.NewCertPool()
	clients.AddCert(certificate)
	web.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // refused clients are what tests are about
	web.StartTLS()
	t.Cleanup(web.Close)
	folder := t.TempDir()
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return TLS{
		URL:             strings.TrimSuffix(web.URL, "/") + "/repo.git",
		CAFile:          write("ca.pem", "CERTIFICATE", web.Certificate().Raw),
		CertificateFile: write("client.pem", "CERTIFICATE", der),
		KeyFile:         write("client.key", "PRIVATE KEY", key),
	}
}
