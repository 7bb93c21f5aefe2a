package agent

import (
	"errors"
	"fmt"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/notify"
)

// Rendered is what a template of the configuration makes of a message as it might be.
type Rendered struct {
	Environment, Section string // Section is announce or notify
	Body                 string
}

// Check says what New would refuse in a configuration that was read without complaint: keys and lists of signers that are none, templates
// that give no JSON. Of those that do it shows what they give. It speaks to nothing.
func Check(c config.Config) ([]Rendered, error) {
	var all error
	if c.Storage.DSN != "" {
		if err := ledger.CheckDSN(string(c.Storage.DSN)); err != nil {
			all = fmt.Errorf("storage.postgres_dsn_file: %w", err)
		}
	}
	var shown []Rendered
	for _, env := range c.Environments {
		e, err := open(c, env)
		if err == nil {
			e.remote.Close()
			shown = append(shown, e.rendered()...)
		}
		all = errors.Join(all, err)
	}
	return shown, all
}

func (e *environment) rendered() []Rendered {
	var all []Rendered
	for _, section := range []struct {
		name string
		chat *notify.Chat
	}{{"announce", e.chat}, {"notify", e.herald}} {
		if section.chat == nil {
			continue
		}
		body, _ := section.chat.Sample() // it was filled when it was opened
		all = append(all, Rendered{Environment: e.name, Section: section.name, Body: string(body)})
	}
	return all
}
