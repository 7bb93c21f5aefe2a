package prom

import (
	"fmt"
	"strings"
	"time"
)

// pace is the rhythm of a generated test: when samples arrive, and when rules are evaluated. Evaluations fall on samples.
type pace struct{ sample, evaluation time.Duration }

// onEvaluation is the first evaluation at or after t.
func (p pace) onEvaluation(t time.Duration) time.Duration {
	return (t + p.evaluation - 1) / p.evaluation * p.evaluation
}

// beforeEnd is the last evaluation before t.
func (p pace) beforeEnd(t time.Duration) time.Duration {
	return p.onEvaluation(t) - p.evaluation
}

// track is the sequence of samples of one series, in promtool's notation.
type track struct {
	pace   pace
	tokens []string
	length int
}

func (p pace) track() *track { return &track{pace: p} }

// left is the number of samples still to come before t.
func (t *track) left(before time.Duration) int {
	return max(0, int((before+t.pace.sample-1)/t.pace.sample)-t.length)
}

// hold repeats a value in all samples before a time.
func (t *track) hold(value float64, before time.Duration) *track {
	return t.add(t.left(before), number(value))
}

// keep repeats a sample that is no number.
func (t *track) keep(sample string, before time.Duration) *track {
	return t.add(t.left(before), sample)
}

// rise begins with a value and adds a step to each further sample.
func (t *track) rise(value, step float64, before time.Duration) *track {
	return t.add(t.left(before), number(value)+"+"+number(step))
}

func (t *track) add(n int, value string) *track {
	if n == 0 {
		return t
	}
	if n > 1 || strings.Contains(value, "+") {
		value = fmt.Sprintf("%sx%d", value, n-1) // promtool: the value, and so many more
	}
	t.tokens = append(t.tokens, value)
	t.length += n
	return t
}

// gap leaves samples out, as when Prometheus is down.
func (t *track) gap(before time.Duration) *track {
	if n := t.left(before); n > 0 {
		t.tokens = append(t.tokens, fmt.Sprintf("_x%d", n))
		t.length += n
	}
	return t
}

// lose ends the series as a failed scrape does: a stale marker, then nothing.
func (t *track) lose(before time.Duration) *track {
	if t.left(before) == 0 {
		return t
	}
	t.tokens = append(t.tokens, "stale")
	t.length++
	return t.gap(before)
}

// of gives the track to a label set.
func (t *track) of(s specimen) series {
	return series{Series: s.String(), Values: strings.Join(t.tokens, " "), labels: s}
}

// series is one input of a promtool test.
type series struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
	labels specimen
}

func (s series) equal(o series) bool { return s.Series == o.Series && s.Values == o.Values }
