package proof

import "regexp"

// Equivalent names mutants that no test can tell from the rule, or that are redundant by design, and why. Patterns match anywhere; "" matches
// all.
type Equivalent struct {
	Rule     string   // the name of the series or alert
	Operator Operator // "" is any
	Was, Is  string   // what changes, before and after
	Near     string   // the operation around it
	Within   string   // the case of or that it stands in
	Before   string   // the whole expression
	Idle     bool     // only what is shown to say the same
	Reason   string
}

func lookup(table []Equivalent, m Mutant) (Equivalent, bool) {
	for _, e := range table {
		if (e.Operator == m.Operator || e.Operator == "") && (m.Idle || !e.Idle) && matches(e.Rule, m.Rule) && matches(e.Was, m.Was) && matches(e.Is, m.Is) && matches(e.Near, m.Near) && matches(e.Within, m.Within) &&
			matches(e.Before, m.Before) {
			return e, true
		}
	}
	return Equivalent{}, false
}

func matches(pattern, text string) bool {
	return pattern == "" || regexp.MustCompile(pattern).MatchString(text)
}

// Expressions of generator/prom, as far as the table needs them.
const (
	anyCount = `^\(?sum.*resets\(` // the cases of a count
	// What a tile of a budget remembers: every scrape of some minutes, and before those some of an hour.
	betweenMemories = `^last_over_time\([^ ]+ offset \d+m\) or last_over_time\([^ ]+ offset \d+m\)$`
	startCount      = `^max\(sum_over_time.*> bool 2\)`
)

// Equivalents is the table for the templates of generator/prom.
var Equivalents = []Equivalent{
	{Operator: NoMatcher, Idle: true, Reason: "operands match on the label, and the other one keeps the matcher"},
	{Operator: NoLabel, Idle: true, Reason: "all that is matched has one value of it"},
	{Operator: GreaterNumber, Is: `^0.5$`, Near: `^slo:events[^ ]+ > 0$`, Reason: "events are whole: there is none, or one at least"},
	{Operator: OtherComparison, Was: `^histogram_quantile`, Is: ` > 0$`, Reason: "no request takes no time at all"},
	{Operator: SmallerNumber, Is: `^-0.5$`, Near: `^histogram_quantile`, Reason: "what is dropped is NaN, and no request takes less than no time"},
	{Operator: OtherComparison, Is: `> -Inf$`, Reason: "what is dropped is NaN; no gauge measures minus infinity"},
	{Operator: OtherComparison, Was: ` - slo:baseline.* > [0-9.]+$`, Is: ` >= `, Reason: "a difference of two quantiles is equal to a decimal by chance only"},
	{Operator: LongerWindow, Was: `^\[1d$`, Near: `last_over_time`, Reason: "how long memory lasts, beyond any gap that is played, is a choice"},
	{Operator: ShorterWindow, Was: `^\[1d$`, Near: `last_over_time`, Reason: "how long memory lasts, beyond any gap that is played, is a choice"},
	{Operator: LongerWindow, Was: `^\[`, Near: `^last_over_time`, Before: startCount, Reason: "how far back the process before is looked for, and how long its start is shown, are choices, beyond any gap that is played"},
	{Operator: ShorterWindow, Was: `^\[`, Near: `^last_over_time`, Before: startCount, Reason: "how far back the process before is looked for, and how long its start is shown, are choices, beyond any gap that is played"},
	{Operator: GreaterNumber, Is: `^3$`, Near: `> bool 2$`, Before: `:(\d+m|\d\ds)\]`, Reason: "a clock wanders by a second or two, and no process starts twice within a scrape"},
	{Operator: NoMatcher, Within: `^0 \* count`, Before: anyCount, Reason: "nothing fires on a 0 too many"},
	{Operator: OtherComparison, Was: `^(round\(|max_over_time\([^ ]*\) > 0$|[^ (]+ > 0$)`, Is: `>= 0$`, Within: ` and `, Before: anyCount, Reason: "a count of 0 adds nothing"},
	{Operator: SmallerNumber, Is: `^-0.5$`, Near: `^(round\(|max_over_time\([^ ]*\) > 0$|[^ (]+ > 0$)`, Within: ` and `, Before: anyCount, Reason: "a count of 0 adds nothing"},
	{Operator: GreaterNumber, Is: `^0.5$`, Near: ` > 0$`, Before: anyCount, Reason: "events are whole: there is none, or one at least"},
	{Operator: LongerWindow, Near: `^(round|resets)\(`, Within: ` and resets`, Before: anyCount, Reason: "cases overlap: what this one leaves at the edge of its window, another counts"},
	{Operator: ShorterWindow, Near: `^(round|resets)\(`, Within: ` and resets`, Before: anyCount, Reason: "cases overlap: what this one leaves at the edge of its window, another counts"},
	{Operator: LongerWindow, Was: `^\[`, Near: `^0 \* max_over_time`, Before: anyCount, Reason: "0 is subtracted from what has samples in the window, and from nothing else"},
	{Operator: LongerWindow, Near: `^(last_over_time\(process|changes\()`, Before: anyCount, Reason: "cases overlap: what this one leaves at the edge of its window, another counts"},
	{Operator: LongerWindow, Near: `^count_over_time`, Before: anyCount, Reason: "cases overlap: what this one leaves at the edge of its window, another counts"},
	{Operator: LongerWindow, Near: `^min by`, Before: anyCount, Reason: "cases overlap: what this one leaves at the edge of its window, another counts"},
	{Operator: ShorterWindow, Near: `^min by`, Before: anyCount, Reason: "cases overlap: what this one leaves at the edge of its window, another counts"},
	{Operator: ShorterWindow, Within: `^round\(increase\([^ ]+ > 0$`, Before: anyCount, Reason: "cases overlap: what this one leaves at the edge of its window, another counts"},
	{Operator: ShorterWindow, Near: `^max_over_time`, Within: `unless [^ ]+ offset`, Before: anyCount, Reason: "cases overlap: what this one leaves at the edge of its window, another counts"},
	{Operator: Swapped, Was: `^time\(\) - `, Within: `changes\(`, Before: anyCount, Reason: "a first process that started just then, or any: another case counts the same"},
	{Operator: GreaterNumber, Near: `^time\(\) - `, Within: `changes\(`, Before: anyCount, Reason: "a first process that started just then, or any: another case counts the same"},
	{Operator: OtherComparison, Is: `>= time\(\)`, Within: `changes\(`, Before: anyCount, Reason: "a first process that started just then, or any: another case counts the same"},
	{Operator: LongerWindow, Was: `^offset \d+m$`, Near: `^last_over_time\(up`, Before: anyCount, Reason: "that a target was known is looked for in strides: a minute more shows the same"},
	{Operator: ShorterWindow, Was: `^offset \d+m$`, Near: `^last_over_time\(up`, Before: anyCount, Reason: "that a target was known is looked for in strides: a minute less shows the same"},
	{Operator: LongerWindow, Was: `^offset \d+m$`, Near: `^up.* == 1$`, Before: anyCount, Reason: "cases overlap: what this one leaves at the edge of its window, another counts"},
	{Operator: LongerWindow, Was: `^(\[|offset 10m$)`, Near: betweenMemories, Reason: "what lies between the two memories both see; how long the longer lasts, beyond any gap that is played, is a choice"},
	{Operator: ShorterWindow, Near: betweenMemories, Reason: "what lies between the two memories both see; how long the longer lasts, beyond any gap that is played, is a choice"},
	{Operator: LongerWindow, Was: `^\[`, Near: `^last_over_time\([^ ]+ - \(last_over_time`, Before: `^slo:budget_events[^ ]+ - on `, Reason: "a series that is lost has grown by nothing, and no good event at all is as much"},
	{Operator: SmallerNumber, Is: `^-0.5$`, Near: `^\(last_over_time\([^ ]+ - \(last_over_time`, Reason: "events are whole: a counter that falls does so by one at least"},
	{Operator: GreaterNumber, Is: `^0.5$`, Near: `^sum\(increase\([^ ]+ > 0$`, Reason: "events are whole: there is none, or one at least"},
	{Operator: NoMatcher, Within: `^0 \* sum\(increase\(`, Reason: "0 is added where no bad event has samples, and where there are none at all nothing is divided"},
	{Operator: LongerWindow, Within: `^0 \* sum\(increase\(`, Reason: "0 is added where no bad event has samples, and where there are none at all nothing is divided"},
	{Operator: ShorterWindow, Within: `^0 \* sum\(increase\(`, Reason: "0 is added where no bad event has samples, and where there are none at all nothing is divided"},
	{Before: `^\(.*\) >= -Inf$`, Rule: `^slo:value$`, Reason: "the expression is its author's: the tests play its value"},
	{Operator: GreaterNumber, Rule: `^Watchdog$`, Reason: "the Watchdog says that it is there, not how much"},
	{Operator: SmallerNumber, Rule: `^Watchdog$`, Reason: "the Watchdog says that it is there, not how much"},
}
