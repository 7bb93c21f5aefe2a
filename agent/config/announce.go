package config

import (
	"net/url"
	"time"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/slo"
)

func (r *reader) announce(f announceFile) Announce {
	a := Announce{Template: f.Template.Value}
	a.WebhookFile, a.Webhook = r.webhook(f.WebhookFile, f.Template)
	return a
}

// lockedLeast keeps whoever writes seconds for days from being woken all night.
const lockedLeast = slo.Duration(time.Hour)

func (r *reader) notify(f notifyFile) Notify {
	n := Notify{Template: f.Template.Value, LockedAfter: r.duration(f.LockedAfter, day)}
	n.WebhookFile, n.Webhook = r.webhook(f.WebhookFile, f.Template)
	if n.LockedAfter < lockedLeast {
		r.complain(f.LockedAfter, "a lock would be said again every "+n.LockedAfter.String(), "at least "+lockedLeast.String()+"; 1d unless given")
	}
	return n
}

// webhook reads the address of a chat's webhook from its file, as every secret. What the template amounts to is said by who fills it.
func (r *reader) webhook(file, template diag.Text) (path string, address Secret) {
	if file.Value == "" {
		if template.Value != "" {
			r.complain(diag.Text{Value: "template", At: template.At}, "a template without a webhook is sent to nobody", "add webhook_file: the file that holds the chat's address")
		}
		return "", ""
	}
	path = r.resolve(file.Value)
	address = r.secret(file, path)
	if u, err := url.Parse(string(address)); address != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		r.complain(file, path+" holds no http address", "paste the address that the chat gave for its incoming webhook")
	}
	return path, address
}
