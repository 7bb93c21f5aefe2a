package prom_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// odd are names that must not be taken for something else, wherever they stand.
var odd = []string{
	"API error rate", "결제 오류율", "true", "null", "on", "1.5", "0x10", "2026-11-26", "12:30:45", "a: b", "a #b", "a:b", "#1", "- x", "-x", "? y",
	"`code`", "'single'", `"double"`, `back\slash`, "{{ $value }}", "%q %d", "[list]", "tab\there", "ends with ", " begins", "é, ü; naïve!", "zz2zz",
	"qq0qq and Zz0zz", "918273645", "line\u2028separator", "emoji 🙂", "~", "=", "<<", "yes", "~no~", "e1", "+1", ".5", "---", "x:",
}

func TestWhatIsPouredIsWhatIsCompiled(t *testing.T) {
	for _, m := range []slo.Matrix{reference(), short(), awkward(), similar(40)} {
		texts, _ := prom.Poured(m)
		for i, s := range m.SLIs {
			if diff := cmp.Diff(string(prom.Compiled(m, s)), texts[i]); diff != "" {
				t.Errorf("%s: %s", s.ID, diff)
			}
		}
	}
}

// similar are SLIs of few forms, with budgets and without, by groups and not.
func similar(n int) slo.Matrix {
	m := reference()
	m.SLIs = nil
	for i := range n {
		s := ratio(fmt.Sprintf("row-%d", i), "requests_total", fmt.Sprintf(`code=~"5..",pod="p%d",zone="p%d"`, i, i%3), "0.01", "0.02")
		s.Title, s.Line, s.Item, s.Owner = odd[i%len(odd)], 10+i, fmt.Sprintf("5.%d", i), odd[(i+7)%len(odd)]
		if i%2 == 0 {
			s = budgeted(s, "0.999", "30d")
		}
		if i%3 == 0 {
			s.By = []string{"tenant"}
		}
		m.SLIs = append(m.SLIs, s)
	}
	return m
}

func TestMostSLIsArePoured(t *testing.T) {
	m := similar(40)
	for i := range m.SLIs {
		m.SLIs[i].Title, m.SLIs[i].Owner = fmt.Sprintf("Row %d of many", i), "Team"
	}
	_, poured := prom.Poured(m)
	for i, s := range m.SLIs {
		if !poured[i] {
			t.Errorf("%s was compiled by itself", s.ID)
		}
	}
}

// Of many groups that are alike, Prometheus reads one: what is wrong with another must be seen all the same.
func TestCheckSeesWhatIsWrongWithAnyGroup(t *testing.T) {
	m := similar(40)
	for i := range m.SLIs {
		m.SLIs[i].Title, m.SLIs[i].Owner = fmt.Sprintf("Row %d of many", i), "Team"
	}
	good := string(prom.Rules(m).YAML())
	if err := prom.Check([]byte(good)); err != nil {
		t.Fatalf("our own rules: %v", err)
	}
	at := strings.Index(good, "- name: checkout:production:row-37\n")
	for name, change := range map[string][2]string{
		"an operator":                    {"> 0.02", "> > 0.02"},
		"a parenthesis":                  {"sum(increase(", "sum(increase"},
		"a quote":                        {`slo="row-37"`, `slo="row-37`},
		"a function":                     {"increase(", "increases("},
		"an unknown key":                 {"record:", "recorded:"},
		"a template":                     {"{{ $value", "{{ $valu"},
		"a text that is none":            {"owner: Team", "owner: Te: am"},
		"a mapping in place of a text":   {"owner: Team", "owner: {Team: x}"},
		"a rule without an expression":   {"        expr: ", "        for: 5m\n        #"},
		"an interval that is no time":    {"interval: 30s", "interval: soon"},
		"the name of another group":      {"row-37\n", "row-36\n"},
		"a line that stands further out": {"        labels:", "      labels:"},
	} {
		broken := good[:at] + strings.Replace(good[at:], change[0], change[1], 1)
		if broken == good {
			t.Fatalf("%s: nothing was broken", name)
		}
		if err := prom.Check([]byte(broken)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestFormOf takes the values out of a selector and puts them back; whatever is no plain value stays.
func TestFormOf(t *testing.T) {
	for _, selector := range []string{
		`up`, `up{job="a"}`, `x{job="a",code=~"5.."}`, `x{a="1",b="1",c="2"}`, `x{a!="1"}`, `x{a='="b"'}`, `x{a="\"b"}`, `x{a="b`,
		`x{a="1",a="2"}`, "x{a=`=\"b\"`}",
	} {
		form, words, ok := prom.FormOf(selector)
		if got := prom.Filled(form, words); !ok || got != selector {
			t.Errorf("%s: form %s, filled again %s", selector, form, got)
		}
	}
	one, _, _ := prom.FormOf(`x{job="a",code=~"5.."}`)
	for _, other := range []string{`x{job="a",code=~"4.."}`, `y{job="a",code=~"5.."}`, `x{job!="a",code=~"5.."}`} {
		if form, _, _ := prom.FormOf(other); form == one {
			t.Errorf("%s has the form of another selector, %s", other, one)
		}
	}
	if _, _, ok := prom.FormOf(`x{job="zz5zz"}`); ok {
		t.Error("a value that looks like a sign was taken for one")
	}
}
