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

// Unsaid is why a command did not say what production runs.
type Unsaid struct {
	Reason string // the same whenever it fails like that: fit for the ledger
	Detail string // what it printed, or why it could not be tried; "" if there is nothing to add
}

// Error has the reason, and what there is to add.
func (u *Unsaid) Error() string {
	text := "ask what production runs: " + u.Reason
	if u.Detail != "" {
		text += ": " + u.Detail
	}
	return text
}

// Commits runs the command that prints which commits production runs, in an empty folder and confined as gates are. It must print commits,
// or their beginnings, and nothing else: what it complains about is not taken for an answer.
func (r Runner) Commits(ctx context.Context, l slo.Live) ([]string, error) {
	s, err := newScratch(r.Dir)
	if err != nil {
		return nil, &Unsaid{Reason: "there is no folder to run the command in", Detail: err.Error()}
	}
	defer s.remove()
	o := s.run(ctx, command{argv: l.Argv, dir: s.checkout, env: s.with(l.Env), timeout: liveTimeout})
	switch {
	case o.failed != nil:
		return nil, &Unsaid{Reason: "the command did not run to its end", Detail: o.failed.Error()}
	case o.exit != 0:
		return nil, &Unsaid{Reason: fmt.Sprintf("exit status %d", o.exit), Detail: fmt.Sprintf("%.300q", r.redact(o.output))}
	}
	all := strings.Fields(o.output)
	for _, one := range all {
		if !beginning.MatchString(one) {
			return nil, &Unsaid{Reason: "the command must print commits and nothing else", Detail: fmt.Sprintf("it printed %.300q", r.redact(o.output))}
		}
	}
	return all, nil
}
