package condition

import (
	"fmt"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

const rateUsage = `a rate is so many events in a time: "<= 10/min", "<= 3 per hour"`

// perClause takes the time before a rate's number: 분당, 5분당.
func (p *parser) perClause(first token, length slo.Duration, next int) *Error {
	last := p.token(next - 1)
	at := p.pos
	p.pos = next
	if length < slo.Duration(time.Second) {
		return p.between(first, last, fmt.Sprintf("%q is no rate", p.quoted(first, last)), `write for instance "<= 10/min"`)
	}
	if p.per != 0 {
		return p.between(first, last, "a second rate", "")
	}
	p.per, p.perAt = length, at
	return nil
}

// countAhead says whether a number of events follows: 50회.
func (p *parser) countAhead(i int) bool {
	u := p.token(i + 1)
	return p.token(i).kind == number && u.kind == unitOf && u.unit.of == slo.Count && u.unit.per == 0
}

// rate reads what makes a number a rate: /min, per hour, per 5 minutes, errors/s.
func (p *parser) rate(b *bound) *Error {
	if b.unit.per != 0 {
		b.per = slo.Duration(b.unit.per)
	}
	i := p.skip(p.pos, noun)
	if !p.token(i).per {
		return nil
	}
	t := p.token(i)
	length, next := p.interval(i + 1)
	if t.text == "per" && p.isObjective(b) && length > slo.Duration(24*time.Hour) && p.condition.Window == 0 {
		p.condition.Window, p.pos = length, next // 99.9% per 28d
		return nil
	}
	if b.unit.of != "" && b.unit.of != slo.Count {
		return p.between(b.number, t, fmt.Sprintf("%q is no quantity", p.quoted(b.number, t)),
			`only events have a rate, "<= 10/min"; a window is written in parentheses, "> 2% (5m)"`)
	}
	if length == 0 || b.per != 0 {
		return p.at(t, fmt.Sprintf("%q is no unit", t.text), rateUsage)
	}
	b.per, p.pos = length, next
	if again := p.token(next); again.per || again.is(number, unknown) && !isBreak(again.text) {
		return p.at(again, fmt.Sprintf("%q is not understood here", again.text), rateUsage)
	}
	return nil
}

// interval is the time at i, with or without a number: 5 minutes, hour; 0 if there is none of at least a second.
func (p *parser) interval(i int) (slo.Duration, int) {
	if s, ok := p.spanAt(i); ok && s.smallest >= time.Second {
		return slo.Duration(s.length), s.next
	}
	if u := p.token(i); u.kind == unitOf && u.unit.length >= time.Second {
		return slo.Duration(u.unit.length), i + 1
	}
	return 0, i
}

// perEach joins the time before the number, 분당, with the bound. In prose 분당 is also a town: what follows must be the number.
func (p *parser) perEach(b *bound) *Error {
	if p.per == 0 {
		return nil
	}
	at := p.token(p.perAt)
	if b.per != 0 || b.unit.of != "" && b.unit.of != slo.Count || b.baseline != nil {
		return p.between(at, b.number, "only events have a rate", `write for instance "분당 10건 이하", "<= 10/min"`)
	}
	for _, t := range p.tokens[p.perAt:] {
		if t.start < b.number.start && t.is(unknown, punctuation) {
			return p.between(at, b.number, "the number of a rate must follow its time", `write for instance "분당 10건 이하", "<= 10/min"`)
		}
	}
	b.per, p.per = p.per, 0
	return nil
}
