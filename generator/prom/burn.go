package prom

import (
	"math/big"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// BurnWindow is a pair of windows in which a budget's alert watches the error ratio: the long one says that it matters, the short one that
// it still goes on.
type BurnWindow struct {
	Severity    string
	Long, Short slo.Duration
	Factor      slo.Decimal // how many times faster than the period allows the budget is being spent
}

// Limit is the error ratio that the alert does not tolerate in either window. At 1 or more it can never fire.
func (w BurnWindow) Limit(b slo.Budget) slo.Decimal { return w.Factor.Times(b.Share()) }

// spending is a pair of windows by what share of the budget may be spent in the long one.
type spending struct {
	severity    string
	long, short slo.Duration
	share       slo.Decimal
}

const (
	minute = slo.Duration(time.Minute)
	hour   = 60 * minute
	day    = 24 * hour
)

// month is table 5-8 of the SRE Workbook, chapter "Alerting on SLOs": 14.4, 6, 3 and 1 over 30 days.
var month = []spending{
	{slo.SeverityPage, hour, 5 * minute, slo.MustDecimal("0.02")},
	{slo.SeverityPage, 6 * hour, 30 * minute, slo.MustDecimal("0.05")},
	{slo.SeverityTicket, day, 2 * hour, slo.MustDecimal("0.10")},
	{slo.SeverityTicket, 3 * day, 6 * hour, slo.MustDecimal("0.10")},
}

// week has the shares of sloth's catalogue for 7 days (slok/sloth examples/windows/7d.yaml): with a month's, a ticket would come when the
// budget is being spent four times too slowly.
var week = []spending{
	{slo.SeverityPage, hour, 5 * minute, slo.MustDecimal("0.08")},
	{slo.SeverityPage, 6 * hour, 30 * minute, slo.MustDecimal("0.125")},
	{slo.SeverityTicket, day, 2 * hour, slo.MustDecimal("0.20")},
	{slo.SeverityTicket, 3 * day, 6 * hour, slo.MustDecimal("0.42")},
}

// longestWeek is the longest period to which a week's shares apply.
const longestWeek = 20 * day

// factorPlaces are the decimal places of a factor that does not come out even: of 28 days, the last is 0.9333.
const factorPlaces = 4

// BurnWindows are the window pairs for a budget's period. The windows are those in which people react, whatever the period; what is scaled
// is the factor: the share that may be spent × period / window. Windows that are not shorter than the period are left out.
func BurnWindows(period slo.Duration) []BurnWindow {
	catalogue := month
	if period <= longestWeek {
		catalogue = week
	}
	var all []BurnWindow
	for _, s := range catalogue {
		if s.long >= period {
			continue
		}
		times := new(big.Rat).Mul(s.share.Rat(), big.NewRat(int64(period), int64(s.long)))
		all = append(all, BurnWindow{s.severity, s.long, s.short, slo.Rounded(times, factorPlaces)})
	}
	return all
}
