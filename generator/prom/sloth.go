package prom

import (
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/coclai/cutover/generator/slo"
)

// sloths are the names by which sloth's dashboards know an error budget. Each series is ours under another name, recorded right after it,
// so that it costs one sample to read; what ours knows better than sloth (no error yet, no traffic, uneven traffic) it shows as well. The
// labels are sloth's and no others: a budget of one service and name in two environments needs two Prometheuses, as it does with sloth.
type sloths struct{ budget }

// labels are what identifies an SLO to sloth: its id is made of the other two, as sloth makes it.
func (s sloths) labels(more map[string]string) map[string]string {
	all := map[string]string{
		slo.SlothLabelID: s.id.service + "-" + s.id.slo, slo.SlothLabelService: s.id.service, slo.SlothLabelSLO: s.id.slo,
	}
	maps.Copy(all, more)
	return all
}

// alias is one of our series by sloth's name; its groups stay.
func (s sloths) alias(name, ours string, more map[string]string) Rule {
	expr := fmt.Sprintf("%s(%s)", grouping(s.sli.By).aggregate("max"), s.budget.id.of(ours))
	return Rule{Record: name, Expr: canonical(expr), Labels: s.labels(more)}
}

// constant is a number that the objective settles.
func (s sloths) constant(name, value string, more map[string]string) Rule {
	return Rule{Record: name, Expr: canonical("vector(" + value + ")"), Labels: s.labels(more)}
}

func (s sloths) errorRatio(w slo.Duration) Rule {
	return s.alias(slo.SlothErrorRatio(w), slo.ErrorRatioSeries(w), of(w))
}

// of is the label of a window. What sloth divides by the budget keeps it, through group_left.
func of(w slo.Duration) map[string]string { return map[string]string{slo.SlothLabelWindow: w.String()} }

// windows are the ratios of a group's windows, and the burn rate now, which sloth reads from the shortest.
func (s sloths) windows(here func(slo.Duration) bool) []Rule {
	if s.matrix.Names != slo.NamesSloth {
		return nil
	}
	var all []slo.Duration
	for _, w := range BurnWindows(s.Period) {
		all = append(all, w.Short, w.Long)
	}
	slices.Sort(all)
	var rules []Rule
	for i, w := range slices.Compact(all) {
		if !here(w) {
			continue
		}
		rules = append(rules, s.errorRatio(w))
		if i == 0 {
			rules = append(rules, s.alias(slo.SlothCurrentBurnRate, slo.BurnRateSeries(w), of(w)))
		}
	}
	return rules
}

// period is what sloth says of the whole period, and of the objective.
func (s sloths) period() []Rule {
	if s.matrix.Names != slo.NamesSloth {
		return nil
	}
	days := new(big.Rat).SetFrac64(int64(s.Period), int64(day))
	return []Rule{
		s.errorRatio(s.Period),
		s.alias(slo.SlothPeriodBurnRate, slo.BurnRateSeries(s.Period), of(s.Period)),
		s.alias(slo.SlothBudgetRemaining, slo.BudgetRemainingSeries(s.Period), of(s.Period)),
		s.constant(slo.SlothObjective, s.Objective.String(), nil),
		s.constant(slo.SlothBudget, s.Share().String(), nil),
		s.constant(slo.SlothPeriodDays, slo.Rounded(days, factorPlaces).String(), nil),
		s.constant(slo.SlothInfo, "1", map[string]string{
			slo.SlothLabelObjective: s.Objective.Shift(2).String(), slo.SlothLabelMode: "promrulegen", slo.SlothLabelSpec: "runbook",
			slo.SlothLabelVersion: slo.RulesVersion,
		}),
	}
}
