package condition

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/coclai/cutover/generator/slo"
)

// bound is a comparison while it is being read.
type bound struct {
	first, number token
	op            slo.Op
	opAt          token
	sign          *token // a comparison written as a sign, which must have its number also in prose
	value         slo.Decimal
	unit          unit
	suffix        string // the unit as written
	baseline      *token
	joined        bool // a "+" or a word joins the baseline and the excess over it
	consecutive   *token
	normal        bool
	per           slo.Duration
}

// boundClause reads a comparison: what stands before its number, the number, what stands after it.
func (p *parser) boundClause() *Error {
	return p.boundFrom(&bound{first: p.token(p.pos)}, p.pos)
}

// boundFrom goes on reading a comparison that began at start.
func (p *parser) boundFrom(b *bound, start int) *Error {
	complete, problem := p.beforeNumber(b)
	if problem != nil {
		return problem
	}
	if !complete {
		return p.incomplete(b, start)
	}
	if problem := p.quantity(b); problem != nil {
		return problem
	}
	if problem := p.afterNumber(b); problem != nil {
		return problem
	}
	return p.settle(b)
}

// beforeNumber reads up to the number and says whether there is one.
func (p *parser) beforeNumber(b *bound) (bool, *Error) {
	negated := false
	for ; ; p.pos++ {
		t := p.token(p.pos)
		switch t.kind {
		case number:
			return true, nil
		case negation:
			negated = true
		case comparator:
			if problem := p.compare(b, t, negated); problem != nil {
				return false, problem
			}
			if negated = false; t.strict && p.token(p.pos+1).kind != number {
				return false, nil
			}
		case baseline:
			b.baseline = &t
		case quantile:
			if problem := p.quantile(t.value); problem != nil {
				return false, problem
			}
			p.pos--
		case plus, versus:
			if t.text == "by" && b.baseline != nil && (b.op == slo.Less || b.op == slo.AtMost) {
				return false, p.between(b.opAt, t, fmt.Sprintf("%q is a fall, and a bound over a baseline is an excess", p.quoted(b.opAt, t)),
					`write for instance "baseline + > 35%"`)
			}
			b.joined = true
		case consecutive:
			b.consecutive = &t
		case filler, particle:
			if p.isBaseline(p.pos) {
				b.baseline = &t
			}
		default:
			return false, nil
		}
	}
}

// isBaseline says whether the 기준 at i is the baseline: "기준 대비 35% 초과". After a word that is not known it may be last week's.
func (p *parser) isBaseline(i int) bool {
	return p.token(i).text == "기준" && p.token(i+1).kind == versus && !(p.token(i-1).kind == unknown && p.token(i-1).text != "")
}

// compare takes a comparison in; a second one must say the same.
func (p *parser) compare(b *bound, t token, negated bool) *Error {
	op := t.op
	if negated {
		op = opposite[op]
	}
	if b.op != "" && b.op != op {
		return p.at(t, fmt.Sprintf("%q contradicts %q", t.text, b.opAt.text), sayOnce)
	}
	b.op, b.opAt = op, t
	if signs[t.text].kind != comparator {
		return nil
	}
	if b.sign != nil {
		return p.at(t, fmt.Sprintf("a second %q", t.text), sayOnce)
	}
	b.sign = &t
	return nil
}

const sayOnce = `say it once, for instance "> 2%"`

var opposite = map[slo.Op]slo.Op{
	slo.Greater: slo.AtMost, slo.AtMost: slo.Greater, slo.Less: slo.AtLeast, slo.AtLeast: slo.Less, slo.Equal: slo.Different,
	slo.Different: slo.Equal,
}

// incomplete is a comparison without a number. In prose words may be just that ("over the weekend"); signs and joined baselines may not.
func (p *parser) incomplete(b *bound, start int) *Error {
	t := p.token(p.pos)
	if p.prose && b.sign == nil && b.consecutive == nil && !(b.baseline != nil && b.joined) {
		p.pos = start
		return p.pass(b.first)
	}
	if b.first.kind == baseline && p.bound != nil {
		return p.at(b.first, fmt.Sprintf("%q is not understood here", b.first.text), factor.hint)
	}
	if t.kind == comparator {
		return p.at(t, fmt.Sprintf("%q must stand right before its number", t.text), usage)
	}
	if t.text == "" {
		return p.at(b.first, fmt.Sprintf("no number follows %q", b.first.text), usage)
	}
	return p.unread(t, "no number")
}

// quantity reads the number and its unit.
func (p *parser) quantity(b *bound) *Error {
	b.number = p.token(p.pos)
	if sign := p.token(p.pos - 1); sign.kind == trap && b.number.glued {
		return p.between(sign, b.number, fmt.Sprintf("%q cannot be a bound", p.quoted(sign, b.number)), usage)
	}
	value, err := slo.ParseDecimal(b.number.value)
	if err != nil {
		return p.at(b.number, err.Error(), usage)
	}
	if len(b.number.value) > mostDigits {
		return p.at(b.number, fmt.Sprintf("%q has more digits than any bound needs", b.number.text), usage)
	}
	b.value = value
	p.pos++
	if t := p.token(p.pos); t.kind == unitOf {
		b.unit, b.suffix = t.unit, t.text
		p.pos++
		if problem := p.scale(b, t); problem != nil {
			return problem
		}
	}
	if problem := p.orMore(b); problem != nil {
		return problem
	}
	if problem := p.european(b); problem != nil {
		return problem
	}
	if problem := p.rate(b); problem != nil {
		return problem
	}
	t := p.token(p.pos)
	if b.per == 0 && b.suffix == "" && t.is(unknown, trap, number, version, reference, malformed) && t.text != "" && !isBreak(t.text) {
		return p.unread(t, "no unit")
	}
	return nil
}

// mostDigits keeps a number exact through every scaling.
const mostDigits = 16

// looksGrouped is 1.000: a thousand to half of Europe. Nothing else that counts events has three decimals.
var looksGrouped = regexp.MustCompile(`^[1-9][0-9]{0,2}\.[0-9]{3}$`)

func (p *parser) european(b *bound) *Error {
	counts := b.unit.of == "" || b.unit.of == slo.Count || b.unit == millisecond.unit || b.unit == microsecond.unit
	if !counts || !looksGrouped.MatchString(b.number.value) {
		return nil
	}
	n := b.number.value
	return p.at(b.number, fmt.Sprintf("%q may be a thousand times as much", n),
		fmt.Sprintf(`write "> %s" for that, "> %s" for the fraction`, strings.Replace(n, ".", ",", 1), n+"0"))
}

// isBreak says whether a token that is no word ends the phrase: quotes, dashes, bullets of prose.
func isBreak(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPunct(r) }) && signs[text].kind != trap
}

// orMore reads the plus right behind a number: "3+ restarts", "99.9%+".
func (p *parser) orMore(b *bound) *Error {
	t := p.token(p.pos)
	if t.kind != plus || !t.glued || p.token(p.pos+1).kind == number {
		return nil
	}
	p.pos++
	return p.compare(b, token{entry: after(slo.AtLeast), text: t.text, start: t.start, end: t.end}, false)
}

// scale brings the number into the unit's base: 2 % is 0.02, 300 ms is 0.3 s.
func (p *parser) scale(b *bound, t token) *Error {
	if p.lengthy(b, t) {
		return nil
	}
	if t.unit.of == "" {
		return p.between(b.number, t, fmt.Sprintf("%q cannot be a bound", p.quoted(b.number, t)), p.inSeconds(b))
	}
	if t.unit.of == slo.Ratio {
		b.value = b.value.Percent()
	}
	if t.unit == millisecond.unit {
		b.value = b.value.Shift(-3)
	}
	if t.unit == microsecond.unit {
		b.value = b.value.Shift(-6)
	}
	if next := p.token(p.pos); next.kind == trap && !next.per || (next.glued && next.is(unknown, number) && !isBreak(next.text)) {
		hint := usage
		if a, ok := p.advise(next); ok {
			hint = a.hint
		}
		return p.between(b.number, next, fmt.Sprintf("%q is no quantity", p.quoted(b.number, next)), hint)
	}
	return nil
}

// afterNumber reads what may follow a number: 초과, "or more", "above baseline", "in a row", "is normal", what was counted.
func (p *parser) afterNumber(b *bound) *Error {
	for ; ; p.pos++ {
		t := p.token(p.pos)
		switch {
		case t.kind == afterwards:
			if problem := p.compare(b, t, false); problem != nil {
				return problem
			}
		case t.kind == windowNoun && t.text == "이내":
			if problem := p.compare(b, token{entry: before(slo.AtMost), text: t.text, start: t.start, end: t.end}, false); problem != nil {
				return problem
			}
		case t.strict && b.op == "" && !p.token(p.pos+1).is(number, filler):
			if problem := p.compare(b, t, false); problem != nil { // 60s max
				return problem
			}
		case t.kind == consecutive:
			b.consecutive = &t
			if next := p.token(p.pos + 1); next.kind == unitOf && next.unit.length != 0 {
				return p.between(b.number, next, fmt.Sprintf("%q is not understood here", p.quoted(b.number, next)),
					`write "for 10m" for a time to last, ">= 3 consecutive" for events`)
			}
		case t.kind == normal:
			b.normal = true
		case t.per:
			if problem := p.rate(b); problem != nil {
				return problem
			}
			p.pos--
		case t.kind == comparator && !p.windowAhead() && p.token(p.skip(p.pos+1, filler)).kind != number:
			if problem := p.difference(b, t); problem != nil {
				return problem
			}
		case t.kind == versus && p.token(p.pos+1).kind == degree:
			p.pos++
			if problem := p.compare(b, p.token(p.pos), false); problem != nil {
				return problem
			}
		case t.value == drifting && b.unit.of == slo.Ratio && b.baseline == nil:
			return p.between(b.number, t, fmt.Sprintf("%q is a difference to something that is not said", p.quoted(b.number, t)), factor.hint)
		case t.is(noun, particle), t.kind == change && b.baseline != nil && b.joined:
		default:
			return nil
		}
	}
}

// difference reads "35% above the baseline". Below it is no relative bound that the plan can carry; above anything else is no bound.
func (p *parser) difference(b *bound, t token) *Error {
	next := p.skip(p.pos+1, filler)
	found := p.token(next)
	if found.kind != baseline || t.op != slo.Greater {
		return p.between(b.number, t, fmt.Sprintf("%q is no bound", p.quoted(b.number, t)),
			`a relative bound is written "baseline + > 35%"`)
	}
	p.pos = next
	b.baseline, b.joined = &found, true
	return nil
}

// settle checks that the parts fit and takes the bound into the condition.
func (p *parser) settle(b *bound) *Error {
	last := p.token(p.pos - 1)
	if p.bound != nil {
		return p.between(b.first, last, fmt.Sprintf("%q is a second bound", p.quoted(b.first, last)), p.oneBound(b))
	}
	if problem := p.fits(b); problem != nil {
		return problem
	}
	if problem := p.perEach(b); problem != nil {
		return problem
	}
	if b.op == "" {
		b.op = p.implied(b)
	}
	if b.op == "" {
		return p.between(b.first, last, fmt.Sprintf("%q says no comparison", p.quoted(b.first, last)), b.suggestion())
	}
	c := &p.condition
	c.Op, c.Value, c.Unit, c.Relative, c.Consecutive = b.op, b.value, b.unit.of, b.baseline != nil, b.consecutive != nil
	c.Per = b.per
	if c.Consecutive || c.Per != 0 {
		c.Unit = slo.Count
	}
	p.bound = &b.number
	return nil
}

// oneBound is what to write instead of two bounds; a share of requests within a time is one, a quantile.
func (p *parser) oneBound(b *bound) string {
	c := p.condition
	if c.Unit == slo.Ratio && !c.Relative && b.unit.of == slo.Seconds && c.Value.Cmp(mostlyGood) >= 0 && c.Value.Cmp(whole) < 0 {
		return fmt.Sprintf(`write one bound, a quantile: "p%s <= %s"`, c.Value.Shift(2), b.number.value+b.suffix)
	}
	return `state one bound, for instance "> 2% (5m)"`
}

// suggestion is the number with a comparison.
func (b *bound) suggestion() string {
	if b.per != 0 {
		return fmt.Sprintf(`write for instance "<= %[1]s", or ">= %[1]s"`, b.number.text+b.suffix+rateSuffix(b.per))
	}
	if b.baseline != nil {
		return fmt.Sprintf(`write for instance "baseline + > %s%%"`, b.number.text)
	}
	return fmt.Sprintf(`write for instance ">= %[1]s" or "<= %[1]s"`, b.number.text+b.suffix)
}

func (p *parser) fits(b *bound) *Error {
	if b.baseline != nil && !b.joined {
		return p.between(*b.baseline, b.number, "how the number relates to the baseline is not said",
			`write for instance "baseline + > 35%"`)
	}
	if b.baseline != nil && b.unit.of != slo.Ratio {
		return p.at(b.number, "the excess over a baseline must be a percentage", `write for instance "baseline + > 35%"`)
	}
	if b.baseline == nil && b.joined {
		return p.between(b.first, b.number, "what the number is added to is not said", `write for instance "baseline + > 35%"`)
	}
	if b.consecutive != nil && (b.per != 0 || p.per != 0) {
		return p.at(b.number, "consecutive events have no rate", `write for instance ">= 3 consecutive"`)
	}
	if b.consecutive != nil && b.unit.of != "" && b.unit.of != slo.Count {
		return p.at(b.number, "only events can be consecutive", `write for instance ">= 3 consecutive"`)
	}
	return nil
}

// implied is the comparison of a number without one: "3 in a row" is 3 or more, "0 is normal" and a cell's plain "mismatch 0" are ==.
func (p *parser) implied(b *bound) slo.Op {
	if b.baseline != nil {
		return ""
	}
	if b.consecutive != nil {
		return slo.AtLeast
	}
	if b.per != 0 {
		return ""
	}
	if p.isObjective(b) {
		p.take(entry{sense: slo.SenseTarget, share: slo.ShareGood})
		return slo.AtLeast
	}
	counts := b.unit.of == "" || b.unit.of == slo.Count
	if b.normal && counts || (!p.prose && b.value.Sign() == 0 && p.condition.Share != slo.ShareGood) {
		return slo.Equal
	}
	return ""
}
