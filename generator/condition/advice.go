package condition

import (
	"fmt"
	"strings"
	"unicode"
)

// advice is what to say about a word that stands in many tables and cannot be a part of a condition.
type advice struct{ reason, hint string }

var (
	vague   = advice{"has no fixed length", `write the days, for instance "99.9% (30d)"`}
	silent  = advice{"does not say what is allowed, or what alerts", `write "0" where none is allowed, ">= 1" where one is too many`}
	mean    = advice{"is no quantile: an average hides the slow requests", `write for instance "p95 <= 300ms"`}
	blurred = advice{"leaves the bound open", `write the exact number, for instance ">= 5%"`}
	points  = advice{"is a difference, not a share", `write the share itself, for instance "> 3%", or "baseline + > 35%"`}
	budget  = advice{"is no measurement that a cell can bound", `write the objective, for instance "99.9% (30d)"`}
	short   = advice{"may be a number or a unit", `write all digits, for instance "> 1,000"`}
	ranged  = advice{"makes a range, which has two bounds", `state one bound, for instance ">= 5%"`}
	factor  = advice{"is a factor, not an excess", `write the excess over the baseline, for instance "baseline + > 35%"`}
	extreme = advice{"may be a bound or a statistic", `write for instance "<= 300ms"`}
)

var advices = map[string]advice{
	"month": vague, "months": vague, "monthly": vague, "quarter": vague, "quarterly": vague, "개월": vague, "월": vague, "월간": vague,
	"매월": vague, "분기": vague, "weekly": vague, "daily": vague,
	"none": silent, "없음": silent, "N": silent, "no": silent, "tbd": silent, "미정": silent,
	"average": mean, "avg": mean, "mean": mean, "평균": mean,
	"about": blurred, "approx": blurred, "approximately": blurred, "around": blurred, "roughly": blurred, "약": blurred, "대략": blurred,
	"정도": blurred, "±": blurred, "≈": blurred, "~=": blurred,
	"pp": points, "포인트": points, "points": points, "percentage point": points, "percentage points": points,
	"burn": budget, "budget": budget,
	"k": short, "K": short, "M": short, "만": short, "천": short,
	"between": ranged, "from": ranged,
	"x": factor, "×": factor, "배": factor,
	"min": extreme,
}

// unread is an error about a token that cannot be read: advice where there is some, else what it is not.
func (p *parser) unread(t token, otherwise string) *Error {
	if t.kind == malformed {
		return p.illegible(t)
	}
	if a, ok := p.advise(t); ok {
		return p.at(t, fmt.Sprintf("%q %s", t.text, a.reason), a.hint)
	}
	return p.at(t, fmt.Sprintf("%q is %s", t.text, otherwise), usage)
}

// advise finds what to say about a token. A dash is one thing after a number and another alone in a cell.
func (p *parser) advise(t token) (advice, bool) {
	if strings.Contains("-–—−~〜∼", t.text) {
		first := p.token(0)
		alone := first.start == t.start
		return map[bool]advice{true: silent, false: ranged}[alone], alone && len(p.tokens) == 1 || first.kind == number
	}
	if len(t.text) == 1 {
		a, ok := advices[t.text]
		return a, ok
	}
	a, ok := advices[strings.ToLower(t.text)]
	return a, ok
}

// illegible is about what cannot be seen, or is seen by everybody differently.
func (p *parser) illegible(t token) *Error {
	if r := []rune(t.text)[0]; !isDigit(r) && unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me, unicode.Co) {
		return p.at(t, fmt.Sprintf("an invisible character (%U)", r), "delete it; "+usage)
	}
	return p.at(t, fmt.Sprintf("%q is no number", t.text), `write all digits and a point: "> 1000", "> 1,000", "> 0.5%"`)
}
