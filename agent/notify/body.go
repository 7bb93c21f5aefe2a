package notify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"
)

// ChatTemplate is the body that Slack, Mattermost and their like take.
const ChatTemplate = `{"text": {{json (slack .Text)}}}`

// bodyLimit is more than any chat takes.
const bodyLimit = 64 << 10 // bytes

// body is the template of what is posted. It fills in, and can do nothing else: it reads no file and no environment, and ends.
type body struct{ template *template.Template }

var functions = template.FuncMap{
	"json": func(text string) (string, error) {
		quoted, err := json.Marshal(text)
		return string(quoted), err
	},
	// Slack's own rule; without it <!channel> in a text wakes everybody (api.slack.com, "Formatting text").
	"slack": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace,
}

func parseBody(text string) (*body, error) {
	t, err := template.New("chat").Option("missingkey=error").Funcs(functions).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read the chat's template: %w", err)
	}
	if len(t.Templates()) > 1 || t.Tree == nil {
		return nil, errors.New("the chat's template holds others, and must be one alone")
	}
	return &body{t}, plain(t.Root)
}

// plain refuses what can go on for long: a message holds no lists, so nothing needs a loop, and templates can call themselves.
func plain(n parse.Node) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, one := range n.Nodes {
			if err := plain(one); err != nil {
				return err
			}
		}
	case *parse.IfNode:
		return errors.Join(plain(n.List), plain(n.ElseList))
	case *parse.WithNode:
		return errors.Join(plain(n.List), plain(n.ElseList))
	case *parse.RangeNode, *parse.TemplateNode:
		return fmt.Errorf("the chat's template may fill in, if and with, and no more: %.60s", n)
	}
	return nil
}

// fill is the body of one message.
func (b *body) fill(m Message) ([]byte, error) {
	for _, field := range []*string{&m.Title, &m.Text, &m.About, &m.Incident} {
		*field = text(*field)
	}
	out := &bounded{}
	if err := b.template.Execute(out, m); err != nil {
		return nil, fmt.Errorf("fill the chat's template: %w", err)
	}
	if !json.Valid(out.Bytes()) {
		return nil, errors.New("the chat's template does not give JSON: quote texts with {{json .Text}}")
	}
	return out.Bytes(), nil
}

// bounded takes no more than bodyLimit.
type bounded struct{ bytes.Buffer }

// Write fails when it would be too much.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > bodyLimit {
		return 0, fmt.Errorf("the body is longer than %d bytes", bodyLimit)
	}
	return b.Buffer.Write(p)
}
