package verify

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// markName is the variable by which a descendant is known again.
const markName = "ROLLBACK_AGENT_GATE="

const prSetChildSubreaper = 36 // prctl(2): orphans below us become our children, not init's. Since Linux 3.4

// becomeSubreaper is done when it is first needed: it concerns the whole process.
var becomeSubreaper = sync.OnceFunc(func() { _, _, _ = syscall.RawSyscall6(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0, 0, 0, 0) })

// commands are the process ids of commands in hand, which somebody waits for already. The lock is held while one is started, so that nobody
// takes it for an orphan before it is known.
var (
	starting sync.RWMutex
	commands sync.Map
)

// family is a command with all its descendants where there is no cgroup. They are known by a mark in their environment; of those who have
// cleared it, by having become our orphans as the owner that only commands run as. Who is not root has no such owner, and then a descendant
// that clears its environment and starts a session of its own gets away. A nil *family holds nothing.
type family struct {
	mark   string
	owner  *syscall.Credential
	since  uint64 // start of the command, in ticks since boot: its descendants started no earlier; atomic
	killed map[int]bool
}

func newFamily(owner *syscall.Credential) *family {
	becomeSubreaper()
	return &family{mark: markName + rand.Text(), owner: owner, killed: map[int]bool{}}
}

// marked adds the mark to an environment.
func (f *family) marked(env []string) []string {
	if f == nil {
		return env
	}
	return append(env[:len(env):len(env)], f.mark)
}

// start starts the command.
func (f *family) start(cmd *exec.Cmd) error {
	starting.RLock()
	defer starting.RUnlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	commands.Store(cmd.Process.Pid, true)
	if f == nil {
		return nil
	}
	if p, known := processOf(cmd.Process.Pid); known {
		atomic.StoreUint64(&f.since, p.start)
	}
	return nil
}

// kill kills whoever is left, as long as a command's output may be held open.
func (f *family) kill() {
	if f == nil {
		return
	}
	for end := time.Now().Add(grace); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if f.sweep() == 0 {
			return
		}
	}
}

// ended tells that the command's process was waited for.
func (f *family) ended(pid int) { commands.Delete(pid) }

// sweep kills the living members and takes leave of the dead ones; it says how many lived.
func (f *family) sweep() int {
	starting.Lock()
	defer starting.Unlock()
	living := 0
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil || pid == os.Getpid() {
			continue
		}
		p, known := processOf(pid)
		switch {
		case !known:
		case p.zombie && (f.killed[pid] || f.orphan(pid, p)):
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // no child of ours: then init does it
		case !p.zombie && (f.has(pid) || f.orphan(pid, p)):
			living++
			f.killed[pid] = syscall.Kill(pid, syscall.SIGKILL) == nil
		}
	}
	return living
}

// has says whether a process bears the mark.
func (f *family) has(pid int) bool {
	environment, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return err == nil && strings.Contains("\x00"+string(environment), "\x00"+f.mark+"\x00")
}

// orphan says whether a process was left to us by a command: nobody here has started it, it runs as only commands do, and bears the mark
// of no other.
func (f *family) orphan(pid int, p process) bool {
	if _, ours := commands.Load(pid); ours || f.owner == nil || p.parent != os.Getpid() || p.start < atomic.LoadUint64(&f.since) {
		return false
	}
	info, err := os.Stat("/proc/" + strconv.Itoa(pid))
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	environment, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return ok && stat.Uid == f.owner.Uid && !strings.Contains(string(environment), markName)
}

// process is what proc(5) says in stat.
type process struct {
	zombie bool
	parent int
	start  uint64
}

func processOf(pid int) (process, bool) {
	content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return process{}, false
	}
	fields := strings.Fields(string(content[bytes.LastIndex(content, []byte(") "))+1:])) // a name may hold anything; the third field is the first here
	if len(fields) < 20 {
		return process{}, false
	}
	parent, _ := strconv.Atoi(fields[1])
	start, err := strconv.ParseUint(fields[19], 10, 64)
	return process{zombie: fields[0] == "Z" || fields[0] == "X", parent: parent, start: start}, err == nil
}
