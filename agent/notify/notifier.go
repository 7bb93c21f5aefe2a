// Package notify speaks to people by two paths. Pages are alerts to the user's own Alertmanager, which knows whom to call, when, and who has
// silenced what. Every page is sent to every Alertmanager: members of a cluster do not pass alerts on to each other. Messages go to the
// webhook of a chat, in whatever form its template gives them.
//
// It keeps nothing and repeats nothing. A page lasts until its end time, so whoever wants it to stay sends it again before that, from
// what the ledger says is open; after a crash nothing needs to be remembered. What of the messages has arrived is in the ledger, too
// (rollback.Outbox). Pages carry rollback="none": the agent never acts on its own alerts. A template can fill in and nothing else: it
// reads no file and no variable, and ends. Addresses of webhooks are secrets, and in no error.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Notifier sends pages to all Alertmanagers of an environment. It is safe for concurrent use.
type Notifier struct {
	urls   []string
	client *http.Client
}

// New makes a notifier for the base URLs of Alertmanagers; timeout bounds each request.
func New(urls []string, timeout time.Duration) (*Notifier, error) {
	if len(urls) == 0 || timeout <= 0 {
		return nil, errors.New("a notifier needs an alertmanager and a timeout")
	}
	n := &Notifier{client: newClient(timeout)}
	for _, u := range urls {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
			return nil, fmt.Errorf("alertmanager: %.200q is no http address", u)
		}
		n.urls = append(n.urls, strings.TrimRight(u, "/"))
	}
	return n, nil
}

// newClient speaks to the configured host and to nobody else: no redirects, no proxy from the environment.
func newClient(timeout time.Duration) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	return &http.Client{
		Timeout:       timeout,
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Undelivered is a sending that did not reach every Alertmanager. Reached > 0: the cluster has the pages, if its routes work.
type Undelivered struct {
	Reached int
	Causes  []error // one for each that was not reached
}

// Error names each Alertmanager that was not reached, and why.
func (u *Undelivered) Error() string { return errors.Join(u.Causes...).Error() }

// Unwrap are the causes.
func (u *Undelivered) Unwrap() []error { return u.Causes }

// Send posts all pages to every Alertmanager at the same time, so that a hung one does not delay the others. A page that is not
// well-formed is refused before anything is sent; otherwise the error is a *Undelivered.
func (n *Notifier) Send(ctx context.Context, pages []Page) error {
	if len(pages) == 0 {
		return nil
	}
	now, alerts := time.Now(), make([]alert, 0, len(pages))
	for _, p := range pages {
		if err := p.validate(); err != nil {
			return fmt.Errorf("page %s: %w", p.Name, err)
		}
		alerts = append(alerts, p.alert(now))
	}
	body, err := json.Marshal(alerts)
	if err != nil {
		return fmt.Errorf("encode pages: %w", err)
	}
	return n.postAll(ctx, body)
}

func (n *Notifier) postAll(ctx context.Context, body []byte) error {
	outcomes := make([]error, len(n.urls))
	var all sync.WaitGroup
	for i, u := range n.urls {
		all.Go(func() { outcomes[i] = n.post(ctx, u, body) })
	}
	all.Wait()
	failed := &Undelivered{}
	for i, err := range outcomes {
		if err == nil {
			failed.Reached++
			continue
		}
		failed.Causes = append(failed.Causes, fmt.Errorf("page through %s: %w", n.urls[i], err))
	}
	if len(failed.Causes) == 0 {
		return nil
	}
	return failed
}

func (n *Notifier) post(ctx context.Context, base string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/api/v2/alerts", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := n.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(answer.Body, 300)) // what can be read of it; the status is the error
		return fmt.Errorf("it answered %s: %.300q", answer.Status, why)
	}
	return nil
}
