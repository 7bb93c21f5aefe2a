package release

import (
	"fmt"
	"strings"
)

// Health is what was found of one thing that a rollback would rest on.
type Health string

// The healths.
const (
	Healthy Health = "OK"
	Weak    Health = "WARN"    // it works, and not as well as it should; or what is not there may well not be there
	Broken  Health = "FAIL"    // it does not work, or something is possible that must not be
	Untold  Health = "UNKNOWN" // it could not be found out
)

// HealthOf is what a verdict says of a health.
func HealthOf(v Verdict) Health {
	switch v {
	case Pass:
		return Healthy
	case Fail:
		return Broken
	}
	return Untold
}

// Finding is one thing that was looked at: what was seen, and what to do about it unless it is OK.
type Finding struct {
	Environment string `json:"environment,omitempty"` // service/environment; "" for what concerns all
	Check       string `json:"check"`
	Health      Health `json:"health"`
	Seen        string `json:"seen"`
	Fix         string `json:"fix,omitempty"`
}

// Examination is all that was found.
type Examination struct {
	Findings []Finding `json:"findings"`
	Health   Health    `json:"health"` // FAIL if anything is; else UNKNOWN if anything is; else OK: a warning is no failure
}

// Add keeps a finding, and what it does to the whole.
func (x *Examination) Add(f Finding) {
	x.Findings = append(x.Findings, f)
	if x.Health == "" {
		x.Health = Healthy
	}
	if f.Health == Broken || f.Health == Untold && x.Health != Broken {
		x.Health = f.Health
	}
}

// String counts what was found, the worst first.
func (x *Examination) String() string {
	var parts []string
	for _, h := range []Health{Broken, Untold, Weak, Healthy} {
		n := 0
		for _, f := range x.Findings {
			if f.Health == h {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, h))
		}
	}
	return strings.Join(parts, ", ")
}
