package condition

import (
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// kind is what a token is for.
type kind int

const (
	unknown     kind = iota // a word of prose
	number                  // 5, 0.5, three
	version                 // 4.1.5: a number of something, not a quantity
	unitOf                  // %, ms, 분, times
	comparator              // stands before its number: >, at most
	afterwards              // stands after it: 초과, or more
	arrow                   // =>, ->: looks like a comparison and is none
	baseline                // the captured baseline
	plus                    // joins the baseline and the excess over it
	versus                  // the same in words: 대비, by
	degree                  // 높으면: a comparison after 보다
	consecutive             // in a row
	normal                  // 0 is normal
	quantile                // p95
	percentile              // 95th percentile
	holdFor                 // for: how long it must hold, before the duration
	lasting                 // 지속: the same, after it
	lookBack                // in, within, last: the window, before the duration
	windowNoun              // moving window, 이동창, 이내: the same, after it
	negation                // not, no, 않음
	noun                    // what is counted; says nothing about the bound
	filler                  // the, is, of
	particle                // Korean endings and postpositions
	reference               // gate, item, section: before the number of one
	change                  // rises, 증가: the number is a difference to something
	heading                 // target, alert: which condition follows
	trap                    // per, points: would change the quantity if skipped
	malformed               // 1,00 or an invisible character: refused also in prose
	opening                 // (
	closing                 // )
	punctuation
)

// entry is what the lexicon knows about a word, a phrase or a sign.
type entry struct {
	kind  kind
	op    slo.Op
	unit  unit
	value string // of number words, and of quantiles

	strict bool      // a comparator that must stand right before its number
	per    bool      // a trap that makes a rate if a time follows, or stands before it
	sense  slo.Sense // which condition the word makes it
	share  slo.Share // which events the word is about
}

// unit is what follows a number. Only those of seconds and below can be a bound; length is set for all measures of time.
type unit struct {
	of     slo.Unit
	length time.Duration
	per    time.Duration // rps: events per second
}

var (
	ratio       = entry{kind: unitOf, unit: unit{of: slo.Ratio}}
	times       = entry{kind: unitOf, unit: unit{of: slo.Count}}
	perSecond   = entry{kind: unitOf, unit: unit{of: slo.Count, per: time.Second}}
	perMinute   = entry{kind: unitOf, unit: unit{of: slo.Count, per: time.Minute}}
	microsecond = entry{kind: unitOf, unit: unit{of: slo.Seconds, length: time.Microsecond}}
	millisecond = entry{kind: unitOf, unit: unit{of: slo.Seconds, length: time.Millisecond}}
	second      = entry{kind: unitOf, unit: unit{of: slo.Seconds, length: time.Second}}
	minute      = entry{kind: unitOf, unit: unit{length: time.Minute}}
	hour        = entry{kind: unitOf, unit: unit{length: time.Hour}}
	day         = entry{kind: unitOf, unit: unit{length: 24 * time.Hour}}
	week        = entry{kind: unitOf, unit: unit{length: 7 * 24 * time.Hour}}
	year        = entry{kind: unitOf, unit: unit{length: 365 * 24 * time.Hour}}

	each = entry{kind: trap, per: true}
	fall = entry{kind: change, op: slo.Less}
	must = entry{kind: filler, sense: slo.SenseTarget}
	good = entry{kind: noun, share: slo.ShareGood}
	bad  = entry{kind: noun, share: slo.ShareBad}
)

// signs are read longest first. Those that only look like comparisons are arrows, lest => be taken for >=.
var signs = map[string]entry{
	"<": before(slo.Less), "<=": before(slo.AtMost), "≤": before(slo.AtMost), "=": before(slo.Equal), "==": before(slo.Equal),
	">": before(slo.Greater), ">=": before(slo.AtLeast), "≥": before(slo.AtLeast), "!=": before(slo.Different),
	"≠": before(slo.Different), "≦": before(slo.AtMost), "≧": before(slo.AtLeast), "⩽": before(slo.AtMost), "⩾": before(slo.AtLeast),
	"=>": {kind: arrow}, "->": {kind: arrow}, "=<": {kind: arrow}, "<-": {kind: arrow}, "<>": {kind: arrow}, "><": {kind: arrow},
	">>": {kind: arrow}, "<<": {kind: arrow}, "===": {kind: arrow}, "<=>": {kind: arrow}, "→": {kind: arrow}, "⇒": {kind: arrow},
	"%": ratio, "+": {kind: plus}, "(": {kind: opening}, ")": {kind: closing},
	"/": each, "‰": {kind: trap}, "±": {kind: trap}, "-": {kind: trap}, "−": {kind: trap}, "–": {kind: trap}, "~": {kind: trap},
	"*": {kind: trap}, "×": {kind: trap}, "≈": {kind: trap}, "~=": {kind: trap}, "〜": {kind: trap}, "∼": {kind: trap}, "′": {kind: trap},
	"″": {kind: trap}, "#": {kind: trap}, "$": {kind: trap}, "€": {kind: trap}, "£": {kind: trap}, "₩": {kind: trap}, "^": {kind: trap},
	",": {kind: punctuation}, ";": {kind: punctuation}, ":": {kind: punctuation}, ".": {kind: punctuation},
}

func before(op slo.Op) entry { return entry{kind: comparator, op: op} }

func after(op slo.Op) entry { return entry{kind: afterwards, op: op} }

// lexicon turns a table by meaning into one by word.
func lexicon(meanings map[entry][]string) map[string]entry {
	words := map[string]entry{}
	for e, list := range meanings {
		for _, w := range list {
			words[w] = e
		}
	}
	return words
}
