package condition

import "github.com/coclai/cutover/generator/slo"

// english holds words and phrases in lower case.
var english = lexicon(map[entry][]string{
	before(slo.Greater): {"over", "above", "more than", "greater than", "higher than", "slower than", "longer than", "exceeds", "exceed",
		"exceeding", "exceeded", "rise above", "rises above", "rising above", "go above", "goes above", "increases above", "climbs above",
		"spikes above", "jumps above", "in excess of"},
	before(slo.Less): {"under", "below", "less than", "fewer than", "lower than", "faster than", "shorter than", "fall below",
		"falls below", "falling below", "drop below", "drops below", "dropping below", "drops under", "falls under", "dips below",
		"goes below"},
	before(slo.AtLeast): {"at least", "greater than or equal to", "more than or equal to", "greater than or equal", "at or above", "reaches"},
	before(slo.AtMost):  {"at most", "up to", "no worse than", "not worse than", "less than or equal to", "less than or equal", "at or below"},
	{kind: comparator, op: slo.AtMost, strict: true}:  {"max", "maximum", "maximum of"},
	{kind: comparator, op: slo.AtLeast, strict: true}: {"minimum", "minimum of"},
	before(slo.Equal): {"equals", "equal to", "exactly"},
	after(slo.AtLeast): {"or more", "or longer", "or slower", "or higher", "or greater", "or above", "or over", "and more",
		"and above"},
	after(slo.AtMost):                      {"or less", "or fewer", "or lower", "or below", "or under", "or shorter"},
	ratio:                                  {"percent", "per cent", "pct"},
	times:                                  {"times", "time"},
	perSecond:                              {"rps", "qps", "tps"},
	perMinute:                              {"rpm"},
	microsecond:                            {"us", "µs", "μs", "microsecond", "microseconds"},
	millisecond:                            {"ms", "msec", "msecs", "millis", "millisecond", "milliseconds"},
	second:                                 {"s", "sec", "secs", "second", "seconds"},
	minute:                                 {"m", "min", "mins", "minute", "minutes"},
	hour:                                   {"h", "hr", "hrs", "hour", "hours"},
	day:                                    {"d", "day", "days"},
	week:                                   {"w", "week", "weeks"},
	year:                                   {"y", "year", "years"},
	{kind: baseline}:                       {"baseline"},
	{kind: versus}:                         {"by"},
	{kind: plus}:                           {"plus"},
	{kind: consecutive}:                    {"consecutive", "consecutively", "successive", "in succession", "in a row"},
	{kind: normal, sense: slo.SenseTarget}: {"is normal", "normal", "are normal"},
	{kind: percentile}:                     {"th percentile", "percentile"},
	{kind: quantile, value: "50"}:          {"median"},
	{kind: holdFor}: {"for", "lasting", "lasting for", "lasts", "lasts for", "sustained", "sustained for", "sustained over", "persisting for", "persists for",
		"persists",
		"continuing for", "continues for"},
	{kind: lookBack}: {"in", "within", "during", "in the last", "over the last", "within the last", "last", "past", "in the past",
		"over the past", "window of", "moving window of", "rolling window of"},
	{kind: windowNoun}:                      {"window", "windows", "moving window", "rolling window", "sliding window"},
	{kind: windowNoun, value: period}:       {"period", "rolling period", "compliance period"},
	{kind: heading, sense: slo.SenseTarget}: {"target", "objective", "slo", "goal"},
	{kind: heading, sense: slo.SenseAlert}:  {"alert", "alerts", "alarm", "page"},
	must:                                    {"must", "should", "shall"},
	good: {"good", "availability", "available", "uptime", "success", "successes", "successful",
		"succeed", "succeeds", "healthy"},
	bad: {"bad", "error", "errors", "failure", "failures", "failed", "fail", "fails", "timeout", "timeouts", "mismatch", "mismatches",
		"violation", "violations", "conflict", "conflicts", "downtime"},
	{kind: negation}: {"not", "no", "never", "cannot", "without", "unless", "except", "nor", "neither"},
	{kind: noun}: {"restart", "restarts", "runtime", "event", "events", "latency", "rate", "ratio", "count", "result", "results", "match",
		"matches", "request", "requests", "req", "reqs", "call", "calls", "response", "responses", "transactions", "queries", "response time",
		"http", "api", "incidents", "incident", "occurrence", "occurrences", "attempts", "messages", "msgs", "message", "jobs",
		"items", "records", "rows", "tasks", "sessions", "connections", "users", "pod", "pods", "container", "containers", "process",
		"processes", "instance", "instances", "node", "nodes", "worker", "workers", "crash", "crashes", "exceptions", "flaps",
		"pending", "unprocessed", "queued", "cpu", "memory", "disk", "heap", "pool", "capacity", "usage", "utilization", "utilisation",
		"queue", "depth", "lag", "backlog", "throughput", "age", "delay", "duration", "freshness"},
	{kind: noun, value: drifting}: {"drift"},
	{kind: filler}: {"a", "an", "the", "of", "is", "are", "any", "and", "when", "if", "it", "that", "then", "on", "at", "with", "be",
		"been", "do", "does", "did", "to",
		"stay", "stays", "remain", "remains"},
	{kind: filler, value: basis}: {"rolling", "moving", "sliding", "trailing"},
	{kind: change}: {"rise", "rises", "rising", "increase", "increases", "increased", "grow", "grows", "growth", "doubles", "doubled", "twice",
		"regression", "regressions", "regresses", "degradation", "degrades", "degraded", "deviation", "deviates", "difference", "delta", "variance"},
	fall:              {"drop", "drops", "fall", "falls", "decrease", "decreases", "decreased", "half"},
	{kind: reference}: {"gate", "item", "section", "row", "step"},
	each:              {"per"},
	{kind: trap}:      {"point", "points", "percentage point", "percentage points", "times the", "x", "between", "from"},
	{kind: number, value: "0", sense: slo.SenseTarget}: {"zero tolerance"},
	word("0"): {"zero"}, word("1"): {"one", "once"}, word("2"): {"two"}, word("3"): {"three"}, word("4"): {"four"}, word("5"): {"five"},
	word("6"): {"six"}, word("7"): {"seven"}, word("8"): {"eight"}, word("9"): {"nine"}, word("10"): {"ten"},
})

func word(value string) entry { return entry{kind: number, value: value} }

// period marks the windowNoun that makes a period, however short.
const period = "period"

// drifting marks the noun that with a percentage is a change: a drift of 20 % is 20 % of something.
const drifting = "drifting"

// basis marks the filler that may stand beside a window in parentheses: (30d rolling).
const basis = "basis"
