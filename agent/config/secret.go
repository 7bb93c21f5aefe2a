package config

import (
	"fmt"
	"io"
)

const mask = "***"

// Secret is text that no print, log or encoding shows: all of them write ***. Only the conversion string(s) gives it away.
type Secret string

// String is ***.
func (Secret) String() string { return mask }

// GoString is ***.
func (Secret) GoString() string { return mask }

// MarshalText writes ***: for JSON, YAML and slog.
func (Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// Format writes *** for every verb, %x and %d too.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }
