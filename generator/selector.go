package generator

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// selector reads a metric name with matchers, in Prometheus's canonical form: the rules put functions and windows around it.
func (r *resolver) selector(text, parent diag.Text, key string) (slo.Selector, []*labels.Matcher) {
	if !r.given(text, parent, key) {
		return slo.Selector{}, nil
	}
	expr, ok := r.expression(text)
	if !ok {
		return slo.Selector{}, nil
	}
	vector, ok := expr.(*parser.VectorSelector)
	if !ok || !plain(vector) {
		r.blame(text, fmt.Sprintf("%q is not a plain selector", text.Value),
			`write a metric and its matchers, for instance http_requests_total{job="checkout"}; windows and functions are put around it`)
		return slo.Selector{}, nil
	}
	return slo.Selector{Name: vector.Name, Matchers: strings.TrimPrefix(vector.String(), vector.Name)}, vector.LabelMatchers
}

// counter reads a selector as selector does. Thousands of them are a few forms with other values, so that each form is read once.
func (r *resolver) counter(text, parent diag.Text, key string) slo.Selector {
	form, values, ok := prom.FormOf(text.Value)
	if known, found := r.forms[form]; ok && found {
		return slo.Selector{Name: prom.Filled(known.Name, values), Matchers: prom.Filled(known.Matchers, values)}
	}
	read, _ := r.selector(text, parent, key)
	if read.Name != "" && ok {
		r.form(form, values, read)
	}
	return read
}

// form remembers a form, if it reads as the selector did that it was taken of.
func (r *resolver) form(form string, values []string, read slo.Selector) {
	expr, err := r.promql.ParseExpr(form)
	if err != nil {
		return
	}
	if vector, ok := expr.(*parser.VectorSelector); ok && prom.Filled(vector.String(), values) == read.With("") {
		r.forms[form] = slo.Selector{Name: vector.Name, Matchers: strings.TrimPrefix(vector.String(), vector.Name)}
	}
}

// plain is a name and matchers, and nothing that moves it in time.
func plain(v *parser.VectorSelector) bool {
	bare := parser.VectorSelector{Name: v.Name, LabelMatchers: v.LabelMatchers}
	return model.LegacyValidation.IsValidMetricName(v.Name) && bare.String() == v.String()
}

// expression reads PromQL and shows where it stops making sense.
func (r *resolver) expression(text diag.Text) (parser.Expr, bool) {
	expr, err := r.promql.ParseExpr(text.Value)
	if err == nil {
		return expr, true
	}
	several, ok := errors.AsType[parser.ParseErrors](err)
	if !ok || len(several) == 0 {
		r.blame(text, "cannot read the PromQL: "+err.Error(), "")
		return nil, false
	}
	first := several[0]
	start, end := runesTo(text.Value, int(first.PositionRange.Start)), runesTo(text.Value, int(first.PositionRange.End))
	r.problems.Add(r.bind.Within(text, start, max(end-start, 1), "cannot read the PromQL: "+first.Err.Error()))
	return nil, false
}

// runesTo is the number of characters in the first n bytes.
func runesTo(text string, n int) int {
	return len([]rune(text[:max(0, min(n, len(text)))]))
}

// jobMatchers are a selector's matchers on `job`, as a selector of the target's own series (up, process_start_time_seconds).
func jobMatchers(matchers []*labels.Matcher) string {
	var of []string
	for _, m := range matchers {
		if m.Name == model.JobLabel {
			of = append(of, m.String())
		}
	}
	if len(of) == 0 {
		return ""
	}
	return "{" + strings.Join(of, ",") + "}"
}
