package live

import (
	"strings"

	"github.com/coclai/cutover/generator/slo"
)

// timeIn is the length of time in what Prometheus says of its retention: "15d", "15d or 10GiB", "10GiB".
func timeIn(said string) slo.Duration {
	for part := range strings.SplitSeq(said, " or ") {
		if d, err := slo.ParseDuration(strings.TrimSpace(part)); err == nil {
			return d
		}
	}
	return 0
}
