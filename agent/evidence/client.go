package evidence

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Endpoint is one HTTP API: http or https URL, and how long one request may take.
type Endpoint struct {
	URL     string
	Timeout time.Duration
}

// answerLimit is what is read of one answer: 10,000 alerts are 6.4 MB, a range of 11,000 points 300 kB.
const answerLimit = 32 << 20

// ErrTooLarge is an answer of more than 32 MiB: nobody's evidence, and a danger to the memory.
var ErrTooLarge = errors.New("the answer is larger than 32 MiB")

func (e Endpoint) validate() error {
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("%.200q is no http address", e.URL)
	}
	if e.Timeout <= 0 {
		return fmt.Errorf("no timeout is given for %s", e.URL)
	}
	return nil
}

// base is the URL without a slash at its end.
func (e Endpoint) base() string { return strings.TrimRight(e.URL, "/") }

// newClient makes a client that speaks to the configured host and to nobody else: no redirects, no proxy from the environment.
func newClient(timeout time.Duration) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	return &http.Client{
		Timeout:       timeout,
		Transport:     limited{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// limited cuts every answer with ErrTooLarge.
type limited struct{ next http.RoundTripper }

// RoundTrip is the next one's, with a limit on the body.
func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.next.RoundTrip(r)
	if err == nil {
		answer.Body = &limitedBody{answer.Body, answerLimit}
	}
	return answer, err
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

// Read fails beyond the limit, where io.LimitReader would pretend that the answer ended.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
