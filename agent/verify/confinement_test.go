package verify_test

import (
	"os"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/verify"
)

func TestConfinementIsWhatAGateFinds(t *testing.T) {
	r := verify.Runner{Dir: openFolder(t)}
	got, err := r.Confinement(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !got.NoNewPrivileges || got.Own != (os.Getuid() != 0) || !strings.HasPrefix(got.User, "user ") {
		t.Errorf("%+v", got)
	}
	defer verify.WithoutCgroups()()
	without, err := r.Confinement(t.Context())
	if err != nil || without.Cgroup || !strings.Contains(without.String(), "without a cgroup") {
		t.Errorf("%+v, %v", without, err)
	}
	if _, err := (verify.Runner{Dir: r.Dir, Git: "no-such-git"}).Confinement(t.Context()); err == nil || !strings.Contains(err.Error(), "no-such-git is not installed") {
		t.Errorf("gates run without git: %v", err)
	}
}
