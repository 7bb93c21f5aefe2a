package runbook_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/coclai/cutover/generator/runbook"
)

// node is the part of JSON Schema that ours uses.
type node struct {
	Description string           `json:"description"`
	Type        any              `json:"type"`
	Enum        []any            `json:"enum"`
	Properties  map[string]*node `json:"properties"`
	Items       *node            `json:"items"`
	Additional  json.RawMessage  `json:"additionalProperties"`
	Required    []string         `json:"required"`
}

func ours(t *testing.T) *node {
	t.Helper()
	var n node
	if err := json.Unmarshal(runbook.Schema(), &n); err != nil {
		t.Fatal(err)
	}
	return &n
}

// check returns what is wrong with a value of YAML, with its place.
func (n *node) check(at string, value any) []string {
	var wrong []string
	if !n.takes(value) {
		return []string{fmt.Sprintf("%s: %v (%T) is no %v %v", at, value, value, n.Type, n.Enum)}
	}
	switch value := value.(type) {
	case map[string]any:
		for _, key := range n.Required {
			if _, given := value[key]; !given {
				wrong = append(wrong, at+": "+key+" is missing")
			}
		}
		for key, inner := range value {
			wrong = append(wrong, n.property(key).check(at+"."+key, inner)...)
		}
	case []any:
		for i, inner := range value {
			wrong = append(wrong, n.Items.check(fmt.Sprintf("%s[%d]", at, i), inner)...)
		}
	}
	return wrong
}

// property is the schema of a key; one that is not there takes nothing.
func (n *node) property(key string) *node {
	if p := n.Properties[key]; p != nil {
		return p
	}
	p := &node{Type: "nothing"}
	_ = json.Unmarshal(n.Additional, p) // false leaves it as it is
	return p
}

// asJSON is a number as JSON has it.
func asJSON(value any) any {
	if n, ok := value.(int); ok {
		return float64(n)
	}
	return value
}

func (n *node) takes(value any) bool {
	kind := map[string]string{"string": "string", "bool": "boolean", "int": "number", "float64": "number",
		"map[string]interface {}": "object", "[]interface {}": "array"}[fmt.Sprintf("%T", value)]
	types, several := n.Type.([]any)
	if !several {
		types = []any{n.Type}
	}
	if n.Enum != nil {
		return slices.ContainsFunc(n.Enum, func(e any) bool { return fmt.Sprintf("%T %v", e, e) == fmt.Sprintf("%T %v", asJSON(value), value) })
	}
	return slices.Contains(types, any(kind))
}

func TestTheSchemaTakesOurOwnBindingsAndNoOthers(t *testing.T) {
	content, err := os.ReadFile("../../rules/promrulegen.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		change func(map[string]any)
		wrong  int
	}{
		{func(map[string]any) {}, 0},
		{func(m map[string]any) { delete(m, "service") }, 1},
		{func(m map[string]any) { m["servce"] = "x" }, 1},
		{func(m map[string]any) { m["outputs"] = []any{"mimir", "cortex"} }, 1},
		{func(m map[string]any) { m["service"] = []any{"x"} }, 1},
		{func(m map[string]any) {
			m["slis"].(map[string]any)["API error rate"].(map[string]any)["no_data"] = "page"
		}, 1},
	} {
		var bindings map[string]any
		if err := yaml.Load(content, &bindings); err != nil {
			t.Fatal(err)
		}
		test.change(bindings)
		if wrong := ours(t).check("", bindings); len(wrong) != test.wrong {
			t.Errorf("%d problems, want %d: %q", len(wrong), test.wrong, wrong)
		}
	}
}

func TestTheCommittedSchemaIsOurs(t *testing.T) {
	committed, err := os.ReadFile("../../rules/promrulegen.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(committed) != string(runbook.Schema()) {
		t.Error("rules/promrulegen.schema.json: run `make rules`, and read the diff")
	}
}

func TestEveryKeyIsExplained(t *testing.T) {
	var walk func(at string, n *node)
	walk = func(at string, n *node) {
		for key, p := range n.Properties {
			if p.Description == "" {
				t.Errorf("%s.%s has no description", at, key)
			}
			walk(at+"."+key, p)
		}
		if n.Items != nil {
			walk(at+"[]", n.Items)
		}
		if len(n.Additional) > 0 && n.Additional[0] == '{' {
			walk(at+".*", n.property("*"))
		}
	}
	walk("", ours(t))
}
