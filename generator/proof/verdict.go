package proof

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/coclai/cutover/generator/diag"
)

// Failure is one thing that was looked at and is not as the test says.
type Failure struct {
	At      diag.Position // of the case; of the test, if it could not be evaluated
	Test    string        // its name
	Subject string        // the alert, or the expression
	Time    time.Duration // since the test began
	Want    string
	Got     string
	Problem string // why nothing could be looked at; Subject, Want and Got are empty then
}

// Report is what came of test files.
type Report struct {
	Tests, Cases int
	Failures     []Failure // in the order of the files
	Took         time.Duration
}

// Progress is told how many of how many parts are done; it may be called by several goroutines, and nil is nobody.
type Progress func(done, total int)

// Run evaluates the tests, several at once, and compares. The error is that of the context: what a test cannot do is a failure of it.
func Run(ctx context.Context, suites []Suite, progress Progress) (Report, error) {
	begun := time.Now()
	type place struct{ suite, test int }
	var places []place
	report := Report{}
	for i, s := range suites {
		report.Cases += s.Cases()
		for j := range s.file.Tests {
			places = append(places, place{i, j})
		}
	}
	report.Tests = len(places)
	failures := make([][]Failure, len(places))
	inParallel(ctx, len(places), progress, func(n int) {
		s := suites[places[n].suite]
		failures[n] = s.judge(ctx, s.file.Tests[places[n].test])
	})
	report.Failures, report.Took = slices.Concat(failures...), time.Since(begun)
	return report, ctx.Err()
}

// inParallel does n things on all processors, and stops beginning new ones when the context is done.
func inParallel(ctx context.Context, n int, progress Progress, do func(i int)) {
	var next, done atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				do(i)
				if d := int(done.Add(1)); progress != nil {
					progress(d, n)
				}
			}
		})
	}
	all.Wait()
}

func (s Suite) judge(ctx context.Context, t testGroup) []Failure {
	p, err := newPlay(ctx, s, t)
	if err == nil {
		err = p.run()
	}
	if err != nil {
		return []Failure{{At: t.At, Test: t.Name, Problem: err.Error()}}
	}
	return p.failures(s.file.Fuzzy, func(Failure) bool { return true })
}

// failures compares every case, until goOn says that one was enough.
func (p *play) failures(fuzzy bool, goOn func(Failure) bool) []Failure {
	var all []Failure
	for _, c := range p.group.Alerts {
		if f, wrong := p.wrongAlert(c); wrong {
			if all = append(all, f); !goOn(f) {
				return all
			}
		}
	}
	for _, c := range p.group.Values {
		if f, wrong := p.wrongValue(c, fuzzy); wrong {
			if all = append(all, f); !goOn(f) {
				return all
			}
		}
	}
	return all
}

// shownAlert is one as tests name it.
type shownAlert struct{ labels, annotations labels.Labels }

func compareAlerts(a, b shownAlert) int {
	if c := labels.Compare(a.labels, b.labels); c != 0 {
		return c
	}
	return labels.Compare(a.annotations, b.annotations)
}

// wrongAlert looks at the alerts of a name as they stood at the last evaluation before the case's time.
func (p *play) wrongAlert(c alertCase) (Failure, bool) {
	at := p.steps.at(int(c.Time.Std() / p.steps.every))
	var got, want []shownAlert
	for i, r := range p.rules {
		if r.alerting && r.name == c.Name {
			got = append(got, p.firingAt(r, p.alerts[i], at)...)
		}
	}
	for _, w := range c.Firing {
		l := labels.NewBuilder(labels.FromMap(w.Labels)).Set(labels.AlertName, c.Name).Labels()
		want = append(want, shownAlert{l, labels.FromMap(w.Annotations)})
	}
	slices.SortFunc(got, compareAlerts)
	slices.SortFunc(want, compareAlerts)
	if slices.EqualFunc(got, want, func(a, b shownAlert) bool { return compareAlerts(a, b) == 0 }) {
		return Failure{}, false
	}
	return Failure{At: c.At, Test: p.group.Name, Subject: c.Name, Time: c.Time.Std(), Want: alertsText(want), Got: alertsText(got)}, true
}

func alertsText(all []shownAlert) string {
	if len(all) == 0 {
		return "nothing fires"
	}
	var texts []string
	for _, a := range all {
		texts = append(texts, a.labels.String()+" "+a.annotations.String())
	}
	return strings.Join(texts, "\n")
}

// shownSample is a sample as tests name it.
type shownSample struct {
	labels    labels.Labels
	value     float64
	histogram string
}

// String is the sample as a test would write it.
func (s shownSample) String() string {
	if s.histogram != "" {
		return s.labels.String() + " " + s.histogram
	}
	return s.labels.String() + " " + strconv.FormatFloat(s.value, 'g', -1, 64)
}

func (s shownSample) same(o shownSample, fuzzy bool) bool {
	if !labels.Equal(s.labels, o.labels) || s.histogram != o.histogram {
		return false
	}
	near := math.Nextafter(s.value, math.Inf(-1)) == o.value || math.Nextafter(s.value, math.Inf(1)) == o.value
	return s.value == o.value || fuzzy && near
}

func (p *play) wrongValue(c valueCase, fuzzy bool) (Failure, bool) {
	f := Failure{At: c.At, Test: p.group.Name, Subject: c.Expr, Time: c.Time.Std()}
	want, err := wanted(c)
	if err != nil {
		f.Problem = err.Error()
		return f, true
	}
	vector, err := p.ask(p.ctx, c.Expr, p.steps.from.Add(c.Time.Std()))
	if err != nil {
		f.Problem = err.Error()
		return f, true
	}
	var got []shownSample
	for _, s := range vector {
		got = append(got, shownSample{s.Metric, s.F, histogramText(s.H)})
	}
	byLabels := func(a, b shownSample) int { return labels.Compare(a.labels, b.labels) }
	slices.SortFunc(got, byLabels)
	slices.SortFunc(want, byLabels)
	if slices.EqualFunc(got, want, func(a, b shownSample) bool { return a.same(b, fuzzy) }) {
		return Failure{}, false
	}
	f.Want, f.Got = samplesText(want), samplesText(got)
	return f, true
}

func samplesText(all []shownSample) string {
	if len(all) == 0 {
		return "no sample"
	}
	var texts []string
	for _, s := range all {
		texts = append(texts, s.String())
	}
	return strings.Join(texts, "\n")
}

// wanted are the samples that a case expects.
func wanted(c valueCase) ([]shownSample, error) {
	var all []shownSample
	for _, s := range c.Samples {
		l, err := promql.ParseMetric(s.Labels)
		if err != nil {
			return nil, fmt.Errorf("labels %q: %w", s.Labels, err)
		}
		shown := shownSample{labels: l, value: s.Value}
		if s.Histogram != "" {
			h, err := histogramOf(s.Histogram)
			if err != nil {
				return nil, fmt.Errorf("labels %q: %w", s.Labels, err)
			}
			shown.histogram, shown.value = histogramText(h), 0
		}
		all = append(all, shown)
	}
	return all, nil
}

func histogramText(h *histogram.FloatHistogram) string {
	if h == nil {
		return ""
	}
	return h.TestExpression()
}

func histogramOf(text string) (*histogram.FloatHistogram, error) {
	_, values, err := promql.ParseSeriesDesc("{} " + text)
	if err != nil {
		return nil, err
	}
	if len(values) != 1 || values[0].Histogram == nil {
		return nil, fmt.Errorf("%q is not one native histogram", text)
	}
	return values[0].Histogram, nil
}
