package release

import (
	"fmt"
	"time"
)

// Fresh are the baselines that a release at T0 can be judged by: none older than the plan lets gates be (0: of any age). What a service did
// last week says nothing about what it did before this release. Stale says of each of the others why it is not used.
func Fresh(all []Baseline, t0 time.Time, expire time.Duration) (fresh []Baseline, stale []string) {
	for _, b := range all {
		if age := t0.Sub(b.At); expire > 0 && age > expire {
			stale = append(stale, fmt.Sprintf("%s: the baseline of %s is %s old, longer than %s, and is not used: capture it before the release",
				b.SLO, b.At.UTC().Format(time.RFC3339), age.Round(time.Minute), expire))
			continue
		}
		fresh = append(fresh, b)
	}
	return fresh, stale
}
