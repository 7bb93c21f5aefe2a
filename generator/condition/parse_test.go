package condition_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/slo"
	"github.com/google/go-cmp/cmp"
)

const (
	minutes = slo.Duration(time.Minute)
	hours   = slo.Duration(time.Hour)
)

func number(text string) slo.Decimal { return slo.MustDecimal(text) }

var (
	over2       = slo.Condition{Op: slo.Greater, Value: number("0.02"), Unit: slo.Ratio}
	over2in5m   = slo.Condition{Op: slo.Greater, Value: number("0.02"), Unit: slo.Ratio, Window: 5 * minutes}
	over2for10m = slo.Condition{Op: slo.Greater, Value: number("0.02"), Unit: slo.Ratio, For: 10 * minutes}
	over35      = slo.Condition{Op: slo.Greater, Value: number("0.35"), Unit: slo.Ratio, Relative: true}
	over35for10 = slo.Condition{Op: slo.Greater, Value: number("0.35"), Unit: slo.Ratio, Relative: true, For: 10 * minutes}
	threeInARow = slo.Condition{Op: slo.AtLeast, Value: number("3"), Unit: slo.Count, Consecutive: true}
	zero        = slo.Condition{Op: slo.Equal}
	oneOrMore   = slo.Condition{Op: slo.AtLeast, Value: number("1")}
	oneTime     = slo.Condition{Op: slo.AtLeast, Value: number("1"), Unit: slo.Count}
)

func with(c slo.Condition, change func(*slo.Condition)) slo.Condition { change(&c); return c }

func p95(c slo.Condition) slo.Condition {
	return with(c, func(c *slo.Condition) { c.Quantile = number("0.95") })
}

func seconds(op slo.Op, value string) slo.Condition {
	return slo.Condition{Op: op, Value: number(value), Unit: slo.Seconds}
}

func percent(op slo.Op, value string) slo.Condition {
	return slo.Condition{Op: op, Value: number(value), Unit: slo.Ratio}
}

func target(c slo.Condition) slo.Condition {
	return with(c, func(c *slo.Condition) { c.Sense = slo.SenseTarget })
}

func in(window slo.Duration, c slo.Condition) slo.Condition {
	return with(c, func(c *slo.Condition) { c.Window = window })
}

func TestParseReadsCells(t *testing.T) {
	tests := []struct {
		want  slo.Condition
		cells []string
	}{
		// The matrix of the reference runbook, as it stands and in English.
		{in(5*minutes, percent(slo.AtMost, "0.01")), []string{"<= 1% (5m)", "≤ 1 % over 5m", "1% 이하 (5분)", "at most 1% in 5 minutes",
			"no more than 1% (5m)"}},
		{over2in5m, []string{"> 2% (5m)", "＞ 2％ （5m）", "2% 초과 (5m)", "more than 2% over 5m", "> 2% over 5m", "> 2% in 5m",
			"> 2% in the last 5 minutes",
			"> 2%, 5분 이동창 기준", "5분 이동창 기준 > 2%", "over 5m > 2%", "5-minute moving window: > 2%", "> 2% over a 5-minute moving window",
			"최근 5분 2% 초과",
			"> 2% (5m window)", "above 2 percent within 5m", "5분 내 2% 초과", "> 2% (window 5m)", "> 2% (moving window of 5 minutes)",
			"> 2.0% (300s)"}},
		{slo.Condition{Op: slo.AtMost, Value: number("0.2"), Unit: slo.Ratio, Relative: true}, []string{"baseline + <= 20%",
			"<= baseline + 20%", "baseline 대비 20% 이하",
			"at most 20% above baseline", "no more than 20% above the baseline", "20% or less above baseline"}},
		{over35for10, []string{"baseline + > 35% for 10m", "> baseline + 35% for 10m", "baseline 대비 35% 초과, 10분 이상 지속",
			"more than 35% above baseline for 10 minutes",
			"more than 35% over the baseline for at least 10 minutes", "exceeds baseline by 35% for 10 minutes or longer",
			"기준선 대비 35% 초과 10분간 지속",
			"above baseline by more than 35%, lasting 10m", "> baseline 대비 35% 초과 10분 지속"}},
		{zero, []string{"mismatch 0", "0", "== 0", "= 0", "0 mismatches", "exactly 0", "불일치 0"}},
		{target(zero), []string{"0 정상", "0 is normal", "zero is normal"}},
		{with(zero, func(c *slo.Condition) { c.Unit = slo.Count }), []string{"0건", "0 times"}},
		{target(with(zero, func(c *slo.Condition) { c.Unit = slo.Count })), []string{"0회 정상"}},
		{with(zero, func(c *slo.Condition) { c.Value = number("1") }), []string{"== 1"}},
		{target(with(zero, func(c *slo.Condition) { c.Value = number("1") })), []string{"1 정상", "1 is normal"}},
		{threeInARow, []string{"3회 연속 restart", "3 consecutive restarts", "연속 3회 이상", "3 or more in succession", "3 times in a row",
			"at least 3 consecutive",
			"three consecutive restarts", "3회 이상 연속", "3번 연속 재시작", ">= 3 consecutive"}},
		{percent(slo.AtMost, "0.005"), []string{"<= 0.5%", "0.5% 이하", "0.50% or less", "up to 0.5%"}},
		{in(15*minutes, percent(slo.Greater, "0.01")), []string{"> 1% (15m)", "1% 초과 (15분)"}},
		{slo.Condition{Op: slo.Greater}, []string{"mismatch > 0", "> 0", "불일치 0 초과", "more than 0 mismatches"}},

		// Neighbours.
		{over2, []string{"2%를 초과", "2퍼센트 초과", "> 2% 초과", "not at most 2%", "exceeds 2%", "greater than 2%"}},
		{over2for10m, []string{"> 2% for 10m", "> 2% for 10 minutes or longer", "> 2%, 10분 이상 지속", "2% 초과가 10분 이상 지속",
			"for 10m > 2%",
			"> 2% lasting at least 10m"}},
		{percent(slo.AtMost, "0.02"), []string{"not over 2%", "not more than 2%", "no greater than 2%", "less than or equal to 2%"}},
		{percent(slo.Less, "0.995"), []string{"< 99.5%", "99.5% 미만", "below 99.5%", "under 99.5%"}},
		{in(30*24*hours, percent(slo.AtLeast, "0.999")), []string{">= 99.9% (30d)", "99.9% 이상 (30일)", "99.9% or more over 30 days"}},
		{seconds(slo.Greater, "0.3"), []string{"> 300ms", "over 300ms", "300ms 초과", "> 0.3s", "> 300 milliseconds", "300밀리초 초과"}},
		{in(5*minutes, seconds(slo.Greater, "0.5")), []string{"over 500ms over 5m", "> 500ms (5m)"}},
		{seconds(slo.AtLeast, "30"), []string{">= 30s", "30초 이상", "at least 30 seconds"}},
		{in(90*minutes, seconds(slo.Less, "2")), []string{"< 2s (1h30m)", "< 2s over 1 hour 30 minutes", "2초 미만 (1시간 30분)"}},
		{p95(seconds(slo.AtMost, "0.25")), []string{"p95 <= 250ms", "95th percentile <= 250ms", "P95 latency <= 250ms"}},
		{in(30*slo.Duration(time.Second), over2), []string{"> 2% (30s)", "over a 30-second moving window > 2%", "> 2% in the last 30 seconds"}},
		{p95(over35), []string{"p95 > baseline + 35%", "p95 baseline + > 35%"}},
		{oneOrMore, []string{"1 or more", ">= 1", "at least one", "at least 1 violation", "one or more"}},
		{oneTime, []string{"1건 이상", "1회 이상", ">= 1 times", "위반 1건 이상"}},
		{slo.Condition{Op: slo.Different}, []string{"!= 0", "≠ 0", "not equal to 0"}},
	}
	for _, test := range tests {
		for _, cell := range test.cells {
			got, err := condition.Parse(cell)
			if err != nil {
				t.Errorf("%q: %v", cell, err)
			} else if got != test.want {
				t.Errorf("%q: got %q %+v, want %q", cell, condition.Print(got), got, condition.Print(test.want))
			}
		}
	}
}

// What is refused: the text, the part under the caret, and the message.
var refusedCells = []struct{ cell, caret, message string }{
	{"", "", "states no bound"},
	{"normal", "normal", `"normal" is not understood here`},
	{"low", "low", `"low" is not understood here`},
	{"(5m)", "(5m)", "states no bound"},
	{"> 2 percentish", "percentish", `"percentish" is no unit`},
	{"> 2% (5 parsecs)", "parsecs", `"parsecs" is no unit`},
	{"> 2%% (5m)", "%", `"%" is not understood here`},
	{"> 35%p", "35%p", `"35%p" is no quantity`},
	{"> 35 percentage points", "percentage points", `"percentage points" is a difference, not a share`},
	{"> 2x baseline", "x", `"x" is a factor, not an excess`},
	{"> 5M", "M", `"M" may be a number or a unit`},
	{"> 1,00", "1,00", `"1,00" is no number`},
	{"> 1.2.3", "1.2.3", `"1.2.3" is no number`},
	{"> 1e3", "e3", `"e3" is no unit`},
	{"> -2%", "-", `"-" is no number`},
	{"5-10%", "-", `"-" makes a range, which has two bounds`},
	{"5% ~ 10%", "5% ~", `"5% ~" is no quantity`},
	{"> ", ">", `no number follows ">"`},
	{"> often", "often", `"often" is no number`},
	{"baseline +", "baseline", `no number follows "baseline"`},
	{"3", "3", `"3" says no comparison`},
	{"2%", "2%", `"2%" says no comparison`},
	{"mismatch 3", "3", `"3" says no comparison`},
	{"35% above baseline", "35% above baseline", `"35% above baseline" says no comparison`},
	{"baseline + 20%", "baseline + 20%", `"baseline + 20%" says no comparison`},
	{"baseline 35% 초과", "baseline 35", "how the number relates to the baseline is not said"},
	{"baseline - > 10%", "-", `"-" is no number`},
	{"baseline + > 20ms", "20", "the excess over a baseline must be a percentage"},
	{"> 5% below baseline", "5% below", `"5% below" is no bound`},
	{"35% above usual", "35% above", `"35% above" is no bound`},
	{"지난주 대비 35% 초과", "지난주", `"지난주" is not understood here`},
	{"대비 35% 초과", "대비 35", "what the number is added to is not said"},
	{"> 35% 이상", "이상", `"이상" contradicts ">"`},
	{">= 2% 초과", "초과", `"초과" contradicts ">="`},
	{"at most 3 or more", "or more", `"or more" contradicts "at most"`},
	{"2% 초과하지 않음", "2% 초과하지", `"2% 초과하지" is no quantity`},
	{"> 2% and > 5%", "> 5%", `"> 5%" is a second bound`},
	{"> 2% or > 5 times", "or", `"or" is not understood here`},
	{"2 > 1", "2", `"2" says no comparison`},
	{"=> 2%", "=>", `"=>" is not understood here`},
	{"> > 2%", ">", `a second ">"`},
	{">> 2%", ">>", `">>" is not understood here`},
	{"> 2% 5m", "5m", `"5m" is neither a window nor how long it lasts`},
	{"> 2% 10분 동안", "10분", `"10분" is neither a window nor how long it lasts`},
	{"> 2% [5m]", "[", `"[" is not understood here`},
	{"> 2% (5m) (6m)", "6m", "a second, different window"},
	{"> 2% for 5m for 6m", "6m", "a second, different time to last"},
	{"> 2% (0m)", "0m", "a length of time must be above 0"},
	{"> 2% (100ms)", "100ms", `"100ms" is no window`},
	{"> 2% (1.5h)", "1.5h", `"1.5h" cannot be a bound`},
	{"> 2% (9999d)", "9999d", `"9999d" cannot be a bound`},
	{"> 5m", "5m", `"5m" cannot be a bound`},
	{"> 2% for 10m or less", "or less", "only a least time can be held"},
	{"> 2% for the last 10m", "for the last", "may be a window or how long it lasts"},
	{"> 2% (5m, 50 requests)", "5m", `"5m" is neither a window nor how long it lasts`},
	{"p95 and p99 > 2s", "p99", "a second, different quantile"},
	{"p5 > 2s", "p5", `"p5" is not understood here`},
	{"10th percentile > 2s", "10th percentile", `"10th percentile" is no quantile from p50 to p99.99`},
	{"100th percentile > 2s", "100th percentile", `"100th percentile" is no quantile from p50 to p99.99`},
	{"3% consecutive", "3", "only events can be consecutive"},
	{"> 99999999999999999999%", "99999999999999999999", `"99999999999999999999" has more than 18 digits`},
	{"<b>2%</b>", "b", `"b" is no number`},
	{"~~> 2%~~", "~", `"~" is not understood here`},
	{"> 2% (p95)%", "%", `"%" is not understood here`},
}

func TestParseRefusesWhatItCannotReadCompletely(t *testing.T) {
	for _, test := range refusedCells {
		c, err := condition.Parse(test.cell)
		var e *condition.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: read as %q", test.cell, condition.Print(c))
			continue
		}
		if e.Message != test.message || caret(test.cell, e) != test.caret {
			t.Errorf("%q:\n got %q under %q\nwant %q under %q", test.cell, e.Message, caret(test.cell, e), test.message, test.caret)
		}
	}
}

func caret(text string, e *condition.Error) string {
	runes := []rune(text)
	start := min(e.Offset, len(runes))
	return string(runes[start:min(start+e.Width, len(runes))])
}

func TestMentionFindsTheNumbersOfASentence(t *testing.T) {
	gone := slo.Condition{}
	tests := []struct {
		want  slo.Condition
		items []string
	}{
		// The triggers of the reference runbook, as they stand and in English.
		{over2in5m, []string{"5분 이동창 기준 API error rate > 2%", "API error rate > 2% over a 5-minute moving window",
			"Over a 5-minute moving window, more than 2% of API requests fail",
			"The API's 5xx share stays above 2% in the last 5 minutes", "API 오류율이 5분 이동창 기준 2%를 초과하면"}},
		{p95(over35for10), []string{"p95 latency > baseline 대비 35% 초과가 10분 이상 지속",
			"p95 latency more than 35% above baseline for 10 minutes or longer",
			"p95 latency exceeds the baseline by more than 35% for at least 10 minutes",
			"the 95th percentile is above baseline by more than 35%, lasting 10 minutes"}},
		{threeInARow, []string{"runtime restart loop 감지(연속 3회 이상)", "a restart loop of the runtime (3 or more in succession)",
			"the runtime restarts three times in a row",
			"3 consecutive restarts of the runtime"}},
		{oneTime, []string{"tenant/session isolation 위반 또는 approval ownership 위반 1건 이상"}},
		{oneOrMore, []string{"tenant or session isolation violated, or approval ownership violated, 1 or more",
			"at least one violation of tenant isolation"}},
		{gone, []string{"doc-contract sync 혹은 schema drift hard gate 재실행 실패",
			"the doc-contract sync or the schema-drift hard gate fails when run again",
			"hard gate 1.4 fails", "errors over the weekend", "any one of the gates does not pass", "nothing -> done", "no data", "a P1 incident is open", "",
			"회의에서 합의한 이상 징후"}},
		{over2, []string{"any one of: error rate > 2%", "error rate – more than 2% of requests", "> two percent of requests"}},
		{p95(gone), []string{"p95 latency"}},
		{slo.Condition{Window: 5 * minutes}, []string{"errors within 5 minutes, as the table says"}},
		{percent(slo.AtMost, "0.02"), []string{"must not be over 2%"}},
		{slo.Condition{Op: slo.Greater, Value: number("1000")}, []string{"more than 1,000 requests fail", "오류 1,000 초과"}},
		{slo.Condition{Op: slo.Greater, Value: number("10"), Unit: slo.Count, Per: minutes}, []string{"more than 10 errors per minute",
			"분당 오류 10건 초과", "> 10 errors/min", "the service logs more than 10 per minute", "분당 10건을 초과하면"}},
		{over35for10, []string{"응답이 기준 대비 35% 초과 10분 이상"}},
	}
	for _, test := range tests {
		for _, item := range test.items {
			got, err := condition.Mention(item)
			if err != nil {
				t.Errorf("%q: %v", item, err)
			} else if got != test.want {
				t.Errorf("%q: got %q %+v, want %q", item, condition.Print(got), got, condition.Print(test.want))
			}
		}
	}
}

func TestMentionRefusesNumbersItCannotPlace(t *testing.T) {
	for _, test := range []struct{ item, caret, message string }{
		{"the limit is 2%", "2%", `"2%" says no comparison`},
		{"exceeds the limit of 2%", "2%", `"2%" says no comparison`},
		{"deploy -> 3 restarts", "3 restarts", `"3 restarts" says no comparison`},
		{"0 mismatches", "0 mismatches", `"0 mismatches" says no comparison`},
		{"more than 2 tenants", "tenants", `"tenants" is no unit`},
		{"error rate > SLO", "SLO", `"SLO" is no number`},
		{"error rate =>2%", "2%", `"2%" says no comparison`},
		{"2%를 초과하지 않음", "2%를", `"2%를" says no comparison`},
		{"> 2% 초과하지 않음", "2% 초과하지", `"2% 초과하지" is no quantity`},
		{"> 2% 가 아님", "아님", `"아님" may turn the sense of the bound`},
		{"never unless > 2%", "never", `"never" may turn the sense of the bound`},
		{"> 2% except on Sunday", "except", `"except" may turn the sense of the bound`},
		{"error rate isn't fine, > 2%", "isn't", `"isn't" may turn the sense of the bound`},
		{"more than 120% of baseline", "baseline", `"baseline" may make the bound a relative one`},
		{"relative to the baseline, more than 35%", "baseline", `"baseline" may make the bound a relative one`},
		{"error rate rises more than 2%", "rises", `"rises" may make the bound a relative one`},
		{"오류율 2% 초과 증가", "증가", `"증가" may make the bound a relative one`},
		{"전주 대비 35% 초과", "대비 35", "what the number is added to is not said"},
		{"at least 2% below target", "2% below", `"2% below" is no bound`},
		{"more than 2% and less than 5%", "less than 5%", `"less than 5%" is a second bound`},
		{"> 2% for 3 of 5 windows", "3", `"3" is a second bound`},
		{"more than 2 in 100 requests", "100 requests", `"100 requests" is a second bound`},
		{"more than 1,00 requests", "1,00", `"1,00" is no number`},
		{".5% 초과", ".5", `".5" is no number`},
		{"5 or more (per hour)", "per", `"per" is not understood here`},
		{"more than 5 errors (in /app), 3/min", "3/min", `"3/min" is a second bound`},
		{"분당 판교 오류 10건 이상", "분당 판교 오류 10", "the number of a rate must follow its time"},
		{"지난주 기준 대비 35% 초과", "대비 35", "what the number is added to is not said"},
		{"errors in 3 consecutive minutes", "3 consecutive minutes", `"3 consecutive minutes" is not understood here`},
		{"roll back within 30 seconds", "within 30 seconds", `"within 30 seconds" may be a window, or the limit of a latency`},
		{"availability 99.9%", "99.9%", `"99.9%" says no comparison`},
		{"> 2²%", "²", `"²" is no unit`},
		{"> 2% for 30 days", "2", "30d is a period, nothing that lasts"},
		{"more than 3 restarts a day", "day", `"day" may be the time that the bound is about`},
		{"more than 3 restarts daily", "daily", `"daily" may be the time that the bound is about`},
		{"하루 3회 이상 재시작", "하루", `"하루" may be the time that the bound is about`},
		{"월 1회 이상", "월", `"월" may be the time that the bound is about`},
		{"15분간 5% 초과", "15분", `"15분" is neither a window nor how long it lasts`},
		{"-2% or more", "-2", `"-2" cannot be a bound`},
		{"since 2026-02-28", "-", `"-" is no unit`},
		{"연속 실패", "실패", `"실패" is no number`},
	} {
		c, err := condition.Mention(test.item)
		var e *condition.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: read as %q", test.item, condition.Print(c))
			continue
		}
		if d := cmp.Diff(test.message, e.Message); d != "" || caret(test.item, e) != test.caret {
			t.Errorf("%q:\n got %q under %q\nwant %q under %q", test.item, e.Message, caret(test.item, e), test.message, test.caret)
		}
	}
}

// A run of syllables that each are a word, ending in one that is none, has exponentially many cuts: a scanner that tried them would hang.
func TestMentionReadsLongRunsOfHangul(t *testing.T) {
	if c, err := condition.Mention(strings.Repeat("이", 10000) + "쀍"); err != nil || c != (slo.Condition{}) {
		t.Errorf("got %+v, %v", c, err)
	}
}
