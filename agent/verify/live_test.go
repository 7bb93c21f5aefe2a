package verify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/verify"
	"github.com/coclai/cutover/generator/slo"
)

func TestACommandSaysWhatProductionRuns(t *testing.T) {
	const one, two = "1f0c3d2e4b5a69788796a5b4c3d2e1f001122334", "abcdef0"
	for name, c := range map[string]struct {
		script string
		want   []string
		says   string // of the error
	}{
		"one":               {script: "echo " + one, want: []string{one}},
		"several":           {script: "echo " + one + "; echo ' '" + two, want: []string{one, two}},
		"nothing":           {script: "true", want: nil},
		"with what it asks": {script: "test \"$WHERE\" = there && test -z \"$(ls -A)\" && echo " + two, want: []string{two}},
		"a version":         {script: "echo v1.2.3", says: `must print commits and nothing else: it printed "v1.2.3\n"`},
		"too short":         {script: "echo abcdef", says: "must print commits and nothing else"},
		"a complaint":       {script: "echo " + one + "; echo warning: stale >&2", says: "must print commits and nothing else"},
		"a failure":         {script: "echo " + one + "; echo 'no cluster token-1234' >&2; exit 3", says: "exit status 3: \"" + one + "\\nno cluster ***"},
		"a signal":          {script: "kill -SEGV $$", says: "segmentation fault"},
	} {
		t.Run(name, func(t *testing.T) {
			r := verify.Runner{Dir: openFolder(t), Redact: func(s string) string { return strings.ReplaceAll(s, "token-1234", "***") }}
			got, err := r.Commits(t.Context(), slo.Live{Argv: []string{"bash", "-c", c.script}, Env: map[string]string{"WHERE": "there"}})
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %q in it", err, c.says)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
