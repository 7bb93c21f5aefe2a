package diag

import (
	"reflect"
	"slices"
	"strings"
)

// fields are the keys that a struct takes.
type fields struct {
	names  []string
	byName map[string]reflect.Value
}

// fieldsOf finds them by the library's rules for tags, and fills in the struct's own place where it asks for it.
func fieldsOf(structure reflect.Value, at Position) fields {
	f := fields{byName: map[string]reflect.Value{}}
	f.collect(structure, at)
	return f
}

func (f *fields) collect(structure reflect.Value, at Position) {
	for i := range structure.NumField() {
		field, value := structure.Type().Field(i), structure.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case !field.IsExported():
		case name == "-" && field.Type == positionType:
			value.Set(reflect.ValueOf(at))
		case name == "-":
		case slices.Contains(strings.Split(options, ","), "inline"):
			f.collect(value, at)
		default:
			f.add(name, field.Name, value)
		}
	}
}

func (f *fields) add(tag, name string, value reflect.Value) {
	if tag == "" {
		tag = strings.ToLower(name)
	}
	f.names = append(f.names, tag)
	f.byName[tag] = value
}
