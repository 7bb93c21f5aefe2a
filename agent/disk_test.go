package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// afflicted attaches strace to the daemon, to do something to some of its system calls from now on; false where there is no strace, or it may not.
func (d *daemon) afflicted(calls, inject string) bool {
	d.t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		return false
	}
	var said lines
	cmd := exec.Command(path, "-f", "-o", "/dev/null", "-e", "inject="+calls+":"+inject, "-p", fmt.Sprint(d.cmd.Process.Pid))
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return false
	}
	d.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return eventually(10*time.Second, func() bool { return strings.Contains(said.String(), "attached") })
}

// noMoreThan lets every write of the daemon beyond so many bytes of a file fail, as a failing disk does.
func (d *daemon) noMoreThan(bytes uint64) {
	d.t.Helper()
	limit := syscall.Rlimit{Cur: bytes, Max: bytes}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(d.cmd.Process.Pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0); errno != 0 {
		d.t.Fatal(errno)
	}
}

// deliver posts a body of n alerts, and returns the status and the number in the ledger.
func (d *daemon) deliver(n, first int) (status int, seq int64) {
	one := string(body("firing", time.Now()))
	head, rest, _ := strings.Cut(one, `"alerts":[`)
	alert, tail, _ := strings.Cut(rest, `],"externalURL"`)
	alerts := make([]string, n)
	for i := range alerts {
		alerts[i] = strings.Replace(alert, "4f6a9e0c2b7d1835", fmt.Sprintf("%016x", first+i), 1)
	}
	status, answer := d.post("/api/v1/alerts", []byte(head+`"alerts":[`+strings.Join(alerts, ",")+`],"externalURL"`+tail))
	var receipt struct {
		Seq int64 `json:"ledger_seq"`
	}
	_ = json.Unmarshal([]byte(answer), &receipt)
	return status, receipt.Seq
}

// holds fails the test when the ledger does not hold what was acknowledged, or does not verify.
func (d *daemon) holds(acknowledged int64) {
	d.t.Helper()
	out, err := exec.Command(d.binary, "ledger", "verify", filepath.Join(filepath.Dir(d.config), "ledger.db")).CombinedOutput()
	if err != nil {
		d.t.Fatalf("ledger verify: %v\n%s", err, out)
	}
	export, err := exec.Command(d.binary, "ledger", "export", filepath.Join(filepath.Dir(d.config), "ledger.db")).Output()
	if got := int64(bytes.Count(export, []byte("\n"))); err != nil || got < acknowledged {
		d.t.Fatalf("the ledger holds %d entries, %d were acknowledged: %v", got, acknowledged, err)
	}
}

// TestADaemonWhoseDiskFailsEnds: a sync that fails is not tried again. The process ends, and says so by its status; what it acknowledged is
// there when it starts again.
func TestADaemonWhoseDiskFailsEnds(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, bare(t))
	d.start("")
	status, acknowledged := d.deliver(1, 1)
	if status != http.StatusOK {
		t.Fatal(status)
	}
	if !d.afflicted("fsync,fdatasync", "error=EIO") {
		t.Log("no strace: the writes fail, not the sync")
		d.noMoreThan(1)
	}
	if !eventually(20*time.Second, func() bool {
		if status, _ := d.deliver(1, 2); status == http.StatusOK {
			t.Fatal("acknowledged on a disk that fails")
		}
		return d.dead()
	}) {
		t.Fatal("it goes on")
	}
	if d.cmd.ProcessState.Success() || !strings.Contains(d.log.String(), "the disk failed under the ledger") {
		t.Errorf("it ended with %s", d.cmd.ProcessState)
	}
	d.holds(acknowledged)
	d.start("")
	if status, _ := d.deliver(1, 3); status != http.StatusOK {
		t.Errorf("started again, it answers %d", status)
	}
}

// TestNothingAcknowledgedIsLostToKill9AtAnyWrite kills the daemon at its n-th write or sync after it has started, for each n up to a
// delivery's last.
func TestNothingAcknowledgedIsLostToKill9AtAnyWrite(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, bare(t))
	acknowledged, next := int64(0), 1
	for n := 1; n <= 12; n++ {
		d.start("")
		traced := d.afflicted("pwrite64,fsync,fdatasync", fmt.Sprintf("signal=KILL:when=%d", n))
		for end := time.Now().Add(20 * time.Second); !d.dead() && time.Now().Before(end); next++ {
			if status, seq := d.deliver(1, next); status == http.StatusOK {
				acknowledged = seq
			}
			if !traced && next%n == 0 {
				d.kill() // without strace between the writes; within one is package ledger's test
			}
		}
		if !d.dead() {
			t.Fatalf("it outlives its write %d", n)
		}
		d.holds(acknowledged)
	}
	if acknowledged == 0 {
		t.Error("nothing was ever acknowledged")
	}
}

// TestAFullDiskIsSaidAndRecovered: 503 while there is no room, and the same process takes deliveries when there is room again.
func TestAFullDiskIsSaidAndRecovered(t *testing.T) {
	d := newDaemon(t, bare(t))
	folder := filepath.Join(filepath.Dir(d.config), "disk")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("no right to mount a small disk (package ledger stages one): %v", err)
	}
	t.Cleanup(func() {
		d.kill()
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	text, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, d.config, strings.Replace(string(text), "sqlite: ledger.db", "sqlite: disk/ledger.db", 1))
	ballast := filepath.Join(folder, "ballast")
	write(t, ballast, strings.Repeat("x", 1<<20))
	d.start("")
	next := 1
	if !eventually(60*time.Second, func() bool {
		status, _ := d.deliver(200, next)
		next += 200
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Fatalf("it answers %d", status)
		}
		return status == http.StatusServiceUnavailable
	}) {
		t.Fatal("the disk is not full")
	}
	if d.dead() || answers(d.url+"/-/ready") {
		t.Errorf("dead: %v; it says that it is ready", d.dead())
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if !eventually(60*time.Second, func() bool { return answers(d.url + "/-/ready") }) { // nobody has sent anything meanwhile
		t.Fatal("there is room again, and it is not ready")
	}
	if status, _ := d.deliver(1, next); status != http.StatusOK || d.dead() {
		t.Errorf("there is room again, and it answers %d", status)
	}
}
