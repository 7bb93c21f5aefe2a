package prom

import (
	"maps"
	"slices"
)

// lines is a YAML file being written. It is written straight away and not by way of the library's nodes: those are a hundred times its
// size, and ten thousand SLOs are hundreds of thousands of rules.
type lines struct{ out []byte }

// text is a line with a string, after whatever stands before it.
func (l *lines) text(before, value string) {
	l.out = append(l.out, before...)
	l.out = append(appendScalar(l.out, value), '\n')
}

// raw is a line as it is.
func (l *lines) raw(before, value string) {
	l.out = append(l.out, before...)
	l.out = append(l.out, value...)
	l.out = append(l.out, '\n')
}

// mapping is a key with strings by name below it, in the order of the names; nothing if there are none.
func (l *lines) mapping(key, indent string, texts map[string]string) {
	if len(texts) == 0 {
		return
	}
	l.raw(key, "")
	names := slices.AppendSeq(make([]string, 0, len(texts)), maps.Keys(texts))
	slices.Sort(names)
	for _, name := range names {
		l.out = append(l.out, indent...)
		l.out = append(appendScalar(l.out, name), ": "...)
		l.text("", texts[name])
	}
}

// list is a key with strings below it; nothing if there are none.
func (l *lines) list(key, indent string, texts []string) {
	if len(texts) == 0 {
		return
	}
	l.raw(key, "")
	for _, text := range texts {
		l.text(indent+"- ", text)
	}
}

func (l *lines) group(g Group) {
	l.text("  - name: ", g.Name)
	l.raw("    interval: ", g.Interval.String())
	if g.QueryOffset != 0 {
		l.raw("    query_offset: ", g.QueryOffset.String())
	}
	l.raw("    rules:", "")
	for _, r := range g.Rules {
		l.rule(r)
	}
}

func (l *lines) rule(r Rule) {
	if r.Record != "" {
		l.text("      - record: ", r.Record)
	} else {
		l.text("      - alert: ", r.Alert)
	}
	l.text("        expr: ", r.Expr)
	if r.For != 0 {
		l.raw("        for: ", r.For.String())
	}
	l.mapping("        labels:", "          ", r.Labels)
	l.mapping("        annotations:", "          ", r.Annotations)
}
