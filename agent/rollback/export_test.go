package rollback

import (
	"maps"
	"slices"
)

// Kinds are all kinds that there are.
func Kinds() []Kind { return slices.Sorted(maps.Keys(kinds)) }
