package verify

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// cgroup holds a command and all its descendants, whatever they do to get away. A nil *cgroup holds nothing: there is none where the
// hierarchy cannot be written, and the process group must do.
type cgroup struct {
	path   string
	folder *os.File
}

// newCgroup makes a cgroup below the agent's own, which is where a service manager delegates; nil if that is not possible.
func newCgroup() *cgroup {
	own := hierarchy()
	if own == "" {
		return nil
	}
	path, err := os.MkdirTemp(own, "rollback-verify-")
	if err != nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(path, "cgroup.kill")); err != nil { // since Linux 5.14
		_ = os.Remove(path)
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		_ = os.Remove(path)
		return nil
	}
	return &cgroup{path, folder}
}

// hierarchy says below which folder cgroups are made; a test has none.
var hierarchy = ownCgroup

// ownCgroup is the agent's folder in the v2 hierarchy, "" if there is none.
func ownCgroup() string {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(own)) {
		if path, v2 := strings.CutPrefix(strings.TrimSpace(line), "0::"); v2 {
			return joined(mountOf(string(mounts)), path)
		}
	}
	return ""
}

func joined(mount, path string) string {
	if mount == "" {
		return ""
	}
	return filepath.Join(mount, path)
}

// mountOf finds where cgroup2 is mounted: the fifth field of a line whose file system type follows " - " (proc(5)).
func mountOf(mounts string) string {
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(before); len(fields) > 4 && strings.HasPrefix(after, "cgroup2 ") {
			return fields[4]
		}
	}
	return ""
}

// kill kills everything in it at once, also what is being forked.
func (c *cgroup) kill() {
	if c != nil {
		_ = os.WriteFile(filepath.Join(c.path, "cgroup.kill"), []byte("1"), 0) // nothing left is no failure
	}
}

// remove waits until the killed are gone, as long as a command's output may be held open, and takes the cgroup away.
func (c *cgroup) remove() {
	if c == nil {
		return
	}
	_ = c.folder.Close()
	for end := time.Now().Add(grace); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if os.Remove(c.path) == nil {
			return
		}
	}
}
