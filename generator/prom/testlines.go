package prom

import "strconv"

func (l *lines) testFile(f testFile) {
	l.list("rule_files:", "  ", f.RuleFiles)
	l.raw("evaluation_interval: ", f.EvaluationInterval.String())
	l.list("group_eval_order:", "  ", f.GroupOrder)
	l.raw("tests:", "")
}

func (l *lines) test(t test) {
	l.text("  - name: ", t.Name)
	l.raw("    interval: ", t.Interval.String())
	if len(t.Series) > 0 {
		l.raw("    input_series:", "")
	}
	for _, s := range t.Series {
		l.text("      - series: ", s.Series)
		l.text("        values: ", s.Values)
	}
	if len(t.Alerts) > 0 {
		l.raw("    alert_rule_test:", "")
	}
	for _, a := range t.Alerts {
		l.alertTest(a)
	}
	if len(t.Values) > 0 {
		l.raw("    promql_expr_test:", "")
	}
	for _, v := range t.Values {
		l.valueTest(v)
	}
}

func (l *lines) alertTest(a alertTest) {
	l.raw("      - eval_time: ", a.EvalTime.String())
	l.text("        alertname: ", a.Name)
	if len(a.Firing) > 0 {
		l.raw("        exp_alerts:", "")
	}
	for _, f := range a.Firing {
		l.mapping("          - exp_labels:", "              ", f.Labels)
		l.mapping("            exp_annotations:", "              ", f.Annotations)
	}
}

func (l *lines) valueTest(v valueTest) {
	l.text("      - expr: ", v.Expr)
	l.raw("        eval_time: ", v.EvalTime.String())
	if len(v.Samples) > 0 {
		l.raw("        exp_samples:", "")
	}
	for _, s := range v.Samples {
		l.text("          - labels: ", s.Labels)
		l.raw("            value: ", strconv.FormatFloat(s.Value, 'g', -1, 64))
	}
}
