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
	"text/template"
	"time"
)

// Message is what a chat's template may speak of.
type Message struct {
	Service, Environment string
	Title, Text          string
	Cutover, Commit, Tag string
}

// ChatTemplate is the body that Slack, Mattermost and their like take.
const ChatTemplate = `{"text": {{json .Text}}}`

// Chat posts messages to one webhook. Its address is a secret: whoever knows it may post, so no error names it.
type Chat struct {
	url    string
	body   *template.Template
	client *http.Client
}

// NewChat makes a chat of an address and a template of the body, in which `json` quotes a text; a template whose body is no JSON is refused.
func NewChat(address, body string, timeout time.Duration) (*Chat, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("the chat's webhook is no http address")
	}
	quote := func(text string) (string, error) {
		quoted, err := json.Marshal(text)
		return string(quoted), err
	}
	t, err := template.New("chat").Option("missingkey=error").Funcs(template.FuncMap{"json": quote}).Parse(body)
	if err != nil {
		return nil, fmt.Errorf("read the chat's template: %w", err)
	}
	c := &Chat{url: address, body: t, client: newClient(timeout)}
	_, err = c.render(Message{Text: `a "quoted" text`})
	return c, err
}

func (c *Chat) render(m Message) ([]byte, error) {
	m.Title, m.Text = text(m.Title), text(m.Text)
	var body bytes.Buffer
	if err := c.body.Execute(&body, m); err != nil {
		return nil, fmt.Errorf("fill the chat's template: %w", err)
	}
	if !json.Valid(body.Bytes()) {
		return nil, errors.New("the chat's template does not give JSON: quote texts with {{json .Text}}")
	}
	return body.Bytes(), nil
}

// Post sends one message. The webhook has it when the answer is 2xx.
func (c *Chat) Post(ctx context.Context, m Message) error {
	body, err := c.render(m)
	if err != nil {
		return err
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
	if answer.StatusCode/100 != 2 {
		why, _ := io.ReadAll(io.LimitReader(answer.Body, 300)) // what can be read of it; the status is the error
		return fmt.Errorf("post to the chat: it answered %s: %.300q", answer.Status, why)
	}
	return nil
}
