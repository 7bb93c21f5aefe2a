package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/coclai/cutover/agent/ledger"
)

// An I/O error is staged with a limit on the size of files: a write beyond it fails with EFBIG, which to SQLite is a failing disk and not
// a full one. The limit is the process's, so this happens in one of its own, which prints what it sees.
func appendPastLimit(path string) {
	signal.Ignore(syscall.SIGXFSZ)
	l, err := ledger.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	limit(512 << 10)
	acknowledged := 0
	for err == nil && acknowledged < 1000 {
		_, err = l.Append(context.Background(), entry(`"`+strings.Repeat("x", 64<<10)+`"`))
		if err == nil {
			acknowledged++
		}
	}
	limit(1 << 40) // the disk works again
	_, again := l.Append(context.Background(), entry(`"after"`))
	fmt.Println(acknowledged, errors.Is(err, ledger.ErrNotDurable), errors.Is(err, ledger.ErrBroken),
		errors.Is(again, ledger.ErrNotDurable), errors.Is(again, ledger.ErrBroken))
}

func TestAFailingDiskBreaksTheLedgerUntilItIsOpenedAgain(t *testing.T) {
	path := newPath(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "LEDGER_TEST_FAILING_DISK="+path)
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	acknowledged, outcome := 0, ""
	if _, err := fmt.Sscan(string(out), &acknowledged); err != nil {
		t.Fatalf("the child said %q", out)
	}
	_, outcome, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	if acknowledged == 0 || outcome != "true true true true" {
		t.Errorf("%d acknowledged; not durable, broken, and again after the disk had recovered: %s", acknowledged, outcome)
	}
	if got := len(all(t, open(t, path), 0)); got < acknowledged || got > acknowledged+1 {
		t.Errorf("%d entries, %d were acknowledged", got, acknowledged)
	}
}
