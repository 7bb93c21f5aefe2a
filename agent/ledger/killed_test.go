package ledger_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/ledger/ledgertest"
	"github.com/coclai/cutover/agent/rollback"
)

// appendForever is the process that is killed: four writers, each saying which numbers were acknowledged, while the beginning is cut again
// and again.
func appendForever(path string) {
	l, err := ledger.Open(path)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for range 4 {
		go func() {
			for {
				stored, err := l.Append(context.Background(), entry(`"one"`), entry(`"two"`))
				if err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				fmt.Println(stored[1].Seq)
				if at := stored[0].Seq; at%20 == 0 {
					_, _ = l.Cut(context.Background(), ledgertest.Noon, rollback.Checkpoint{Seq: at - 9, State: rollback.State{Seq: at - 9}})
				}
			}
		}()
	}
	select {}
}

// appendUntilDead is appendForever under a limit on the size of files. The write that would pass it is done as far as the limit, and the
// next one brings SIGXFSZ, which ends the process at once: it dies within a write, at a place that is known. Go ignores the signal unless
// the kernel is told otherwise behind its back.
func appendUntilDead(path string) {
	var byDefault struct{ handler, flags, restorer, mask uintptr }
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGXFSZ), uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0); errno != 0 {
		fmt.Println(errno)
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	bytes, _ := strconv.ParseUint(os.Getenv("LEDGER_TEST_DIE_AFTER"), 10, 64)
	limit(bytes)
	appendForever(path)
}

func limit(bytes uint64) {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &now); err != nil {
		fmt.Println(err)
	}
	now.Cur = min(bytes, now.Max)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now); err != nil {
		fmt.Println(err)
	}
}

// nothingLost opens what a dead process left: it verifies, holds what was acknowledged, and no half of an append.
func nothingLost(t *testing.T, path string, acknowledged int64) {
	t.Helper()
	read(t, path) // from outside first: reading puts nothing right
	l := open(t, path)
	extent, err := l.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if extent.Last < acknowledged {
		t.Fatalf("the ledger ends with entry %d, %d was acknowledged", extent.Last, acknowledged)
	}
	last := ""
	for _, e := range all(t, l, max(0, extent.Last-3)) {
		if e.Kind != rollback.Checkpointed {
			last = string(e.Body)
		}
	}
	if extent.Last > 0 && last == `"one"` {
		t.Errorf("half an append is left, at entry %d", extent.Last)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestNothingAcknowledgedIsLostToKill9(t *testing.T) {
	path := newPath(t)
	acknowledged := int64(0)
	for _, lines := range []int{1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 400} {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "LEDGER_TEST_APPEND_FOREVER="+path)
		acknowledged = max(acknowledged, killAfter(t, child, lines))
		nothingLost(t, path, acknowledged)
	}
}

// TestNothingAcknowledgedIsLostToADeathWithinAWrite dies in the file's making, in its first pages, and in the -wal file's frames of 4,120
// bytes: at their beginning, within, and at their end.
func TestNothingAcknowledgedIsLostToADeathWithinAWrite(t *testing.T) {
	died := 0
	for at := 0; at < 100_000; at += 2_477 {
		path := newPath(t)
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "LEDGER_TEST_DIE_AT="+path, fmt.Sprint("LEDGER_TEST_DIE_AFTER=", at))
		acknowledged := killAfter(t, child, 1_000)
		if acknowledged > 0 {
			died++
		}
		if _, err := os.Stat(path); err == nil {
			nothingLost(t, path, acknowledged)
		} else if acknowledged > 0 {
			t.Fatalf("killed after %d bytes: entry %d was acknowledged, and there is no ledger", at, acknowledged)
		}
		open(t, path)
	}
	if died < 10 {
		t.Errorf("only %d of the processes got as far as to acknowledge something", died)
	}
}

// killAfter starts the child, kills it when it has printed so many numbers, and returns the highest of all that it printed. A child that
// dies by itself is as good.
func killAfter(t *testing.T, child *exec.Cmd, lines int) (highest int64) {
	t.Helper()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for n := 1; scanner.Scan(); n++ {
		seq, err := strconv.ParseInt(strings.TrimSpace(scanner.Text()), 10, 64)
		if err != nil {
			t.Fatalf("the child said %q", scanner.Text())
		}
		highest = max(highest, seq)
		if n == lines {
			_ = child.Process.Kill()
		}
	}
	_ = child.Wait()
	return highest
}
