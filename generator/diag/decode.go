package diag

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	positionType = reflect.TypeFor[Position]()
	textType     = reflect.TypeFor[Text]()
)

// value reads a node into a settable value.
func (d *decoder) value(n *yaml.Node, into reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if isNull(n) {
		d.null(n, into)
		return
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		d.value(n, into.Elem())
		return
	}
	if into.Type() == textType {
		d.text(n, into)
		return
	}
	if d.itself(n, into) {
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		d.structure(n, into)
	case reflect.Map:
		d.mapping(n, into)
	case reflect.Slice:
		d.slice(n, into)
	default:
		d.scalar(n, into)
	}
}

// null is a key without a value: an empty collection is meant as such, anything else was forgotten.
func (d *decoder) null(n *yaml.Node, into reflect.Value) {
	if kind := into.Kind(); kind != reflect.Map && kind != reflect.Slice {
		d.complain(n, "the value is missing", "give one, or leave the key out")
	}
}

func (d *decoder) text(n *yaml.Node, into reflect.Value) {
	if d.expect(n, yaml.ScalarNode, "text") {
		set(into, Text{Value: n.Value, At: d.at(n)})
	}
}

// set gives a field of that type its value.
func set[T any](into reflect.Value, value T) {
	if field, ok := into.Addr().Interface().(*T); ok {
		*field = value
	}
}

// expect complains about a node of another kind.
func (d *decoder) expect(n *yaml.Node, kind yaml.Kind, what string) bool {
	if n.Kind == kind {
		return true
	}
	d.complain(n, fmt.Sprintf("expected %s, found %s", what, shapes[n.Kind]), "")
	return false
}

var shapes = map[yaml.Kind]string{
	yaml.ScalarNode: "a single value", yaml.MappingNode: "a mapping (key: value)", yaml.SequenceNode: "a list",
}

// itself lets a type read itself, if it can.
func (d *decoder) itself(n *yaml.Node, into reflect.Value) bool {
	switch reader := into.Addr().Interface().(type) {
	case yaml.Unmarshaler:
		if err := reader.UnmarshalYAML(n); err != nil {
			d.failed(n, err)
		}
		return true
	case encoding.TextUnmarshaler:
		if !d.expect(n, yaml.ScalarNode, "a single value") {
			return true
		}
		if err := reader.UnmarshalText([]byte(n.Value)); err != nil {
			d.complain(n, err.Error(), "")
		}
		return true
	}
	return false
}

func (d *decoder) structure(n *yaml.Node, into reflect.Value) {
	if !d.expect(n, yaml.MappingNode, "a mapping (key: value)") {
		return
	}
	fields := fieldsOf(into.Type())
	for _, path := range fields.places {
		set(into.FieldByIndex(path), d.at(n))
	}
	for key, value := range d.pairs(n) {
		path, known := fields.byName[key.Value]
		if !known {
			d.unknown(key, fields.names)
			continue
		}
		d.value(value, into.FieldByIndex(path))
	}
}

func (d *decoder) unknown(key *yaml.Node, names []string) {
	hint := "possible here: " + strings.Join(names, ", ")
	if near, ok := Nearest(key.Value, names); ok {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	if key.Value == "<<" {
		hint = "merge keys are not read: write the keys out"
	}
	d.complain(key, fmt.Sprintf("unknown key %q", key.Value), hint)
}

// pairs yields the keys of a mapping with their values; what is no plain key, or a key for the second time, is reported instead.
func (d *decoder) pairs(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		first := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if !d.expect(key, yaml.ScalarNode, "a plain key") {
				continue
			}
			if earlier, twice := first[key.Value]; twice {
				d.twice(key, earlier)
				continue
			}
			first[key.Value] = key
			if !yield(key, n.Content[i+1]) {
				return
			}
		}
	}
}

func (d *decoder) twice(key, earlier *yaml.Node) {
	d.complain(key, fmt.Sprintf("key %q is given twice", key.Value), "")
	last := &d.problems[len(d.problems)-1]
	last.Related = []Related{{At: d.at(earlier), Source: d.line(earlier.Line), Message: "first given here"}}
}

// mapping reads a Go map: keys are text or types that read themselves from text.
func (d *decoder) mapping(n *yaml.Node, into reflect.Value) {
	if !d.expect(n, yaml.MappingNode, "a mapping (key: value)") {
		return
	}
	into.Set(reflect.MakeMap(into.Type()))
	for key, value := range d.pairs(n) {
		k, v := reflect.New(into.Type().Key()).Elem(), reflect.New(into.Type().Elem()).Elem()
		d.value(key, k)
		d.value(value, v)
		into.SetMapIndex(k, v)
	}
}

func (d *decoder) slice(n *yaml.Node, into reflect.Value) {
	if m, ok := into.Addr().Interface().(interface{ mapping() bool }); ok && m.mapping() {
		d.entries(n, into)
		return
	}
	if !d.expect(n, yaml.SequenceNode, "a list") {
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content)))
	for i, element := range n.Content {
		d.value(element, into.Index(i))
	}
}

// entries reads a Map.
func (d *decoder) entries(n *yaml.Node, into reflect.Value) {
	if !d.expect(n, yaml.MappingNode, "a mapping (key: value)") {
		return
	}
	into.SetZero()
	into.Grow(len(n.Content) / 2)
	for key, value := range d.pairs(n) {
		last := into.Len()
		into.SetLen(last + 1)
		set(into.Index(last).FieldByName("Key"), Text{Value: key.Value, At: d.at(key)})
		d.value(value, into.Index(last).FieldByName("Value"))
	}
}

// scalar reads what Go's own types hold. A string takes any scalar as it is written; the rest is the library's business.
func (d *decoder) scalar(n *yaml.Node, into reflect.Value) {
	if into.Kind() == reflect.Interface {
		if err := n.Load(into.Addr().Interface()); err != nil {
			d.failed(n, err)
		}
		return
	}
	if !d.expect(n, yaml.ScalarNode, "a single value") {
		return
	}
	if into.Kind() == reflect.String {
		into.SetString(n.Value)
		return
	}
	if n.Load(into.Addr().Interface()) != nil {
		d.complain(n, fmt.Sprintf("%q is not %s", n.Value, nounOf(into.Type())), "")
	}
}

func nounOf(t reflect.Type) string {
	if t == durationType {
		return "a duration such as 10s or 1m30s"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number in range"
}
