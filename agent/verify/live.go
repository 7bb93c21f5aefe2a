package verify

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// liveTimeout bounds the command that says what production runs: it is asked again and again while a deploy is awaited.
const liveTimeout = 30 * time.Second

var beginning = regexp.MustCompile(`^[0-9a-f]{7,40}$`)

// Commits runs the command that prints which commits production runs, in an empty folder and confined as gates are. It must print commits,
// or their beginnings, and nothing else: what it complains about is not taken for an answer.
func (r Runner) Commits(ctx context.Context, l slo.Live) ([]string, error) {
	s, err := newScratch(r.Dir)
	if err != nil {
		return nil, fmt.Errorf("ask what production runs: %w", err)
	}
	defer s.remove()
	o := s.run(ctx, command{argv: l.Argv, dir: s.checkout, env: s.with(l.Env), timeout: liveTimeout})
	switch {
	case o.failed != nil:
		return nil, fmt.Errorf("ask what production runs: %w", o.failed)
	case o.exit != 0:
		return nil, fmt.Errorf("ask what production runs: exit status %d: %.300q", o.exit, r.redact(o.output))
	}
	all := strings.Fields(o.output)
	for _, one := range all {
		if !beginning.MatchString(one) {
			return nil, fmt.Errorf("ask what production runs: the command printed %.300q, want commits and nothing else", r.redact(o.output))
		}
	}
	return all, nil
}
