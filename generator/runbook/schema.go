package runbook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/coclai/cutover/generator/diag"
)

// schema is a JSON Schema (draft 2020-12), as far as editors need one.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"` // a name, or several
	Enum        []any              `json:"enum,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // false, or the schema of every value
	Required    []string           `json:"required,omitempty"`
}

// Schema is the JSON Schema of promrulegen.yaml, for editors. It knows keys, words and shapes; what fits the runbook only the compiler
// knows.
func Schema() []byte {
	s := schemaOf(reflect.TypeFor[Bindings]())
	s.Schema, s.ID = "https://json-schema.org/draft/2020-12/schema", "https://github.com/coclai/cutover/rules/promrulegen.schema.json"
	s.Title, s.Description = "promrulegen.yaml", "What the rows and triggers of a runbook are measured by."
	s.Required = []string{"version", "service", "environment", "runbook", "prometheus", "slis", "triggers", "cutover", "alertmanager", "owners"}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		panic(fmt.Sprintf("encode the schema: %v", err)) // strings, lists and maps of them
	}
	return out.Bytes()
}

var scalar = []string{"string", "number", "boolean"}

// schemaOf follows the rules by which package diag decodes.
func schemaOf(t reflect.Type) *schema {
	switch {
	case t == reflect.TypeFor[diag.Text]():
		return &schema{Type: scalar}
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem())
	case t.Kind() == reflect.Slice && strings.HasPrefix(t.Name(), "Map["):
		value, _ := t.Elem().FieldByName("Value")
		return &schema{Type: "object", Additional: schemaOf(value.Type)}
	case t.Kind() == reflect.Slice:
		return &schema{Type: "array", Items: schemaOf(t.Elem())}
	}
	s := &schema{Type: "object", Additional: false, Properties: map[string]*schema{}}
	s.fields(t)
	return s
}

func (s *schema) fields(t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			s.fields(f.Type)
		case f.IsExported() && name != "-":
			p := schemaOf(f.Type)
			p.document(t.Name() + "." + name)
			s.Properties[name] = p
		}
	}
}

// document adds what a person must know of a key, and the words that it takes.
func (s *schema) document(key string) {
	note := notes[key]
	s.Description = note.text
	for _, word := range note.words {
		target := s
		if s.Items != nil {
			target = s.Items
		}
		target.Enum = append(target.Enum, word)
		target.Type = "string"
	}
	switch {
	case slices.Equal(note.words, truth):
		s.Type, s.Enum = "boolean", nil
	case slices.Equal(note.words, first):
		s.Type, s.Enum = "integer", []any{1}
	}
}
