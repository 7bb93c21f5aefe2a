package runbook

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseBindingsReportsEveryProblemWithItsPlaceAndWhatWasMeant(t *testing.T) {
	_, problems := ParseBindings("promrulegen.yaml", []byte(`version: 1
servise: checkout
slis:
  API error rate:
    id: api-error-rate
    ratio: {bad: a, totl: b}
  API error rate:
    id: again
triggers:
  "4.1.1": {slo: api-error-rate, mod: auto}
  "4.1.4":
    any:
      - {id: x, componnt: web, gate: "1.4"}
owners: [Runtime on-call]
`))
	var got []string
	for _, p := range problems {
		got = append(got, p.String()+" | "+p.Hint)
	}
	want := []string{
		`promrulegen.yaml:2:1: unknown key "servise" | did you mean "service"?`,
		`promrulegen.yaml:6:21: unknown key "totl" | did you mean "total"?`,
		`promrulegen.yaml:7:3: key "API error rate" is given twice | `,
		`promrulegen.yaml:10:34: unknown key "mod" | did you mean "mode"?`,
		`promrulegen.yaml:13:17: unknown key "componnt" | did you mean "component"?`,
		`promrulegen.yaml:14:9: expected a mapping (key: value), found a list | `,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestBindingsPointInsideAQuotedText(t *testing.T) {
	b, problems := ParseBindings("f.yaml", []byte("service: 'up{job=}'\nenvironment: \"a\\tb\"\n"))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		got  string
		want string
	}{
		"whole text":              {b.Diagnostic(b.Service, "bad", "").String(), "f.yaml:1:10: bad"},
		"inside":                  {b.Within(b.Service, 7, 1, "bad").String(), "f.yaml:1:18: bad"},
		"escapes: the whole":      {b.Within(b.Environment, 2, 1, "bad").String(), "f.yaml:2:14: bad"},
		"left out: the file":      {b.Diagnostic(b.Version, "missing", "").String(), "f.yaml:1:1: missing"},
		"no such line: no source": {b.Line(9), ""},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
