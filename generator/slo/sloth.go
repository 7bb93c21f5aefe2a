package slo

// Names is whose names the recorded series of error budgets have besides ours.
type Names string

// The schemes. NamesSloth adds the series of slok/sloth 0.16, names and labels, so that dashboards made for it survive a move.
const (
	NamesOurs  Names = "ours"
	NamesSloth Names = "sloth"
)

// sloth's series (slok/sloth 0.16, pkg/common/conventions/prometheus.go).
const (
	SlothObjective       = "slo:objective:ratio"
	SlothBudget          = "slo:error_budget:ratio"
	SlothPeriodDays      = "slo:time_period:days"
	SlothCurrentBurnRate = "slo:current_burn_rate:ratio"
	SlothPeriodBurnRate  = "slo:period_burn_rate:ratio"
	SlothBudgetRemaining = "slo:period_error_budget_remaining:ratio"
	SlothInfo            = "sloth_slo_info"
)

// sloth's labels.
const (
	SlothLabelID        = "sloth_id"
	SlothLabelService   = "sloth_service"
	SlothLabelSLO       = "sloth_slo"
	SlothLabelWindow    = "sloth_window"
	SlothLabelObjective = "sloth_objective" // in percent, of SlothInfo, as are the following
	SlothLabelMode      = "sloth_mode"
	SlothLabelSpec      = "sloth_spec"
	SlothLabelVersion   = "sloth_version"
)

// SlothErrorRatio is the share of bad events in a window, or in the period.
func SlothErrorRatio(window Duration) string { return "slo:sli_error:ratio_rate" + window.String() }
