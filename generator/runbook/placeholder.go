package runbook

import (
	"reflect"
	"strings"

	"github.com/coclai/cutover/generator/diag"
)

// Placeholder stands in drafted bindings wherever only a person knows what belongs there.
const Placeholder = "CHANGE_ME"

// Unfilled says whether a text still is, or contains, a placeholder.
func Unfilled(text diag.Text) bool { return strings.Contains(text.Value, Placeholder) }

// Placeholders are all texts that have not been filled in, in the order of the file's types.
func (b Bindings) Placeholders() []diag.Text {
	var found []diag.Text
	collect(reflect.ValueOf(&b).Elem(), &found)
	return found
}

func collect(v reflect.Value, found *[]diag.Text) {
	if text, ok := v.Addr().Interface().(*diag.Text); ok {
		if Unfilled(*text) {
			*found = append(*found, *text)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			collect(v.Elem(), found)
		}
	case reflect.Slice:
		for i := range v.Len() {
			collect(v.Index(i), found)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				collect(v.Field(i), found)
			}
		}
	}
}
