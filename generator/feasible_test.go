package generator

import "testing"

func TestAlertsThatCannotFireOrCannotBeSilentAreRefused(t *testing.T) {
	restarts := func(name, alert, want string) problem {
		return problem{name, []edit{inRunbook("| 3 consecutive restarts |", "| "+alert+" |"), inRunbook("(3 or more in succession)", "")}, want}
	}
	query := func(name, target, alert, unit, want string) problem {
		return problem{name, artifactRow(target, alert, "    expr: {query: 'max(x)', unit: "+unit+"}\n"), want}
	}
	for _, p := range []problem{
		restarts("more restarts than a window can tell apart", ">= 81",
			"promrulegen.yaml «20m»: the alert can never fire: in 20m, scraped every 15s, at most 80 restarts can be told apart"+
				" | expect fewer, or look back longer"),
		query("a share above all", "<= 50%", "> 100%", "ratio",
			"runbook.md «> 100%»: the alert can never fire: a query cannot get there"),
		query("a share of none", "<= 50%", ">= 0%", "ratio", "runbook.md «>= 0%»: the alert would always fire"),
		query("a target beyond all", "> 100%", "< 90%", "ratio", "runbook.md «> 100%»: the objective can never be met"),
		query("a target that is always met", ">= 0%", "< 0.5%", "percent", "runbook.md «>= 0%»: the objective cannot be missed"),
		query("less than nothing", "<= 5", "< 0", "count", "runbook.md «< 0»: the alert can never fire: a query cannot get there"),
		{"a window between two evaluations",
			[]edit{inBindings("evaluation_interval: 30s", "evaluation_interval: 2m"), inRunbook("| > 5% (15m) |", "| > 5% (1m) |")},
			"runbook.md «> 5% (1m)»: between two evaluations, 2m apart, a window of 1m would see nothing | use at least 2m"},
		{"a budget that is recorded too seldom",
			append(artifactRow("99.9% (30d)", "> 5% (15m)", goodRatio), inBindings("evaluation_interval: 30s", "evaluation_interval: 3m")),
			"runbook.md «99.9% (30d)»: with evaluations every 3m, a window of 5m cannot be summed of recordings | evaluate more often"},
		{"samples that are gone before the next", []edit{inBindings("evaluation_interval: 30s", "evaluation_interval: 5m")},
			"promrulegen.yaml «5m»: evaluation_interval of 5m is too long: Prometheus forgets a sample after 5m"},
		{"a push that is stale before it is scraped", []edit{inBindings("stale_after: 45m", "stale_after: 45s")},
			"promrulegen.yaml «45s»: a window of 45s is shorter than four scrapes of 15s"},
	} {
		p.run(t)
	}
}

func TestAlertsAtTheEdgeOfWhatIsPossibleAreAccepted(t *testing.T) {
	for name, edits := range map[string][]edit{
		"as many restarts as a window can tell apart": {inRunbook("| 3 consecutive restarts |", "| >= 80 |"),
			inRunbook("(3 or more in succession)", "")},
		"all of a share":     artifactRow("100%", "< 100%", "    expr: {query: 'min(x)', unit: ratio}\n"),
		"a gauge below zero": artifactRow(">= 0", "< 0", "    expr: {query: 'min(x)', unit: state}\n"),
		"a budget that is recorded seldom, but read raw": append(artifactRow("99.9% (30d)", "> 5% (15m)", goodRatio+"    budget: {windows: raw}\n"),
			inBindings("evaluation_interval: 30s", "evaluation_interval: 3m")),
		"a budget just enough": artifactRow("93.1% availability (30d)", "> 9% (15m)", goodRatio),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sliOf(t, "artifact-conflict-ratio", edits...)
		})
	}
}
