// Package config reads the agent's configuration: one YAML file, the plans it names and the files that hold its secrets. All that is
// wrong is reported at once, with its place and what to write instead; a configuration without diagnostics is valid, and later stages do
// not check it again.
//
// Secrets come from files only, print as *** and are never part of what Masked returns. The package expands no variables, reads no
// environment and asks no network: that a Prometheus or a git remote answers is found out by those who speak to it.
package config

import (
	"strings"

	"github.com/coclai/cutover/generator/slo"
	"go.yaml.in/yaml/v4"
)

// Version is the version of the file's format that this program reads.
const Version = 1

// Config is a valid configuration. Paths are absolute or relative to the working directory: those in the file were relative to it.
type Config struct {
	Version        int           `yaml:"version"`
	Storage        Storage       `yaml:"storage"`
	MaxMode        slo.Mode      `yaml:"max_mode"`                   // no trigger may do more than this
	KillSwitchFile string        `yaml:"kill_switch_file,omitempty"` // while it exists: decide and record, act on nothing
	Web            Web           `yaml:"web"`
	Environments   []Environment `yaml:"environments"` // at least one; no two of one name
}

// Storage is where the ledger lives.
type Storage struct {
	SQLite string `yaml:"sqlite"`
}

// Web is who may speak to the agent.
type Web struct {
	Tokens []Token `yaml:"tokens"` // no two of one name or one secret
}

// Token names a person or a machine. The name is the author of every deed, and the source of every episode.
type Token struct {
	Name   string  `yaml:"name"`
	File   string  `yaml:"file"`
	May    []Scope `yaml:"may"`
	Secret Secret  `yaml:"-"` // at least 16 bytes of visible ASCII
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
	URL             string `yaml:"url"` // http or https, without user
	Branch          string `yaml:"branch"`
	CredentialsFile string `yaml:"credentials_file,omitempty"` // user:password, or a token alone; "": none
	Author          Author `yaml:"author"`
	Credentials     Secret `yaml:"-"` // the file's content when it was read
}

// Author signs the agent's commits with name and address.
type Author struct {
	Name  string `yaml:"name"`
	Email string `yaml:"email"`
}

// Budget is how many automatic rollbacks there may be; 0 allows none.
type Budget struct {
	PerRelease int `yaml:"per_release"` // 0 or 1
	PerDay     int `yaml:"per_day"`
}

// Arm is for how long after T0 a firing may roll back or propose to; later it only pages.
type Arm struct {
	Auto    slo.Duration `yaml:"auto"`
	Propose slo.Duration `yaml:"propose"`
}

// Scope is something a token may do.
type Scope string

// The scopes.
const (
	Alerts   Scope = "alerts"   // deliver webhooks
	Gate     Scope = "gate"     // ask whether a commit may be deployed
	Deployed Scope = "deployed" // say that a commit was deployed
	Record   Scope = "record"   // report a gate's result
	Read     Scope = "read"     // see the state and the history
	Operate  Scope = "operate"  // declare stable, capture baselines, release, reload
	Approve  Scope = "approve"  // approve what is proposed
	Unlock   Scope = "unlock"   // open the lock with a cause
)

// Scopes are all scopes, in the order of the documentation.
func Scopes() []Scope { return []Scope{Alerts, Gate, Deployed, Record, Read, Operate, Approve, Unlock} }

// Masked is the configuration in force as YAML, with its defaults filled in and without secrets: fit to be shown.
func (c Config) Masked() []byte {
	content, err := yaml.Marshal(c)
	if err != nil {
		panic("config that cannot be printed: " + err.Error()) // plain structs of text and numbers always can
	}
	return content
}

// Redact replaces every secret of the configuration in text by ***: what a git server or a gate prints may echo one.
func (c Config) Redact(text string) string {
	for _, s := range c.secrets() {
		text = strings.ReplaceAll(text, string(s), mask)
	}
	return text
}

// secrets are all secrets; of user:password also the password alone.
func (c Config) secrets() []Secret {
	var all []Secret
	for _, t := range c.Web.Tokens {
		all = append(all, t.Secret)
	}
	for _, e := range c.Environments {
		if e.Git.Credentials == "" {
			continue
		}
		all = append(all, e.Git.Credentials)
		if _, password, ok := strings.Cut(string(e.Git.Credentials), ":"); ok && password != "" {
			all = append(all, Secret(password))
		}
	}
	return all
}
