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
	trap                    // per, points: would change the quantity if skipped
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
}

// unit is what follows a number. Only those of seconds and below can be a bound; length is set for all measures of time.
type unit struct {
	of     slo.Unit
	length time.Duration
}

var (
	ratio       = entry{kind: unitOf, unit: unit{of: slo.Ratio}}
	times       = entry{kind: unitOf, unit: unit{of: slo.Count}}
	millisecond = entry{kind: unitOf, unit: unit{of: slo.Seconds, length: time.Millisecond}}
	second      = entry{kind: unitOf, unit: unit{of: slo.Seconds, length: time.Second}}
	minute      = entry{kind: unitOf, unit: unit{length: time.Minute}}
	hour        = entry{kind: unitOf, unit: unit{length: time.Hour}}
	day         = entry{kind: unitOf, unit: unit{length: 24 * time.Hour}}
)

// signs are read longest first. Those that only look like comparisons are arrows, lest => be taken for >=.
var signs = map[string]entry{
	"<": before(slo.Less), "<=": before(slo.AtMost), "≤": before(slo.AtMost), "=": before(slo.Equal), "==": before(slo.Equal),
	">": before(slo.Greater), ">=": before(slo.AtLeast), "≥": before(slo.AtLeast), "!=": before(slo.Different),
	"≠":  before(slo.Different),
	"=>": {kind: arrow}, "->": {kind: arrow}, "=<": {kind: arrow}, "<-": {kind: arrow}, "<>": {kind: arrow}, "><": {kind: arrow},
	">>": {kind: arrow}, "<<": {kind: arrow}, "===": {kind: arrow}, "<=>": {kind: arrow}, "→": {kind: arrow}, "⇒": {kind: arrow},
	"%": ratio, "+": {kind: plus}, "(": {kind: opening}, ")": {kind: closing},
	"/": {kind: trap}, "‰": {kind: trap}, "±": {kind: trap}, "-": {kind: trap}, "−": {kind: trap}, "–": {kind: trap}, "~": {kind: trap},
	"*": {kind: trap},
	"×": {kind: trap}, ",": {kind: punctuation}, ";": {kind: punctuation}, ":": {kind: punctuation}, ".": {kind: punctuation},
}

func before(op slo.Op) entry { return entry{kind: comparator, op: op} }

func after(op slo.Op) entry { return entry{kind: afterwards, op: op} }

// english holds words and phrases in lower case.
var english = lexicon(map[entry][]string{
	before(slo.Greater): {"over", "above", "more than", "greater than", "higher than", "exceeds", "exceed", "exceeding", "exceeded"},
	before(slo.Less):    {"under", "below", "less than", "fewer than", "lower than"},
	before(slo.AtLeast): {"at least", "greater than or equal to", "more than or equal to"},
	before(slo.AtMost):  {"at most", "up to", "less than or equal to"},
	before(slo.Equal):   {"equals", "equal to", "exactly"},
	after(slo.AtLeast):  {"or more", "or longer", "or higher", "or greater", "or above", "or over", "and more", "and above"},
	after(slo.AtMost):   {"or less", "or fewer", "or lower", "or below", "or under", "or shorter"},
	ratio:               {"percent", "per cent"},
	times:               {"times", "time"},
	millisecond:         {"ms", "millisecond", "milliseconds"},
	second:              {"s", "sec", "second", "seconds"},
	minute:              {"m", "min", "mins", "minute", "minutes"},
	hour:                {"h", "hour", "hours"},
	day:                 {"d", "day", "days"},
	{kind: baseline}:    {"baseline"},
	{kind: versus}:      {"by"},
	{kind: consecutive}: {"consecutive", "consecutively", "successive", "in succession", "in a row"},
	{kind: normal}:      {"is normal", "normal", "are normal"},
	{kind: percentile}:  {"th percentile", "percentile"},
	{kind: holdFor}: {"for", "lasting", "lasting for", "lasts", "lasts for", "sustained for", "persisting for", "persists for",
		"persists",
		"continuing for", "continues for"},
	{kind: lookBack}: {"in", "within", "during", "in the last", "over the last", "within the last", "last", "past", "in the past",
		"over the past", "window of", "moving window of", "rolling window of"},
	{kind: windowNoun}: {"window", "windows", "moving window", "rolling window", "sliding window"},
	{kind: negation}:   {"not", "no", "never", "cannot", "without", "unless", "except", "nor", "neither"},
	{kind: noun}: {"restart", "restarts", "runtime", "mismatch", "mismatches", "violation", "violations", "error", "errors", "failure",
		"failures", "event",
		"events", "latency", "rate", "ratio", "count", "result", "results", "match", "matches"},
	{kind: filler}: {"a", "an", "the", "of", "is", "are", "any", "and", "when", "if", "it", "that", "then", "on", "at", "with", "be",
		"been", "do", "does", "did", "to"},
	{kind: change}: {"rise", "rises", "rising", "increase", "increases", "increased", "grow", "grows", "growth", "drop", "drops", "fall",
		"falls", "decrease",
		"decreases", "decreased", "doubles", "doubled", "twice", "half"},
	{kind: reference}: {"gate", "item", "section", "row", "step"},
	{kind: trap}:      {"per", "point", "points", "percentage point", "percentage points", "times the", "x", "between", "from"},
	word("0"):         {"zero"}, word("1"): {"one"}, word("2"): {"two"}, word("3"): {"three"}, word("4"): {"four"}, word("5"): {"five"},
	word("6"): {"six"}, word("7"): {"seven"}, word("8"): {"eight"}, word("9"): {"nine"}, word("10"): {"ten"},
})

func word(value string) entry { return entry{kind: number, value: value} }

// korean holds stems; a run of Hangul is cut into these.
var korean = lexicon(map[entry][]string{
	after(slo.Greater):  {"초과", "넘는", "넘으면", "넘을"},
	after(slo.AtLeast):  {"이상"},
	after(slo.AtMost):   {"이하"},
	after(slo.Less):     {"미만"},
	ratio:               {"퍼센트", "프로"},
	times:               {"회", "건", "번", "개"},
	millisecond:         {"밀리초"},
	second:              {"초"},
	minute:              {"분"},
	hour:                {"시간"},
	day:                 {"일"},
	{kind: baseline}:    {"베이스라인", "기준선"},
	{kind: versus}:      {"대비", "보다"},
	{kind: consecutive}: {"연속"},
	{kind: normal}:      {"정상"},
	{kind: lasting}:     {"지속", "유지", "계속"},
	{kind: lookBack}:    {"최근"},
	{kind: windowNoun}:  {"이동창", "이동윈도우", "윈도우", "창", "이내", "내", "안"},
	{kind: noun}:        {"재시작", "불일치", "위반", "오류", "에러", "실패", "결과", "지연", "비율", "횟수"},
	{kind: change}:      {"증가", "감소", "상승", "하락", "급증"},
	{kind: trap}:        {"포인트", "당", "배"},
	{kind: filler}:      {"기준", "이동", "동안", "간"},
	{kind: particle}: {"가", "이", "은", "는", "을", "를", "의", "로", "으로", "에", "에서", "시", "인", "된", "되면", "되는", "됨", "될", "되어", "하면", "하는",
		"할", "한", "함", "임", "이면", "면", "때", "경우",
		"발생", "후", "했을", "했을때"},
})

// refusals are the roots of Korean negation: a word with one of them turns the sense of what stands before it.
var refusals = []string{"않", "아니", "아닌", "아님", "없", "못", "제외", "말고"}

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
