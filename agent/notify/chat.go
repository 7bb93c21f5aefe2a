package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Message is what a chat's template may speak of.
type Message struct {
	ID                   string // the same when it is sent again; "" for an announcement
	At                   string // RFC 3339
	Service, Environment string
	Subject, Severity    string // as of rollback.Message
	Incident, About      string // likewise
	Title, Text          string
	Cutover, Commit, Tag string // of an announcement
}

// Chat posts messages to one webhook. Its address is a secret: whoever knows it may post, so no error names it.
type Chat struct {
	url    string
	body   *body
	client *http.Client
}

// NewChat makes a chat of an address and a template of the body, in which `json` quotes a text and `slack` keeps Slack from reading it as
// commands. A template whose body is no JSON is refused, and one that could do more than fill in.
func NewChat(address, template string, timeout time.Duration) (*Chat, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("the chat's webhook is no http address")
	}
	b, err := parseBody(template)
	if err != nil {
		return nil, err
	}
	c := &Chat{url: address, body: b, client: newClient(timeout)}
	if _, err := c.Sample(); err != nil {
		return nil, err
	}
	if _, err := b.fill(sparse()); err != nil {
		return nil, fmt.Errorf("a message without what not every one has (Cutover, Commit, Tag, Incident, About): %w", err)
	}
	return c, nil
}

// Sample is the body of a message as it might be, for whoever has written the template.
func (c *Chat) Sample() ([]byte, error) { return c.body.fill(sample) }

var sample = Message{ID: "checkout/production/42", At: "2026-03-01T02:11:30Z", Service: "checkout", Environment: "production", Subject: "rolled_back",
	Severity: "page", Incident: "inc-20260301T020000Z-0a1b2c3d", About: "api-error-rate", Title: "checkout/production: rolled back",
	Text: `a "quoted" text, <of> two` + "\nlines", Cutover: "cutover-20260301", Commit: "0a1b2c3d", Tag: "pre-bigbang-cutover-20260301"}

// sparse is a message with nothing that not every one has: who cuts a commit short must ask first whether there is one.
func sparse() Message {
	m := sample
	m.Cutover, m.Commit, m.Tag, m.Incident, m.About = "", "", "", "", ""
	return m
}

// Unfilled is that the template cannot be filled with a message: it was not sent, and sending it again is of no use.
type Unfilled struct{ err error }

// Error says what of the template is wrong.
func (u *Unfilled) Error() string { return u.err.Error() }

// Unwrap is what was wrong.
func (u *Unfilled) Unwrap() error { return u.err }

// Refused is the answer of a webhook that did not take a message.
type Refused struct {
	Status int
	Text   string
	After  time.Duration // it asks to be left alone for so long; 0 when it does not say
}

// Error has the status and what can be read of the answer.
func (r *Refused) Error() string {
	status := fmt.Sprintf("it answered %d %s", r.Status, http.StatusText(r.Status))
	if r.Text == "" {
		return status
	}
	return fmt.Sprintf("%s: %.300q", status, r.Text)
}

// Unfit says whether the webhook will not have this one message, however often it is sent; it may take the next.
func (r *Refused) Unfit() bool {
	return r.Status == http.StatusBadRequest || r.Status == http.StatusRequestEntityTooLarge || r.Status == http.StatusUnprocessableEntity
}

// Post sends one message. The webhook has it when the answer is 2xx; any other is a *Refused. What
// the template cannot be filled with is *Unfilled.
func (c *Chat) Post(ctx context.Context, m Message) error {
	body, err := c.body.fill(m)
	if err != nil {
		return &Unfilled{err}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("the chat's webhook is no http address")
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.client.Do(request)
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the address
	}
	if err != nil {
		return fmt.Errorf("post to the chat: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 == 2 {
		return nil
	}
	why, _ := io.ReadAll(io.LimitReader(answer.Body, 300)) // what can be read of it; the status is the error
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	return fmt.Errorf("post to the chat: %w", &Refused{Status: answer.StatusCode, Text: string(why), After: time.Duration(max(seconds, 0)) * time.Second})
}
