package config

import (
	"net/url"

	"github.com/coclai/cutover/generator/diag"
)

// announce reads the address of a chat's webhook from its file, as every secret. What the template amounts to is said by who fills it.
func (r *reader) announce(f announceFile) Announce {
	a := Announce{Template: f.Template.Value}
	if f.WebhookFile.Value == "" {
		if f.Template.Value != "" {
			r.complain(diag.Text{Value: "template", At: f.Template.At}, "a template without a webhook is sent to nobody", "add webhook_file: the file that holds the chat's address")
		}
		return a
	}
	a.WebhookFile = r.resolve(f.WebhookFile.Value)
	a.Webhook = r.secret(f.WebhookFile, a.WebhookFile)
	if u, err := url.Parse(string(a.Webhook)); a.Webhook != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		r.complain(f.WebhookFile, a.WebhookFile+" holds no http address", "paste the address that the chat gave for its incoming webhook")
	}
	return a
}
