// Package config reads the agent's configuration: one YAML file, the plans it names and the files that hold its secrets. All that is
// wrong is reported at once, with its place and what to write instead; a configuration without diagnostics is valid, and later stages do
// not check it again.
//
// Secrets come from files only, print as *** and are never part of what Masked returns. A file that somebody besides root and the agent's user could
// have written, or exchanged, is not read, nor a secret that anybody else can read: see take. The package expands no variables, reads no
// environment and asks no network: that a Prometheus or a git remote answers is found out by those who speak to it.
package config

import (
	"cmp"
	"time"

	"github.com/coclai/cutover/generator/slo"
	"go.yaml.in/yaml/v4"
)

// Version is the version of the file's format that this program reads.
const Version = 1

// Config is a valid configuration. Paths are absolute or relative to the working directory: those in the file were relative to it.
type Config struct {
	Version        int           `yaml:"version"`
	Storage        Storage       `yaml:"storage"`
	Ledger         Ledger        `yaml:"ledger,omitempty"`
	Logs           string        `yaml:"logs,omitempty"`             // folder that holds the logs of gates; beside the ledger unless given
	Reports        string        `yaml:"reports,omitempty"`          // folder that holds the reports of cutovers; beside the ledger unless given
	MaxMode        slo.Mode      `yaml:"max_mode"`                   // no trigger may do more than this
	KillSwitchFile string        `yaml:"kill_switch_file,omitempty"` // while it exists: decide and record, act on nothing
	Budget         Total         `yaml:"budget,omitempty"`
	Web            Web           `yaml:"web"`
	Environments   []Environment `yaml:"environments"` // at least one; no two of one name
}

// Storage is where the ledger lives: in a file of this agent's, or in a database that several agents share. Either is set.
type Storage struct {
	SQLite          string       `yaml:"sqlite,omitempty"`
	PostgresDSNFile string       `yaml:"postgres_dsn_file,omitempty"`
	Lease           slo.Duration `yaml:"lease,omitempty"` // for how long an agent that is not heard of keeps the others from acting; 15s unless given
	DSN             Secret       `yaml:"-"`               // the file's content: postgres://USER:PASSWORD@HOST/DATABASE, or key=value pairs
}

// Ledger is how the ledger is kept.
type Ledger struct {
	Retention slo.Duration `yaml:"retention,omitempty"` // entries older than that are cut off, but none of an open incident; 0: never
}

// Web is who may speak to the agent.
type Web struct {
	Tokens []Token `yaml:"tokens"` // no two of one name or one secret
}

// Token names a person or a machine. The name is the author of every deed, and the source of every episode. It is known by a secret, while
// secrets are exchanged by either of two, or by a client certificate.
type Token struct {
	Name        string   `yaml:"name"`
	File        string   `yaml:"file,omitempty"`
	Files       []string `yaml:"files,omitempty"`       // instead of File: two, both valid, the new one and the old one
	Certificate string   `yaml:"certificate,omitempty"` // a name in a certificate that the web configuration's authorities signed: of its subject alternative names, else its common name
	May         []Scope  `yaml:"may"`
	Secrets     []Secret `yaml:"-"` // of the file or files; each at least 16 bytes of visible ASCII

	Environments []string `yaml:"environments,omitempty"` // service/environment, each configured: the token is good for these alone; empty: for all
}

// Environment is one service in one environment: what is watched, and the branch that can be put back.
type Environment struct {
	Service       string     `yaml:"service"`
	Environment   string     `yaml:"environment"`
	PlanFile      string     `yaml:"plan"`
	Plan          slo.Plan   `yaml:"-"` // read and valid; of this service and environment
	Prometheus    Endpoint   `yaml:"prometheus"`
	Alertmanagers []Endpoint `yaml:"alertmanagers"` // at least one
	Git           Git        `yaml:"git"`
	Budget        Budget     `yaml:"budget"`
	Arm           Arm        `yaml:"arm"`
	Drill         Drill      `yaml:"drill,omitempty"`
	Announce      Announce   `yaml:"announce,omitempty"`
	Notify        Notify     `yaml:"notify"`
}

// Name is service/environment, as in the ledger.
func (e Environment) Name() string { return e.Service + "/" + e.Environment }

// Endpoint is an HTTP API: an http or https URL without user, query or fragment.
type Endpoint struct {
	URL     string       `yaml:"url"`
	Timeout slo.Duration `yaml:"timeout"` // of one request; 10s unless given
}

// Git is the remote and the branch that is production.
type Git struct {
	URL             string     `yaml:"url"` // https or http without user, or ssh://user@host/path, or user@host:path
	Branch          string     `yaml:"branch"`
	CredentialsFile string     `yaml:"credentials_file,omitempty"` // user:password, or a token alone; "": none
	Transport       Transport  `yaml:",inline"`
	Read            ReadAccess `yaml:"read,omitempty"` // for checkouts that gates run in
	Author          Author     `yaml:"author"`
	Paths           []string   `yaml:"paths,omitempty"`            // put back by a rollback; empty: the whole tree
	SigningKeyFile  string     `yaml:"signing_key_file,omitempty"` // an SSH or OpenPGP key without passphrase; "": nothing is signed
	StableTags      StableTags `yaml:"stable_tags,omitempty"`
	MarkerTags      bool       `yaml:"marker_tags,omitempty"` // each rollback's commit gets a tag rollback-agent/INCIDENT
	SigningKey      Secret     `yaml:"-"`
	Credentials     Secret     `yaml:"-"` // the file's content when it was read
}

// CredentialsFrom is the file or the socket that the agent's credentials come from, "" if it has none.
func (g Git) CredentialsFrom() string {
	return cmp.Or(g.CredentialsFile, g.Transport.SSH.KeyFile, g.Transport.SSH.AgentSocket)
}

// ReadAccess is how gates' checkouts read the repository: never with the credentials that may push.
type ReadAccess struct {
	URL             string `yaml:"url,omitempty"`              // git.url unless given
	CredentialsFile string `yaml:"credentials_file,omitempty"` // for http and https, as git.credentials_file
	KeyFile         string `yaml:"key_file,omitempty"`         // for ssh: a private key that may only read
	Credentials     Secret `yaml:"-"`
	Key             Secret `yaml:"-"`
}

// StableTags is what makes a tag one that can be returned to. With either file, an unsigned or foreign-signed tag is none.
type StableTags struct {
	SignersFile string `yaml:"signers_file,omitempty"`         // as git's gpg.ssh.allowedSignersFile
	KeyringFile string `yaml:"openpgp_keyring_file,omitempty"` // public keys, armored or not
	Signers     []byte `yaml:"-"`
	Keyring     []byte `yaml:"-"`

	Refuse    []string  `yaml:"refuse,omitempty"`     // tags, and commits by their 40 digits, that are never gone back to: they have a known hole
	NotBefore string    `yaml:"not_before,omitempty"` // date, or RFC 3339: no tag on an older commit is gone back to
	Floor     time.Time `yaml:"-"`                    // the same; zero without
}

// Author signs the agent's commits with name and address.
type Author struct {
	Name  string `yaml:"name"`
	Email string `yaml:"email"`
}

// Budget is how many automatic rollbacks there may be; 0 allows none.
type Budget struct {
	PerRelease int          `yaml:"per_release"` // 0 or 1
	PerDay     int          `yaml:"per_day"`
	Cooldown   slo.Duration `yaml:"cooldown"` // after a rollback: for so long, none of the next release without a person
}

// Total is how many automatic rollbacks there may be in all environments together: a storm of alerts is no storm of rollbacks.
type Total struct {
	PerDay int `yaml:"per_day,omitempty"` // 5 unless given; 0 in a Config that was not read: no limit
}

// Arm is for how long after T0 a firing may roll back or propose to; later it only pages.
type Arm struct {
	Auto     slo.Duration `yaml:"auto"`
	Propose  slo.Duration `yaml:"propose"`
	Approval slo.Duration `yaml:"approval"` // for how long a proposal can be approved; then it is made again, or lapses
}

// Announce is whom a cutover is announced to besides Alertmanager.
type Announce struct {
	WebhookFile string `yaml:"webhook_file,omitempty"` // holds the address of a chat's webhook, which is a secret; "": none
	Template    string `yaml:"template,omitempty"`     // of the body, JSON; {{json .Text}} quotes a text
	Webhook     Secret `yaml:"-"`
}

// Notify is who is told by a webhook of what calls for a person: the second path, beside the pages through Alertmanager.
type Notify struct {
	WebhookFile string       `yaml:"webhook_file,omitempty"` // holds the address, which is a secret; "": Alertmanager is the only path
	Template    string       `yaml:"template,omitempty"`     // of the body, JSON, as in Announce
	LockedAfter slo.Duration `yaml:"locked_after"`           // a lock that stands for so long is said again, and again after as long; 1d unless given
	Webhook     Secret       `yaml:"-"`
}

// Drill is what an alert with the label drill="true" must show before a cutover: that alerts travel the whole road, and how fast.
type Drill struct {
	Within   slo.Duration `yaml:"within,omitempty"`   // from its firing to its arrival here
	Required bool         `yaml:"required,omitempty"` // without a drill nothing is proven, and a preflight does not pass
}

// Scope is something a token may do.
type Scope string

// The scopes.
const (
	Alerts   Scope = "alerts"      // deliver webhooks
	Gate     Scope = "gate"        // ask whether a commit may be deployed
	Deployed Scope = "deployed"    // say that a commit was deployed
	Record   Scope = "record"      // report a gate's result
	Read     Scope = "read"        // see the state and the history
	Operate  Scope = "operate"     // declare stable, capture baselines, release, reload, hold, kill switch, submit a cause, examine
	Approve  Scope = "approve"     // say yes or no to what is proposed, stop a rollback before its push
	Unlock   Scope = "unlock"      // open the lock, when somebody else has submitted the cause
	Break    Scope = "break_glass" // open the lock alone, without a cause
)

// Scopes are all scopes, in the order of the documentation.
func Scopes() []Scope {
	return []Scope{Alerts, Gate, Deployed, Record, Read, Operate, Approve, Unlock, Break}
}

// Masked is the configuration in force as YAML, with its defaults filled in and without secrets: fit to be shown.
func (c Config) Masked() []byte {
	content, err := yaml.Marshal(c)
	if err != nil {
		panic("config that cannot be printed: " + err.Error()) // plain structs of text and numbers always can
	}
	return content
}
