package diag

// Text is a YAML scalar that knows its place, for messages that speak of it later. Any scalar but null is text: 5 is "5".
type Text struct {
	Value string
	At    Position
}

// String is Value.
func (t Text) String() string { return t.Value }

// Map is a YAML mapping whose keys know their place, in the order of the file. Keys are unique once DecodeYAML had no complaint.
type Map[V any] []Entry[V]

// Entry is one key of a Map with its value.
type Entry[V any] struct {
	Key   Text
	Value V
}

// Find looks up a key by exact match.
func (m Map[V]) Find(key string) (Entry[V], bool) {
	for i := range m {
		if m[i].Key.Value == key {
			return m[i], true
		}
	}
	return Entry[V]{}, false
}

// Index is for those who look up many keys.
func (m Map[V]) Index() map[string]Entry[V] {
	index := make(map[string]Entry[V], len(m))
	for _, e := range m {
		index[e.Key.Value] = e
	}
	return index
}

// Keys are the keys in the order of the file.
func (m Map[V]) Keys() []string {
	keys := make([]string, 0, len(m))
	for _, e := range m {
		keys = append(keys, e.Key.Value)
	}
	return keys
}

// mapping says to the decoder that this slice is written as one.
func (m Map[V]) mapping() bool { return true }
