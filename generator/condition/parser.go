package condition

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// Parse reads a cell, all of it: a word it does not know is an error. Errors are *Error.
func Parse(text string) (slo.Condition, error) {
	p := newParser(text)
	c, problem := p.read()
	if problem == nil && p.bound == nil {
		problem = &Error{Width: max(len(p.text), 1), Message: "states no bound"}
	}
	if problem != nil {
		return slo.Condition{}, problem.hinted()
	}
	return c, nil
}

// Mention finds what a sentence states: words of prose are passed over, but every number must find its place, or it is an error.
// Without numbers the condition is zero, but for the quantile of a "p95". Errors are *Error.
func Mention(prose string) (slo.Condition, error) {
	p := newParser(prose)
	p.prose = true
	c, problem := p.read()
	if problem != nil {
		return slo.Condition{}, problem.hinted()
	}
	return c, nil
}

// parser goes once over the tokens. Each clause method starts at its first token and leaves pos after its last.
type parser struct {
	text   []rune
	tokens []token
	pos    int
	prose  bool // unknown words are passed over

	condition slo.Condition
	bound     *token // the number of the bound, once there is one
	loose     *token // a baseline or a change that belongs to no number
	refusal   *token // a negation that belongs to no comparison
	idle      *token // a length of time without a number, in prose: "a day"
	bounded   *token // the word before a window that may be a limit instead: within
	period    bool   // the window is called a period
	per       slo.Duration
	perAt     int // where the time of a rate stands, before its number
}

func newParser(text string) *parser { return &parser{text: []rune(text), tokens: scan(text)} }

// read is the table of contents: one clause after the other.
func (p *parser) read() (slo.Condition, *Error) {
	if problem := p.colour(); problem != nil {
		return slo.Condition{}, problem
	}
	for p.pos < len(p.tokens) {
		if problem := p.clause(); problem != nil {
			return slo.Condition{}, problem
		}
	}
	p.anyEvent()
	if problem := p.leftover(); problem != nil {
		return slo.Condition{}, problem
	}
	return p.condition, p.finish()
}

// leftover is what prose says beside the bound that would change its meaning.
func (p *parser) leftover() *Error {
	if p.bound == nil {
		return nil
	}
	if p.refusal != nil {
		return p.at(*p.refusal, fmt.Sprintf("%q may turn the sense of the bound", p.refusal.text), "say it without a negation")
	}
	if t, found := p.fall(); found && p.condition.Relative {
		return p.at(t, fmt.Sprintf("%q is a fall, and a bound over a baseline is an excess", t.text), `write for instance "baseline + > 35%"`)
	}
	if c := p.condition; p.idle != nil && c.Window == 0 && c.Per == 0 {
		return p.at(*p.idle, fmt.Sprintf("%q may be the time that the bound is about", p.idle.text),
			`write a rate or a window, for instance "> 3 per day", "> 2% (5m)"`)
	}
	if p.loose != nil && !p.condition.Relative {
		return p.at(*p.loose, fmt.Sprintf("%q may make the bound a relative one", p.loose.text), `write for instance "baseline + > 35%"`)
	}
	return nil
}

// fall is the first word for a change downwards: 하락, drops. Beside a baseline it turns the sense of 초과 and "more than".
func (p *parser) fall() (token, bool) {
	i := slices.IndexFunc(p.tokens, func(t token) bool { return t.is(change, filler) && t.op == slo.Less })
	return p.token(i), i >= 0
}

func (p *parser) clause() *Error {
	t := p.token(p.pos)
	if t.text == "하루" && !p.prose && p.countAhead(p.pos+1) {
		p.tokens[p.pos].kind = filler // it says nothing else
		return p.perClause(t, slo.Duration(day.unit.length), p.pos+1)
	}
	switch t.kind {
	case quantile:
		return p.quantile(t.value)
	case holdFor:
		return p.holdClause()
	case lookBack, windowNoun:
		return p.windowClause()
	case comparator:
		if t.text != "" && strings.EqualFold(t.text, "over") && p.windowAhead() {
			return p.windowClause()
		}
		return p.boundClause()
	case number:
		return p.numberClause()
	case baseline, plus, versus, consecutive:
		return p.boundClause()
	case unitOf:
		if p.token(p.pos + 1).per {
			return p.perClause(t, slo.Duration(t.unit.length), p.pos+2)
		}
	case filler:
		if p.isBaseline(p.pos) {
			return p.boundClause()
		}
	case negation:
		return p.negationClause()
	}
	return p.pass(t)
}

// token is the token at i, one of kind punctuation and no text beyond the ends.
func (p *parser) token(i int) token {
	if i < 0 || i >= len(p.tokens) {
		return token{entry: entry{kind: punctuation}, start: len(p.text), end: len(p.text)}
	}
	return p.tokens[i]
}

// at is an error that covers a token.
func (p *parser) at(t token, message, hint string) *Error { return p.between(t, t, message, hint) }

func (p *parser) between(first, last token, message, hint string) *Error {
	return &Error{Offset: first.start, Width: max(last.end-first.start, 1), Message: message, Hint: hint}
}

// quoted is the text of tokens first to last, as written.
func (p *parser) quoted(first, last token) string { return string(p.text[first.start:last.end]) }

// skip is the first position from i on that holds none of these kinds.
func (p *parser) skip(i int, kinds ...kind) int {
	for i < len(p.tokens) && p.tokens[i].is(kinds...) {
		i++
	}
	return i
}

func (t token) is(kinds ...kind) bool {
	for _, k := range kinds {
		if t.kind == k {
			return true
		}
	}
	return false
}

// pass goes over a token that belongs to no clause.
func (p *parser) pass(t token) *Error {
	p.pos++
	switch t.kind {
	case baseline, change:
		p.loose = &t
	case negation:
		p.refusal = &t
	}
	if p.isIdleTime(t) {
		p.idle = &t
	}
	if t.kind == reference && p.token(p.pos).is(number, version) && !p.token(p.pos+1).is(unitOf) {
		p.pos++ // "gate 1.4": the number of a thing
	}
	if t.kind == malformed {
		return p.illegible(t)
	}
	if length, _ := p.interval(p.pos); t.per && t.text != "당" && length != 0 {
		return p.at(t, fmt.Sprintf("%q is not understood here", t.text), rateUsage)
	}
	if t.kind == lasting && t.text == "유지" && p.bound != nil {
		return nil // 99.9% 이상 유지
	}
	if p.prose || t.is(noun, filler, particle, heading, opening, closing, punctuation) {
		return nil
	}
	return p.unread(t, "not understood here")
}

// idleTimes are words for a time that are no units.
var idleTimes = map[string]bool{"하루": true, "매일": true, "매주": true, "매시간": true, "daily": true, "hourly": true, "weekly": true}

// timed are words before 시간 that make it the time which something takes, and no hour.
var timed = map[string]bool{"응답": true, "지연": true, "처리": true, "대기": true, "소요": true, "실행": true, "로딩": true}

// isIdleTime says whether a word of prose is a time from a minute on without its number, which a bound beside it may be about: "more
// than 3 restarts a day".
func (p *parser) isIdleTime(t token) bool {
	text := strings.ToLower(t.text)
	if idleTimes[text] || advices[text] == vague {
		return true
	}
	if timed[p.token(p.pos-2).text] {
		return false // 응답 시간
	}
	word := len(text) > 1 && !(p.token(p.pos).glued && isHangul([]rune(p.token(p.pos).text + " ")[0]))
	return t.kind == unitOf && t.unit.length >= time.Minute && word
}

const usage = `write for instance "> 2% (5m)" or "baseline + > 35% for 10m"`

func (p *parser) negationClause() *Error {
	if p.token(p.skip(p.pos+1, filler)).kind == comparator {
		return p.boundClause()
	}
	return p.pass(p.token(p.pos))
}

// quantile reads p95. A second one must be the same.
func (p *parser) quantile(percent string) *Error {
	t := p.token(p.pos)
	p.pos++
	q, err := slo.ParseDecimal(percent)
	if err != nil || q.Cmp(slo.DecimalOf(50)) < 0 || q.Cmp(slo.DecimalOf(100)) >= 0 {
		return p.at(t, fmt.Sprintf("%q is no quantile from p50 to p99.99", p.quoted(t, t)), `write for instance "p95 <= 300ms"`)
	}
	q = q.Percent()
	if p.condition.Quantile.Sign() != 0 && p.condition.Quantile != q {
		return p.at(t, "a second, different quantile", "")
	}
	p.condition.Quantile = q
	return nil
}
