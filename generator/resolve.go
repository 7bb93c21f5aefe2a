package generator

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/alertmanager"
	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// Resolve fits the document and the bindings together. It goes on after every problem and returns them all; the matrix is valid only
// if there are none.
func Resolve(s Sources) (slo.Matrix, diag.List) {
	if unreadable(s) {
		return slo.Matrix{}, nil
	}
	r := newResolver(s)
	r.header()
	r.owners()
	r.agent()
	r.gates()
	r.rows()
	r.triggers()
	r.checklist()
	r.actions()
	r.milestones()
	r.cutover()
	r.outputs()
	r.placeholders()
	return r.matrix, r.problems
}

// unreadable sources have been reported; whatever they lack would only be the consequence.
func unreadable(s Sources) bool {
	noBindings := s.Bindings.Version.Value == "" && len(s.Bindings.SLIs) == 0
	noDocument := s.Bindings.Runbook.Value != "" && s.Document.File == ""
	return noBindings || noDocument || unnumbered(s.Document)
}

// unnumbered says whether items lack the numbers by which the bindings know them, which the document's reader has reported.
func unnumbered(d runbook.Document) bool {
	return slices.ContainsFunc(slices.Concat(d.Preconditions, d.Triggers), func(i runbook.Item) bool { return i.Number == "" })
}

// resolver collects the matrix, and what is wrong.
type resolver struct {
	doc      runbook.Document
	bind     runbook.Bindings
	base     alertmanager.Base
	promql   parser.Parser
	matrix   slo.Matrix
	problems diag.List

	said       phrases                 // what cells say
	sound      map[slo.Budget]bool     // that have been found to work
	forms      map[string]slo.Selector // of counters
	components []string                // that the runbook classifies incidents by; empty: it does not
	ids        map[string]diag.Text    // of SLIs, and where each is given
	bounds     map[string]boundCell    // of the rows' alerts, by id
	slis       map[string]diag.Entry[runbook.SLIBinding]
}

func newResolver(s Sources) *resolver {
	return &resolver{
		doc: s.Document, bind: s.Bindings, base: s.Base,
		promql:     parser.NewParser(parser.Options{}),
		said:       phrases{},
		forms:      map[string]slo.Selector{},
		sound:      map[slo.Budget]bool{},
		components: componentsOf(s.Document),
		ids:        map[string]diag.Text{}, bounds: map[string]boundCell{}, slis: s.Bindings.SLIs.Index(),
	}
}

var (
	namePattern = regexp.MustCompile(`^[a-z0-9]+([-_.][a-z0-9]+)*$`)
	idPattern   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
)

// header settles what every rule carries.
func (r *resolver) header() {
	if r.given(r.bind.Version, diag.Text{}, "version") && r.bind.Version.Value != "1" {
		r.blame(r.bind.Version, fmt.Sprintf("version %q is not read by this program", r.bind.Version.Value), "write `version: 1`")
	}
	r.given(r.bind.Runbook, diag.Text{}, "runbook")
	r.matrix.Service = r.name(r.bind.Service, "service")
	r.matrix.Environment = r.name(r.bind.Environment, "environment")
	r.matrix.Runbook = slo.Source{File: filepath.Base(r.doc.File), SHA256: r.doc.SHA256}
	r.matrix.ScrapeInterval = r.interval(r.bind.Prometheus.ScrapeInterval, "prometheus.scrape_interval")
	r.oftenEnough(r.bind.Prometheus.ScrapeInterval, r.matrix.ScrapeInterval, "scrape_interval")
	r.matrix.EvaluationInterval = r.interval(r.bind.Prometheus.EvaluationInterval, "prometheus.evaluation_interval")
	r.oftenEnough(r.bind.Prometheus.EvaluationInterval, r.matrix.EvaluationInterval, "evaluation_interval")
}

func (r *resolver) name(text diag.Text, key string) string {
	if r.given(text, diag.Text{}, key) && !namePattern.MatchString(text.Value) {
		r.blame(text, fmt.Sprintf("%s %q has characters that a name may not have", key, text.Value), "use a-z, 0-9 and - _ . between them")
	}
	return text.Value
}

// interval reads a length of time that must be given, and cannot be zero.
func (r *resolver) interval(text diag.Text, key string) slo.Duration {
	if !r.given(text, diag.Text{}, key) {
		return 0
	}
	d, ok := r.duration(text)
	if ok && d == 0 {
		r.blame(text, key+" cannot be zero", "")
	}
	return d
}

// blame adds a diagnostic for a text of the bindings.
func (r *resolver) blame(text diag.Text, message, hint string) {
	r.problems.Add(r.bind.Diagnostic(text, message, hint))
}

// blameCell adds a diagnostic for a whole cell of the document.
func (r *resolver) blameCell(c runbook.Cell, message, hint string, related ...diag.Related) {
	d := c.Diagnose(0, 0, message, hint)
	d.Related = related
	r.problems.Add(d)
}

// related points at a text of the bindings from a diagnostic about something else.
func (r *resolver) related(text diag.Text, message string) diag.Related {
	return diag.Related{At: text.At, Source: r.bind.Line(text.At.Line), Message: message}
}

// given says whether a key has a value, and blames its parent if not.
func (r *resolver) given(text, parent diag.Text, key string) bool {
	if text.Value == "" {
		r.blame(parent, fmt.Sprintf("`%s` is missing", key), "")
		return false
	}
	return true
}

// duration reads a text; none is zero.
func (r *resolver) duration(text diag.Text) (slo.Duration, bool) {
	if text.Value == "" {
		return 0, true
	}
	d, err := slo.ParseDuration(text.Value)
	if err != nil {
		r.blame(text, err.Error(), "")
	}
	return d, err == nil
}

// amount reads a number that cannot be negative; none is zero.
func (r *resolver) amount(text diag.Text) slo.Decimal {
	if text.Value == "" {
		return slo.Decimal{}
	}
	d, err := slo.ParseDecimal(text.Value)
	if err == nil && d.Sign() < 0 {
		err = fmt.Errorf("%q cannot be negative", text.Value)
	}
	if err != nil {
		r.blame(text, err.Error(), "")
	}
	return d
}

// oneOf reads a word of a closed set; none is the first of them.
func oneOf[T ~string](r *resolver, text diag.Text, what string, words ...T) T {
	if text.Value == "" {
		return words[0]
	}
	if i := slices.Index(words, T(text.Value)); i >= 0 {
		return words[i]
	}
	plain := make([]string, len(words))
	for i, w := range words {
		plain[i] = string(w)
	}
	r.blame(text, fmt.Sprintf("%q is no %s", text.Value, what), meant(text.Value, plain))
	return words[0]
}

// meant is the hint for a word that is not known.
func meant(word string, known []string) string {
	if near, ok := diag.Nearest(word, known); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return ""
	}
	return "known: " + strings.Join(known, ", ")
}
