package condition

import (
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// colour takes from a cell's words which condition it states, and which events it is about. In prose such words stand for much else.
func (p *parser) colour() *Error {
	if p.prose {
		return nil
	}
	for _, t := range p.tokens {
		if t.sense != "" && p.condition.Sense != "" && t.sense != p.condition.Sense {
			return p.at(t, "both a target and an alert are named", `one cell states one condition, for instance "> 2% (5m)"`)
		}
		if t.share != "" && p.condition.Share != "" && t.share != p.condition.Share {
			return p.at(t, "both good and bad events are named", `name one of them, for instance "error rate <= 1%", or none, "<= 1%"`)
		}
		p.take(t.entry)
	}
	return nil
}

func (p *parser) take(e entry) {
	if e.sense != "" {
		p.condition.Sense = e.sense
	}
	if e.share != "" {
		p.condition.Share = e.share
	}
}

// The least shares that can be nothing but an objective. Of what is not said to be good, 90 % may as well be the most that is allowed:
// of a disk.
var (
	clearlyGood = slo.MustDecimal("0.95")
	mostlyGood  = slo.MustDecimal("0.5")
	whole       = slo.DecimalOf(1)
)

// isObjective says whether a bare percentage, 99.9%, is the share of good events that is to be reached.
func (p *parser) isObjective(b *bound) bool {
	c := p.condition
	if p.prose || b.unit.of != slo.Ratio || b.baseline != nil || b.normal || c.Share == slo.ShareBad || c.Sense == slo.SenseAlert {
		return false
	}
	least := clearlyGood
	if c.Share == slo.ShareGood {
		least = mostlyGood
	}
	return b.value.Cmp(least) >= 0 && b.value.Cmp(whole) <= 0
}

// finish settles what only the whole text tells.
func (p *parser) finish() *Error {
	c := &p.condition
	if p.bound == nil {
		c.Share, c.Sense = "", ""
		return nil
	}
	if c.Unit != slo.Ratio || c.Relative {
		c.Share = ""
	}
	for _, check := range []func() *Error{p.mixed, p.lasting, p.overfull} {
		if problem := check(); problem != nil {
			return problem
		}
	}
	if p.period || c.Objective() && c.Window > slo.Duration(24*time.Hour) {
		c.Window, c.Period = 0, c.Window
	}
	return nil
}

// mixed refuses two kinds of number in one bound: of "95% within 2s" it cannot be said whether 2s is a window or the limit, and a
// quantile of percentages is nothing that is measured here.
func (p *parser) mixed() *Error {
	c := p.condition
	if c.Unit != slo.Ratio || c.Relative {
		return nil
	}
	if c.Quantile.Sign() != 0 {
		return p.at(*p.bound, "a quantile is of times, not of percentages", `write for instance "p95 <= 300ms", or "p95 baseline + > 35%"`)
	}
	if c.Value.Cmp(mostlyGood) < 0 {
		return nil
	}
	if p.bounded != nil {
		return p.at(*p.bounded, fmt.Sprintf("%q may stand before a window, or before the limit of a latency", p.bounded.text), windowOrLatency)
	}
	if c.Window != 0 && c.Window < slo.Duration(time.Minute) {
		return p.at(*p.bound, "the time beside it may be a window, or the limit of a latency", windowOrLatency)
	}
	return nil
}

const windowOrLatency = `write a latency as a quantile, "p95 <= 2s", and a window in parentheses, "99.9% (30d)"`

// lasting refuses a time to last that can only be a period, or belongs to nothing.
func (p *parser) lasting() *Error {
	c := p.condition
	if c.For > slo.Duration(24*time.Hour) || c.For != 0 && c.Objective() {
		return p.at(*p.bound, fmt.Sprintf("%s is a period, nothing that lasts", c.For), `write the period in parentheses, "99.9% (30d)"`)
	}
	return nil
}

// overfull refuses more than all events.
func (p *parser) overfull() *Error {
	if p.condition.Share != "" && p.condition.Value.Cmp(whole) > 0 {
		return p.at(*p.bound, "a share cannot exceed 100%", `write for instance ">= 99.9%"`)
	}
	return nil
}

// anyEvent reads a cell that is only "any violation": one is too many.
func (p *parser) anyEvent() {
	if p.prose || p.bound != nil || len(p.tokens) < 2 || p.tokens[0].text != "any" && p.tokens[0].text != "Any" {
		return
	}
	c, thing := &p.condition, strings.ToLower(p.tokens[len(p.tokens)-1].text)
	if p.skip(1, noun) < len(p.tokens) || c.Share != slo.ShareBad && !countable[thing] || thing == "downtime" || c.Sense == slo.SenseTarget {
		return
	}
	c.Op, c.Value, c.Unit, c.Sense = slo.AtLeast, slo.DecimalOf(1), slo.Count, slo.SenseAlert
	p.bound = &p.tokens[0]
}

// countable are words for events of which one is too many, besides those for bad ones.
var countable = map[string]bool{"occurrence": true, "incident": true, "restart": true, "crash": true}
