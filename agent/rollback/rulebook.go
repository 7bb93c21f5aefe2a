package rollback

import (
	"slices"

	"github.com/coclai/cutover/generator/slo"
)

// Rulebook is by what decisions are made: what the plan says, and what the agent's configuration allows. It is in the ledger, so that a
// decision can be made again years later, or under another one.
type Rulebook struct {
	Plan   slo.Plan `json:"plan"`
	Policy Policy   `json:"policy"`
}

// With is the rules with another mode for the triggers of an item, as far as MaxMode lets it go; false if the plan has no such item.
func (b Rulebook) With(item string, mode slo.Mode) (Rulebook, bool) {
	found := false
	b.Plan.Triggers = slices.Clone(b.Plan.Triggers)
	for n, t := range b.Plan.Triggers {
		if t.Item == item {
			b.Plan.Triggers[n].Mode, found = mode, true
		}
	}
	return b, found
}
