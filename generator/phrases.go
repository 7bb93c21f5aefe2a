package generator

import (
	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// phrases remembers what cells say, by their text: a table of thousands of rows says few different things. Without one, nothing is
// remembered.
type phrases map[string]phrase

// phrase is what a cell says by itself.
type phrase struct {
	condition slo.Condition
	err       error     // why it cannot be read
	share     slo.Share // which events its words count
}

func (p phrases) read(cell runbook.Cell) phrase {
	if known, found := p[cell.Text]; found {
		return known
	}
	s := phrase{share: condition.ShareOf(cell.Text)}
	s.condition, s.err = condition.Parse(cell.Text)
	if p != nil {
		p[cell.Text] = s
	}
	return s
}
