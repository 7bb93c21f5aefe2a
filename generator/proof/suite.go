package proof

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/histogram"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/slo"
)

// Suite is one test file for `promtool test rules` together with the rules that it names.
type Suite struct {
	name  string
	file  testFile
	rules Rules
	order []rule
}

// testFile is promtool's format. What promtool reads and this does not have is refused with its place.
type testFile struct {
	RuleFiles  []string     `yaml:"rule_files"`
	Interval   slo.Duration `yaml:"evaluation_interval"`
	GroupOrder []string     `yaml:"group_eval_order"`
	Fuzzy      bool         `yaml:"fuzzy_compare"`
	Tests      []testGroup  `yaml:"tests"`
}

// testGroup is promtool's word for one test: series, and what is looked at.
type testGroup struct {
	At             diag.Position     `yaml:"-"`
	Name           string            `yaml:"name"`
	Interval       slo.Duration      `yaml:"interval"`
	Series         []inputSeries     `yaml:"input_series"`
	Alerts         []alertCase       `yaml:"alert_rule_test"`
	Values         []valueCase       `yaml:"promql_expr_test"`
	ExternalLabels map[string]string `yaml:"external_labels"`
	ExternalURL    string            `yaml:"external_url"`
	Start          instant           `yaml:"start_timestamp"`
}

type inputSeries struct {
	At     diag.Position `yaml:"-"`
	Series string        `yaml:"series"`
	Values string        `yaml:"values"`
}

type alertCase struct {
	At     diag.Position `yaml:"-"`
	Time   slo.Duration  `yaml:"eval_time"`
	Name   string        `yaml:"alertname"`
	Firing []firingAlert `yaml:"exp_alerts"`
}

type firingAlert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

type valueCase struct {
	At      diag.Position `yaml:"-"`
	Expr    string        `yaml:"expr"`
	Time    slo.Duration  `yaml:"eval_time"`
	Samples []sample      `yaml:"exp_samples"`
}

type sample struct {
	Labels    string  `yaml:"labels"`
	Value     float64 `yaml:"value"`
	Histogram string  `yaml:"histogram"`
}

// instant is a time as RFC 3339 or in seconds since 1970.
type instant struct{ time.Time }

// UnmarshalText reads either form.
func (i *instant) UnmarshalText(text []byte) error {
	if seconds, err := strconv.ParseFloat(string(text), 64); err == nil {
		i.Time = time.UnixMilli(int64(seconds * 1000)).UTC()
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return fmt.Errorf("%q is neither a time such as 2026-01-31T12:00:00Z nor seconds since 1970", text)
	}
	i.Time = at.UTC()
	return nil
}

// Open reads a test file and the rule files that it names, which are looked for beside it. The error is a diag.List if the test file is no
// such file.
func Open(path string) (Suite, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Suite{}, err
	}
	return Parse(path, content, glob)
}

// glob reads the rule files of a pattern.
func glob(pattern string) (map[string][]byte, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, path := range paths {
		if files[path], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Parse is Open for a file that is in memory. rules gives the rule files of a name in rule_files, joined with the folder of path.
func Parse(path string, content []byte, rules func(pattern string) (map[string][]byte, error)) (Suite, error) {
	s := Suite{name: path}
	if err := diag.DecodeYAML(path, content, &s.file).Err(); err != nil {
		return s, err
	}
	if s.file.Interval == 0 {
		s.file.Interval = slo.Duration(time.Minute)
	}
	for _, pattern := range s.file.RuleFiles {
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(filepath.Dir(path), pattern)
		}
		if err := s.addRules(pattern, rules); err != nil {
			return s, err
		}
	}
	s.order = s.rules.ordered(s.file.GroupOrder)
	return s, s.problems().Err()
}

func (s *Suite) addRules(pattern string, rules func(string) (map[string][]byte, error)) error {
	files, err := rules(pattern)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("read the rules of %s: %w", s.name, &fs.PathError{Op: "find", Path: pattern, Err: fs.ErrNotExist})
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		parsed, err := ParseRules(name, files[name])
		if err != nil {
			return err
		}
		s.rules.all = append(s.rules.all, parsed.all...)
	}
	return nil
}

// problems are what a file can say that no test means.
func (s *Suite) problems() diag.List {
	var list diag.List
	say := func(at diag.Position, message, hint string) {
		list.Add(diag.Diagnostic{At: at, Message: message, Hint: hint})
	}
	seen := map[string]bool{}
	for _, name := range s.file.GroupOrder {
		if seen[name] {
			say(diag.Position{File: s.name}, fmt.Sprintf("group %q stands twice in group_eval_order", name), "name it once")
		}
		seen[name] = true
	}
	for i := range s.file.Tests {
		t := &s.file.Tests[i]
		if t.Interval == 0 {
			t.Interval = s.file.Interval
		}
		for _, a := range t.Alerts {
			if a.Name == "" {
				say(a.At, "alertname is missing", "name the alert that is looked at")
			}
		}
	}
	return list
}

// Cases is how many things the file looks at.
func (s Suite) Cases() int {
	n := 0
	for _, t := range s.file.Tests {
		n += len(t.Alerts) + len(t.Values)
	}
	return n
}

// last is the time of the last case.
func (t testGroup) last() time.Duration {
	var last slo.Duration
	for _, c := range t.Alerts {
		last = max(last, c.Time)
	}
	for _, c := range t.Values {
		last = max(last, c.Time)
	}
	return last.Std()
}

var errNoNumber = errors.New("a series has numbers, stale, _ or {{native histograms}}")

// column is the series with samples up to a time.
func (s inputSeries) column(start time.Time, every, until time.Duration) (*column, error) {
	l, values, err := promql.ParseSeriesDesc(s.Series + " " + s.Values)
	if err != nil {
		return nil, fmt.Errorf("%s: series %s: %w (%w)", s.At, s.Series, err, errNoNumber)
	}
	c := &column{labels: l}
	for i, v := range values {
		at := time.Duration(i) * every
		if at > until {
			break
		}
		if !v.Omitted {
			c.add(start.Add(at).UnixMilli(), v.Value, c.hinted(v.Histogram))
		}
	}
	return c, nil
}

// hinted says of a histogram, as Prometheus's storage does, whether it was reset since the one before it in the series.
func (c *column) hinted(h *histogram.FloatHistogram) *histogram.FloatHistogram {
	before := c.histogram(len(c.times) - 1)
	if h == nil || before == nil || h.CounterResetHint != histogram.UnknownCounterReset {
		return h
	}
	hint := histogram.NotCounterReset
	if h.DetectReset(before) {
		hint = histogram.CounterReset
	}
	h = h.Copy()
	h.CounterResetHint = hint
	return h
}
