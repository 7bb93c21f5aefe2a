package generator

import (
	"fmt"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/slo"
)

// watchedSeries are series that a measurement reads.
type watchedSeries struct {
	selector string
	needed   bool // without them nothing is ever measured; others are born with the first bad event
}

// seriesOf are those of one SLI, the one that says whether anything is measured first. A gate's are the agent's own.
func (c *liveCheck) seriesOf(s slo.SLI) []watchedSeries {
	switch m := s.Measure; {
	case m.Ratio != nil:
		return []watchedSeries{{m.Ratio.Total, true}, {m.Ratio.Bad + m.Ratio.Good, m.Ratio.Good != ""}}
	case m.Latency != nil && m.Latency.Native:
		return []watchedSeries{{m.Latency.Histogram.With(""), true}}
	case m.Latency != nil:
		return []watchedSeries{{m.Latency.Histogram.With("_bucket"), true}, {m.Latency.Histogram.With("_count"), true}}
	case m.Restarts != nil:
		return []watchedSeries{{m.Restarts.StartedAt, true}}
	case m.Count != nil:
		return []watchedSeries{{"up" + m.Count.Job, true}, {"process_start_time_seconds" + m.Count.Job, false}, {m.Count.Counter, false}}
	case m.State != nil && m.State.PushedAt != "":
		return []watchedSeries{{m.State.Gauge, true}, {m.State.PushedAt, true}}
	case m.State != nil:
		return []watchedSeries{{m.State.Gauge, true}}
	case m.Availability != nil:
		return []watchedSeries{{m.Availability.Up, true}}
	case m.Expr != nil:
		return c.seriesIn(m.Expr.Expr)
	}
	return nil
}

// seriesIn are the selectors of an expression. Whether it can do without some of them, it alone knows.
func (c *liveCheck) seriesIn(expr string) []watchedSeries {
	parsed, err := c.promql.ParseExpr(expr)
	if err != nil {
		return nil // Resolve has read it
	}
	var all []watchedSeries
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			bare := parser.VectorSelector{Name: v.Name, LabelMatchers: v.LabelMatchers}
			all = append(all, watchedSeries{bare.String(), false})
		}
		return nil
	})
	return all
}

// series looks for every series of an SLI.
func (c *liveCheck) series(s slo.SLI) {
	for _, w := range c.seriesOf(s) {
		if c.failure != nil || c.exists(w.selector) {
			continue
		}
		message, hint := c.whyNone(w.selector)
		if other := c.otherHistogram(s); other != "" {
			hint = other
		}
		if w.needed {
			c.problem(s, message, hint)
			continue
		}
		c.warning(s, message+"; unless nothing has been counted yet, it is misspelt", hint)
	}
}

// otherHistogram is the hint for a histogram that is there in the other of the two forms.
func (c *liveCheck) otherHistogram(s slo.SLI) string {
	l := s.Measure.Latency
	switch {
	case l == nil:
		return ""
	case l.Native && c.exists(l.Histogram.With("_bucket")):
		return "it is a classic histogram here: write `type: classic`"
	case !l.Native && c.exists(l.Histogram.With("")):
		return "it is a native histogram here: write `type: native`"
	}
	return ""
}

func (c *liveCheck) exists(selector string) bool {
	return len(c.query(fmt.Sprintf("count(last_over_time(%s[%s]))", selector, recently))) > 0
}

// whyNone says which part of a selector matches nothing.
func (c *liveCheck) whyNone(selector string) (message, hint string) {
	matchers, err := c.promql.ParseMetricSelector(selector)
	if err != nil {
		return fmt.Sprintf("%s selects nothing", selector), ""
	}
	name := ""
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel {
			name = m.Value
		}
	}
	if !c.exists(name) {
		return fmt.Sprintf("no series of the last %s is called %s", recently, name), c.nearMetric(name)
	}
	for _, m := range matchers {
		if m.Name != model.MetricNameLabel && !c.exists(name+"{"+m.String()+"}") {
			return fmt.Sprintf("no series of %s has %s", name, m), c.labelValues(name, m)
		}
	}
	return fmt.Sprintf("no series of %s has all of these at once: %s", name, strings.TrimPrefix(selector, name)), ""
}

func (c *liveCheck) nearMetric(name string) string {
	if near, ok := diag.Nearest(name, c.metrics); ok {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return ""
}

// labelValues is the hint for a matcher that matches nothing: the values that there are.
func (c *liveCheck) labelValues(name string, m *labels.Matcher) string {
	const most = 10
	values := c.values(fmt.Sprintf("group by (%s) (last_over_time(%s[%s]))", m.Name, name, recently), m.Name)
	if len(values) == 1 && values[0] == "" {
		return fmt.Sprintf("it has no label %s", m.Name)
	}
	if len(values) > most {
		values = append(values[:most], "…")
	}
	return fmt.Sprintf("%s is one of: %s", m.Name, strings.Join(values, ", "))
}

// groups looks for the labels by which an SLI is told apart.
func (c *liveCheck) groups(s slo.SLI) {
	series := c.seriesOf(s)
	if len(series) == 0 || s.Measure.Expr != nil {
		return
	}
	selector := series[0].selector
	if s.Measure.Count != nil {
		selector = s.Measure.Count.Counter
	}
	for _, label := range s.By {
		values := c.values(fmt.Sprintf("group by (%s) (last_over_time(%s[%s]))", label, selector, recently), label)
		switch {
		case len(values) == 1 && values[0] == "":
			c.problem(s, fmt.Sprintf("%s has no label %s, by which it is told apart", selector, label), "group by a label that it has")
		case len(values) > 1 && values[0] == "":
			c.warning(s, fmt.Sprintf("some series of %s have no label %s: they are one group together", selector, label), "")
		}
	}
}
