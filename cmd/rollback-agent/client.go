package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/web"
)

const (
	patience    = 70 * time.Second // longer than the daemon's write timeout: its answer tells more than our own
	answerLimit = 64 << 20         // a state is small, a history of 1,000 entries may hold bodies
)

// client speaks to the daemon as whoever holds the token.
type client struct {
	url, tokenFile, environment string
}

// do asks for a deed in the environment of the flags.
func (c *client) do(ctx context.Context, deed release.Deed) (release.Answer, error) {
	deed.Environment = c.environment
	body, err := json.Marshal(deed)
	if err != nil {
		return release.Answer{}, fmt.Errorf("write deed: %w", err)
	}
	var answer release.Answer
	err = c.call(ctx, http.MethodPost, "/api/v1/deeds", body, &answer)
	return answer, err
}

// ask reads something; the query's empty values are left out.
func (c *client) ask(ctx context.Context, path string, query map[string]string, into any) error {
	return c.call(ctx, http.MethodGet, withQuery(path, query), nil, into)
}

func withQuery(path string, query map[string]string) string {
	values := url.Values{}
	for name, value := range query {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// call makes one request. The answer is read into a value, or becomes a failure.
func (c *client) call(ctx context.Context, method, path string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.exchange(ctx, method, path, body, func(answer io.Reader) error {
		text, err := io.ReadAll(answer)
		if err != nil {
			return unable("the agent's answer ended early: "+cause(err), "ask again: `rollback-agent status` shows what was done")
		}
		if err := json.Unmarshal(text, into); err != nil {
			return unable(c.url+" does not answer like a rollback-agent", "check --agent.url")
		}
		return nil
	})
}

// exchange makes one request. The answer is read as it comes, or becomes a failure.
func (c *client) exchange(ctx context.Context, method, path string, body []byte, read func(answer io.Reader) error) error {
	request, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	// A redirect would carry the token elsewhere, and the agent never sends one.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := (&http.Client{CheckRedirect: stay}).Do(request)
	if err != nil {
		return unable("the agent cannot be reached: "+cause(err), "is `rollback-agent serve` running? its address is --agent.url or ROLLBACK_AGENT_URL")
	}
	defer response.Body.Close()
	answer := io.LimitReader(response.Body, answerLimit)
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer) // what can be read of it; the status is the answer
		return refusalOf(response, text)
	}
	return read(answer)
}

func (c *client) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	base, err := url.Parse(c.url)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || base.User != nil {
		return nil, unable("--agent.url is not an http or https URL without user", "for example http://127.0.0.1:9798")
	}
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.url, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", path, err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	return request, nil
}

func (c *client) token() (string, error) {
	if c.tokenFile == "" {
		return "", unable("no token: the agent wants to know who asks", "name your token's file with --token-file or ROLLBACK_AGENT_TOKEN_FILE")
	}
	content, err := os.ReadFile(c.tokenFile)
	if err != nil {
		return "", unable("the token cannot be read: "+err.Error(), "name your token's file with --token-file or ROLLBACK_AGENT_TOKEN_FILE")
	}
	return strings.TrimSpace(string(content)), nil
}

// refusalOf reads the body of a no. Something else than the agent may have answered: then the status must do.
func refusalOf(response *http.Response, text []byte) error {
	var r web.Refusal
	if err := json.Unmarshal(text, &r); err != nil || r.Message == "" {
		r = web.Refusal{Message: "the agent answered " + response.Status, Hint: "check --agent.url"}
		return unable(r.Message, r.Hint)
	}
	return &failure{exitOf(response.StatusCode), r.Message, r.Hint}
}

// cause leaves out the method and the URL, which the hint names better.
func cause(err error) string {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err.Error()
	}
	return err.Error()
}
