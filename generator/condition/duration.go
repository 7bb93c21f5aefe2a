package condition

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// span is a length of time: 5m, 10분, 1h30m.
type span struct {
	length      time.Duration
	first, last token
	next        int           // the position after it
	smallest    time.Duration // its smallest unit
}

// longest keeps sums far from overflow; no window of any use is longer.
const longest = 366 * 24 * time.Hour

// spanAt reads a length of time at i. Parts follow each other by falling unit: 1h 30m. Only whole numbers are lengths of time.
func (p *parser) spanAt(i int) (span, bool) {
	s := span{first: p.token(i), next: i}
	for {
		n, u := p.token(s.next), p.token(s.next+1)
		if n.kind != number || u.kind != unitOf || u.unit.length == 0 || (s.smallest != 0 && u.unit.length >= s.smallest) {
			return s, s.smallest != 0
		}
		count, err := strconv.ParseInt(n.value, 10, 32)
		if err != nil || time.Duration(count) > longest/u.unit.length {
			return s, s.smallest != 0
		}
		s.length += time.Duration(count) * u.unit.length
		s.smallest, s.last, s.next = u.unit.length, u, s.next+2
	}
}

// holdClause reads "for 10m", "for at least 10 minutes", "for 10 minutes or longer". Without a length of time it is a word of prose.
func (p *parser) holdClause() *Error {
	start := p.token(p.pos)
	i := p.skip(p.pos+1, filler)
	if p.token(i).kind == lookBack {
		return p.between(start, p.token(i), "may be a window or how long it lasts", `write "(10m)" for a window, "for 10m" for how long it lasts`)
	}
	limit := p.token(i)
	if limit.kind == comparator {
		i = p.skip(i+1, filler)
	}
	s, ok := p.longerAt(i)
	if !ok {
		return p.pass(start)
	}
	if limit.kind == comparator && limit.op != slo.AtLeast && limit.op != slo.Greater {
		return p.at(limit, "only a least time can be held", `write "for 10m"`)
	}
	if p.token(s.next).kind == afterwards {
		if p.token(s.next).op != slo.AtLeast {
			return p.at(p.token(s.next), "only a least time can be held", `write "for 10m"`)
		}
		s.next++
	}
	return p.hold(s)
}

// longerAt is spanAt with a plus in it: 5+ minutes, 5m+.
func (p *parser) longerAt(i int) (span, bool) {
	s, ok := p.spanAt(i)
	if n, plus, u := p.token(i), p.token(i+1), p.token(i+2); !ok && n.kind == number && plus.text == "+" && plus.glued && u.kind == unitOf {
		p.tokens = slices.Delete(p.tokens, i+1, i+2)
		s, ok = p.spanAt(i)
	}
	if t := p.token(s.next); ok && t.text == "+" && t.glued {
		s.next++
	}
	return s, ok
}

func (p *parser) hold(s span) *Error {
	p.pos = s.next
	return p.set(&p.condition.For, s, "a second, different time to last")
}

func (p *parser) set(field *slo.Duration, s span, twice string) *Error {
	if s.length == 0 {
		return p.between(s.first, s.last, "a length of time must be above 0", "")
	}
	if *field != 0 && *field != slo.Duration(s.length) {
		return p.between(s.first, s.last, twice, "")
	}
	*field = slo.Duration(s.length)
	return nil
}

func (p *parser) window(s span) *Error {
	p.pos = s.next
	if s.smallest < time.Second {
		hint := `write for instance "(5m)"`
		if p.bound != nil && p.condition.Unit == slo.Ratio {
			hint = p.oneBound(&bound{number: s.first, unit: s.last.unit, suffix: s.last.text})
		}
		return p.between(s.first, s.last, fmt.Sprintf("%q is no window", p.quoted(s.first, s.last)), hint)
	}
	return p.set(&p.condition.Window, s, "a second, different window")
}

// windowAhead tells "over 5m" from "over 300ms": minutes and longer are never a bound, seconds are unless there is a bound already.
func (p *parser) windowAhead() bool {
	s, ok := p.spanAt(p.skip(p.pos+1, filler))
	if !ok {
		return false
	}
	return s.smallest >= time.Minute || p.token(p.skip(s.next, filler)).kind == windowNoun || (p.bound != nil && s.smallest >= time.Second)
}

// windowClause reads "over 5m", "in the last 15 minutes", "moving window of 5 minutes", "최근 5분". Without a length of time it is a word.
func (p *parser) windowClause() *Error {
	start := p.token(p.pos)
	s, ok := p.spanAt(p.skip(p.pos+1, filler, lookBack))
	if !ok {
		return p.pass(start)
	}
	if strings.EqualFold(start.text, "within") && p.limits(s) {
		b := &bound{first: start, op: slo.AtMost, opAt: start}
		p.pos++
		return p.boundFrom(b, p.pos-1)
	}
	p.period = p.period || start.value == period
	called := p.called(&s)
	if !called && s.length < time.Minute && s.smallest >= time.Second && mayLimit[strings.ToLower(start.text)] {
		return p.between(start, s.last, fmt.Sprintf("%q may be a window, or the limit of a latency", p.quoted(start, s.last)), windowOrLatency)
	}
	if !called && mayBound[strings.ToLower(start.text)] {
		p.bounded = &start
	}
	return p.window(s)
}

// Words that stand before a window as well as before the limit of a latency: with seconds, and beside an objective, with any time.
var (
	mayLimit = map[string]bool{"in": true, "within": true, "over": true, "during": true}
	mayBound = map[string]bool{"in": true, "within": true}
)

// called says whether the span is called a window or a period, and moves its end behind that word.
func (p *parser) called(s *span) bool {
	next := p.skip(s.next, filler, particle)
	noun := p.token(next)
	if noun.kind != windowNoun {
		return false
	}
	s.next = next + 1
	p.period = p.period || noun.value == period
	return true
}

// limits says whether a span of seconds is the bound itself, "within 300ms": nothing else in the text is one.
func (p *parser) limits(s span) bool {
	if s.smallest > time.Second || p.bound != nil || p.prose {
		return false
	}
	for _, t := range p.tokens[s.next:] {
		if t.is(comparator, afterwards, consecutive) || t.kind == unitOf && t.unit.of == slo.Ratio {
			return false
		}
	}
	return true
}

// ParseWindow reads a cell that is a length of time and nothing else: "5m", "rolling 30 days", "최근 5분". Errors are *Error.
func ParseWindow(text string) (slo.Duration, error) {
	p := newParser(text)
	around := []kind{filler, lookBack, windowNoun, opening, closing, particle, holdFor}
	s, ok := p.spanAt(p.skip(0, around...))
	if end := p.token(p.skip(s.next, around...)); !ok || end.text != "" || s.length < time.Second {
		problem := &Error{Width: max(len(p.text), 1), Message: "is no length of time", Hint: `write for instance "5m" or "30 days"`}
		return 0, problem
	}
	return slo.Duration(s.length), nil
}

// numberClause reads what begins with a number: a window, a time to last, a percentile, or a bound.
func (p *parser) numberClause() *Error {
	t := p.token(p.pos)
	if p.token(p.pos+1).kind == percentile {
		p.pos++
		p.tokens[p.pos].start = t.start
		return p.quantile(t.value)
	}
	s, ok := p.spanAt(p.pos)
	if !ok && p.prose && !isDigit(rune(t.text[0])) && !p.counts(p.pos+1) {
		return p.pass(t) // "one of the following"
	}
	if !ok {
		return p.boundClause()
	}
	if p.token(s.next).per || p.token(s.next).text == "에" && p.token(s.next+1).kind == number { // 5분당, 5분에
		return p.perClause(s.first, slo.Duration(s.length), s.next+1)
	}
	if noun := p.token(p.skip(s.next, filler, particle)); noun.kind == windowNoun {
		return p.namedWindow(s, noun)
	}
	if p.lasts(&s) {
		return p.hold(s)
	}
	if ok && spanning[p.token(s.next).text] && s.smallest >= time.Second && p.countAhead(s.next+1) {
		s.next++
		return p.window(s) // 15분간 50회: events are counted in a time, nothing else
	}
	if p.parenthesised(&s) {
		return p.window(s)
	}
	if s.smallest <= time.Second || p.token(s.next).kind == afterwards && p.timeAlone() && !p.prose {
		return p.boundClause()
	}
	return p.between(s.first, s.last, fmt.Sprintf("%q is neither a window nor how long it lasts", p.quoted(s.first, s.last)),
		`write "(5m)" for a window, "for 10m" for how long it lasts`)
}

// spanning are what makes a length of time one that passes.
var spanning = map[string]bool{"간": true, "동안": true}

// parenthesised says whether the span stands alone in parentheses, (5m), (rolling 30d), and moves its end to the closing one.
func (p *parser) parenthesised(s *span) bool {
	first, last := p.pos-1, s.next
	for p.token(first).value == basis {
		first--
	}
	for p.token(last).value == basis {
		last++
	}
	more := p.token(last).kind == punctuation && p.token(last+1).kind == holdFor // (5m, for 10m)
	if p.token(first).kind != opening || p.token(last).kind != closing && !more {
		return false
	}
	s.next = last
	return true
}

// namedWindow reads "5분 이동창", "5m window", "5분 이내", where 이내 is the limit itself if the time can be one: "300ms 이내".
func (p *parser) namedWindow(s span, noun token) *Error {
	short := noun.text == "이내" || noun.text == "내" || noun.text == "안"
	if noun.text == "이내" && (p.limits(s) || !p.prose && p.timeAlone()) {
		return p.boundClause()
	}
	if short && s.length < time.Minute {
		return p.between(s.first, noun, fmt.Sprintf("%q may be a window, or the limit of a latency", p.quoted(s.first, noun)), windowOrLatency)
	}
	if short {
		p.bounded = &noun
	}
	p.called(&s)
	return p.window(s)
}

// counts says whether what follows makes a number out of a number word: "one or more", "three restarts in a row".
func (p *parser) counts(i int) bool {
	return p.token(p.skip(i, noun)).is(unitOf, afterwards, consecutive, normal)
}

// lasts says whether 지속 follows, as in "10분 이상 지속", and moves the span's end behind it.
func (p *parser) lasts(s *span) bool {
	i := p.skip(s.next, filler, particle)
	least := p.token(i).kind == afterwards && p.token(i).op == slo.AtLeast
	if least {
		i++
	}
	end := i
	i = p.skip(i, filler, particle)
	if p.token(i).kind == lasting {
		s.next = i + 1
		return true
	}
	if least && p.bound != nil && s.smallest >= time.Minute {
		s.next = end // 35% 초과 10분 이상
		return true
	}
	return false
}
