package diag_test

import (
	"errors"
	"testing"
	"time"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/slo"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// file has every shape that the program's own files use.
type file struct {
	At       diag.Position `yaml:"-"`
	Version  int           `yaml:"version"`
	Service  diag.Text     `yaml:"service"`
	Interval slo.Duration  `yaml:"interval,omitempty"`
	Wait     time.Duration `yaml:"wait"`
	Hard     bool          `yaml:"hard"`
	Least    *slo.Decimal  `yaml:"least"`
	Common   common        `yaml:",inline"`

	SLIs  diag.Map[sli]     `yaml:"slis"`
	Gates map[string]gate   `yaml:"gates"`
	Env   map[string]string `yaml:"env"`
	Names []string          `yaml:"names"`
	Twice even              `yaml:"twice"`
}

type common struct {
	Zone string `yaml:"zone"`
}

type sli struct {
	At diag.Position `yaml:"-"`
	ID diag.Text     `yaml:"id"`
}

type gate struct {
	Run string `yaml:"run"`
}

// even reads itself.
type even int

func (e *even) UnmarshalYAML(n *yaml.Node) error {
	var i int
	if err := n.Load(&i); err != nil {
		return err
	}
	if i%2 != 0 {
		return errors.New("an odd number")
	}
	*e = even(i)
	return nil
}

func TestDecodeYAMLFillsInValuesAndPlaces(t *testing.T) {
	content := `version: 1
service: 결제
interval: 1h30m
wait: 90s
hard: true
least: 0.10
zone: &zone Asia/Seoul
slis:
  API 오류율: {id: api}
  "5": {id: 7}
gates:
env: {A: 1, B: "x", C: true}
names: [a, *zone]
twice: 4
`
	at := func(line, column int) diag.Position { return diag.Position{File: "f.yaml", Line: line, Column: column} }
	least := slo.MustDecimal("0.1")
	want := file{
		At: at(1, 1), Version: 1, Service: diag.Text{Value: "결제", At: at(2, 10)}, Interval: slo.Duration(90 * time.Minute),
		Wait: 90 * time.Second, Hard: true, Least: &least, Common: common{Zone: "Asia/Seoul"},
		SLIs: diag.Map[sli]{
			{Key: diag.Text{Value: "API 오류율", At: at(9, 3)}, Value: sli{At: at(9, 12), ID: diag.Text{Value: "api", At: at(9, 17)}}},
			{Key: diag.Text{Value: "5", At: at(10, 3)}, Value: sli{At: at(10, 8), ID: diag.Text{Value: "7", At: at(10, 13)}}},
		},
		Env: map[string]string{"A": "1", "B": "x", "C": "true"}, Names: []string{"a", "Asia/Seoul"}, Twice: 4,
	}
	var got file
	if problems := diag.DecodeYAML("f.yaml", []byte(content), &got); problems != nil {
		t.Fatal(render(problems))
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(slo.Decimal{})); d != "" {
		t.Error(d)
	}
	if e, ok := got.SLIs.Find("5"); !ok || e.Value.ID.Value != "7" {
		t.Errorf("Find(5) = %v, %v", e, ok)
	}
	if _, ok := got.SLIs.Find("6"); ok {
		t.Error("Find(6) found something")
	}
}

func TestDecodeYAMLReportsEverythingAtOnce(t *testing.T) {
	content := `versoin: 1
service: [a]
interval: 5 minutes
wait: soon
hard: maybe
least:
slis:
  결제: {id: api, 이름: x}
  결제: {id: other}
gates: {"1.1": {run: {}}}
names: one
twice: 3
<<: {}
`
	want := `f.yaml:1:1: unknown key "versoin"
  versoin: 1
  ^^^^^^^
  hint: did you mean "version"?
f.yaml:2:10: expected text, found a list
  service: [a]
           ^
f.yaml:3:11: "5 minutes" is not a duration such as 5m or 1h30m
  interval: 5 minutes
            ^^^^^^^^^
f.yaml:4:7: "soon" is not a duration such as 10s or 1m30s
  wait: soon
        ^^^^
f.yaml:5:7: "maybe" is not true or false
  hard: maybe
        ^^^^^
f.yaml:6:7: the value is missing
  least:
        ^
  hint: give one, or leave the key out
f.yaml:8:17: unknown key "이름"
    결제: {id: api, 이름: x}
                    ^^^^
  hint: possible here: id
f.yaml:9:3: key "결제" is given twice
    결제: {id: other}
    ^^^^
f.yaml:8:3: first given here
    결제: {id: api, 이름: x}
    ^^
f.yaml:10:22: expected a single value, found a mapping (key: value)
  gates: {"1.1": {run: {}}}
                       ^
f.yaml:11:8: expected a list, found a single value
  names: one
         ^^^
f.yaml:12:8: an odd number
  twice: 3
         ^
f.yaml:13:1: unknown key "<<"
  <<: {}
  ^^
  hint: merge keys are not read: write the keys out
`
	var got file
	if d := cmp.Diff(want, render(diag.DecodeYAML("f.yaml", []byte(content), &got))); d != "" {
		t.Error(d)
	}
	if e, ok := got.SLIs.Find("결제"); !ok || e.Value.ID.Value != "api" {
		t.Errorf("what fits was not filled in: %v", got.SLIs)
	}
}

func TestDecodeYAMLTakesExactlyOneDocument(t *testing.T) {
	for content, want := range map[string]string{
		"":                                "f.yaml:1:1: the file is empty",
		"# only a comment\n":              "f.yaml:1:1: the file is empty",
		"---\n":                           "f.yaml:1:1: the file is empty",
		"version: 1\n---\nx: 2\n":         "f.yaml:2:1: a second document begins here",
		"- 1\n":                           "f.yaml:1:1: expected a mapping (key: value), found a list",
		"version: 99999999999999999999\n": `f.yaml:1:10: "99999999999999999999" is not a whole number in range`,
	} {
		var got file
		if err := diag.DecodeYAML("f.yaml", []byte(content), &got).Err(); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", content, err, want)
		}
	}
}

func TestDecodeYAMLPlacesSyntaxErrors(t *testing.T) {
	for _, content := range []string{"version: [1\nservice: x\n", "version: 1\n service: x\n", "service: \"a\n", "a: *nowhere\n",
		"\tversion: 1\n", "version: 1\n---\n: [\n"} {
		var got file
		problems := diag.DecodeYAML("f.yaml", []byte(content), &got)
		if len(problems) != 1 || problems[0].At.Line == 0 || problems[0].At.Column == 0 || problems[0].Message == "" {
			t.Errorf("%q: %#v", content, problems)
		}
	}
}
