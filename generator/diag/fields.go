package diag

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// fields are the keys that a struct type takes.
type fields struct {
	names  []string
	byName map[string][]int // where each is, as reflect's FieldByIndex has it
	places [][]int          // of the struct's own place, where it asks for it
}

// structs are the fields of struct types, by type: a file has thousands of mappings of a few types.
var structs sync.Map

// fieldsOf finds the keys of a struct type by the library's rules for tags.
func fieldsOf(structure reflect.Type) *fields {
	if known, found := structs.Load(structure); found {
		if f, ok := known.(*fields); ok {
			return f
		}
	}
	f := &fields{byName: map[string][]int{}}
	f.collect(structure, nil)
	structs.Store(structure, f)
	return f
}

// collect takes the fields of a struct that stands at a place in another one.
func (f *fields) collect(structure reflect.Type, at []int) {
	for i := range structure.NumField() {
		field := structure.Field(i)
		path := append(slices.Clone(at), i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case !field.IsExported():
		case name == "-" && field.Type == positionType:
			f.places = append(f.places, path)
		case name == "-":
		case slices.Contains(strings.Split(options, ","), "inline"):
			f.collect(field.Type, path)
		default:
			f.add(name, field.Name, path)
		}
	}
}

func (f *fields) add(tag, name string, path []int) {
	if tag == "" {
		tag = strings.ToLower(name)
	}
	f.names = append(f.names, tag)
	f.byName[tag] = path
}
