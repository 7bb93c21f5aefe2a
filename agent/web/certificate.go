package web

import (
	"crypto/x509"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"
)

// certified is the token of whoever has shown a client certificate that the listener's authorities signed. A browser shows it of its own accord,
// whatever page made it ask: what a page can send is not believed for its certificate, unless it changes nothing.
func (s *server) certified(r *http.Request) (found Token, ok bool) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || fromBrowser(r) && !harmless(r.Method) {
		return Token{}, false
	}
	names := namesIn(r.TLS.VerifiedChains[0][0])
	for _, token := range s.Tokens() {
		if token.Certificate == "" || !slices.Contains(names, token.Certificate) {
			continue
		}
		if ok && found.Name != token.Name {
			return Token{}, false // a certificate with the names of two persons is nobody's
		}
		found, ok = token, true
	}
	return found, ok
}

// namesIn are the subject alternative names; of a certificate without any, the common name.
func namesIn(c *x509.Certificate) []string {
	names := slices.Concat(c.DNSNames, c.EmailAddresses)
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = []string{c.Subject.CommonName}
	}
	return names
}

// fromBrowser says whether a browser says that it sent the request. Every one that sends a form or a script's request says Origin.
func fromBrowser(r *http.Request) bool {
	return len(r.Header.Values("Sec-Fetch-Site"))+len(r.Header.Values(echo.HeaderOrigin)) > 0
}

func harmless(method string) bool { return method == http.MethodGet || method == http.MethodHead }
