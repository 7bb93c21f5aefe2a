package condition

import (
	"fmt"
	"slices"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// lengthy takes minutes and longer for a bound in time where nothing else can be meant: in a cell, right behind a sign, or alone. "> 20 min"
// is no window, and what lasts stands behind "for"; in a sentence it may be either ("down > 2 min").
func (p *parser) lengthy(b *bound, t token) bool {
	million := t.text == "m" // to some
	if t.unit.of != "" || p.prose || p.bound != nil || million || b.sign == nil && !p.timeAlone() {
		return false
	}
	b.unit = second.unit
	if s, ok := p.spanAt(p.pos - 2); ok {
		b.value, p.pos = slo.DecimalOf(int64(s.length/time.Second)), s.next
		return true
	}
	b.value = b.value.Times(slo.DecimalOf(int64(t.unit.length / time.Second)))
	return true
}

// timeAlone says whether the cell has one length of time, and no other number or word of time.
func (p *parser) timeAlone() bool {
	first := slices.IndexFunc(p.tokens, func(t token) bool { return t.kind == number })
	s, ok := p.spanAt(first)
	for i, t := range p.tokens {
		if t.is(holdFor, lasting, lookBack) || t.is(number, version) && (i < first || i >= s.next) {
			return false
		}
	}
	return ok
}

// inSeconds says how to write a bound of minutes: as they are, they could be a window or a time to last.
func (p *parser) inSeconds(b *bound) string {
	op := b.op
	if op == "" {
		op = slo.AtMost
	}
	example := "300"
	if s, ok := p.spanAt(p.pos - 2); ok {
		example = fmt.Sprint(int64(s.length / time.Second))
	}
	return fmt.Sprintf(`a bound in time is written in seconds, "%s %ss", a window "(5m)", a time to last "for 10m"`, op, example)
}
