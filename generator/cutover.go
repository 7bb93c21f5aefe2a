package generator

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/coclai/cutover/generator/alertmanager"
	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// cutover settles what the agent needs for the cutover itself.
func (r *resolver) cutover() {
	b := r.bind.Cutover
	if r.given(b.TimeZone, diag.Text{}, "cutover.time_zone") {
		if _, err := time.LoadLocation(b.TimeZone.Value); err != nil {
			r.blame(b.TimeZone, fmt.Sprintf("there is no time zone %q", b.TimeZone.Value), "use the tz database's, for instance Asia/Seoul")
		}
		r.matrix.StableTag.TimeZone = b.TimeZone.Value
	}
	r.matrix.GatesExpire = r.interval(b.GatesExpire, "cutover.gates_expire")
	for _, id := range b.Restored {
		g, known := r.gate(id.Value)
		switch {
		case !known:
			r.blame(id, fmt.Sprintf("there is no gate %q", id.Value), meant(id.Value, r.gateIDs()))
		case g.Pass == slo.PassManual:
			r.blame(id, fmt.Sprintf("gate %s is manual, and a rollback waits for nobody", id.Value), "name gates that run a command")
		}
	}
	if b.Live != nil {
		r.live(*b.Live)
	}
}

func (r *resolver) live(b runbook.LiveBinding) {
	at := diag.Text{At: b.At}
	switch {
	case (b.Query.Value == "") == (b.Run.Value == ""):
		r.blame(at, "`live` needs either `query` or `run`", "a query whose label names the version, or a command that prints it")
	case b.Query.Value != "":
		r.expression(b.Query)
		r.given(b.Label, at, "label")
	case b.Label.Value != "":
		r.blame(b.Label, "`label` belongs to `query`", "drop it")
	}
	r.matrix.Live = &slo.Live{Query: b.Query.Value, Label: b.Label.Value}
	if b.Run.Value == "" {
		return
	}
	c, err := splitCommand(b.Run.Value)
	if err != nil {
		r.problems.Add(r.bind.Within(b.Run, err.offset, 1, "cannot run this without a shell: "+err.message))
	}
	r.matrix.Live.Argv, r.matrix.Live.Env = c.argv, c.env
}

// agent settles where Alertmanager sends the firings that may roll back.
func (r *resolver) agent() {
	b := r.bind.Alertmanager.Agent
	if r.given(b.URL, diag.Text{}, "alertmanager.agent.url") {
		r.webhook(b.URL)
	}
	if r.given(b.CredentialsFile, diag.Text{}, "alertmanager.agent.credentials_file") && !filepath.IsAbs(b.CredentialsFile.Value) {
		r.blame(b.CredentialsFile, "credentials_file is read by Alertmanager, and must be an absolute path", "")
	}
	if slices.Contains(r.base.Receivers(), alertmanager.AgentReceiver) {
		r.blame(r.bind.Alertmanager.Base, fmt.Sprintf("%s has a receiver %q of its own, which is the name that the agent gets",
			r.bind.Alertmanager.Base.Value, alertmanager.AgentReceiver), "rename it, or give the file as it was before it was compiled")
	}
	r.matrix.Agent = slo.AgentReceiver{URL: b.URL.Value, CredentialsFile: b.CredentialsFile.Value}
}

func (r *resolver) webhook(text diag.Text) {
	u, err := url.Parse(text.Value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		r.blame(text, fmt.Sprintf("%q is no address of a webhook", text.Value), "write for instance http://127.0.0.1:9798/api/v1/alerts")
	}
}

// owners settles how each owner is reached. Alertmanager accepts a receiver that reaches nobody; we do not.
func (r *resolver) owners() {
	if len(r.bind.Owners) == 0 {
		r.blame(diag.Text{}, "`owners` is missing", "say how the owners of the table's last column are reached")
	}
	for _, e := range r.bind.Owners {
		o := slo.Owner{Name: e.Key.Value, Receiver: e.Value.Receiver.Value, Webhook: e.Value.Webhook.Value}
		switch {
		case (o.Receiver == "") == (o.Webhook == ""):
			r.blame(e.Key, fmt.Sprintf("owner %q needs either `receiver` or `webhook`", o.Name), "a receiver of alertmanager.base, or an address")
		case o.Receiver != "":
			r.ownerReceiver(e)
		default:
			r.webhook(e.Value.Webhook)
			o.Receiver = r.ownReceiver(e)
		}
		r.matrix.Owners = append(r.matrix.Owners, o)
	}
}

func (r *resolver) ownerReceiver(e diag.Entry[runbook.OwnerBinding]) {
	text, base := e.Value.Receiver, r.bind.Alertmanager.Base
	switch {
	case base.Value == "":
		r.blame(text, fmt.Sprintf("there is no file for receiver %q to be in", text.Value), "name one by `alertmanager.base`, or give `webhook`")
	case !r.base.Given(): // what is wrong with it has been said
	case !slices.Contains(r.base.Receivers(), text.Value):
		r.blame(text, fmt.Sprintf("%s has no receiver %q", base.Value, text.Value), meant(text.Value, r.base.Receivers()))
	case !r.base.Reaches(text.Value):
		r.blame(text, fmt.Sprintf("receiver %q of %s notifies nobody: pages for %q would be dropped", text.Value, base.Value, e.Key.Value),
			"give it an integration, or name another receiver")
	}
}

// ownReceiver is the name of the receiver that we write for an owner with a webhook: the owner's own.
func (r *resolver) ownReceiver(e diag.Entry[runbook.OwnerBinding]) string {
	if slices.Contains(r.base.Receivers(), e.Key.Value) {
		r.blame(e.Value.Webhook, fmt.Sprintf("%s has a receiver %q already", r.bind.Alertmanager.Base.Value, e.Key.Value),
			"write `receiver` with that name")
	}
	return e.Key.Value
}
