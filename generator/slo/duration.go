package slo

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"
)

// Duration is a length of time as Prometheus writes it: "5m", "1h30m", "2d".
type Duration time.Duration

// ParseDuration reads Prometheus's form.
func ParseDuration(text string) (Duration, error) {
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 5m or 1h30m", text)
	}
	return Duration(d), nil
}

// String is Prometheus's form; zero is "0s".
func (d Duration) String() string { return model.Duration(d).String() }

// Std is d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// MarshalText writes String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDuration(string(text))
	return err
}
