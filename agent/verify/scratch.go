package verify

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// scratch is a folder that holds one checkout and all that its gates write. Started by root it belongs to nobody.
type scratch struct {
	dir, checkout, home, temp string
	owner                     *syscall.Credential // nil: run as who we are
}

func newScratch(under string) (scratch, error) {
	dir, err := os.MkdirTemp(under, "rollback-verify-") // mode 0700: nobody else reads or plants anything
	if err != nil {
		return scratch{}, err
	}
	s := scratch{
		dir: dir, checkout: filepath.Join(dir, "checkout"), home: filepath.Join(dir, "home"), temp: filepath.Join(dir, "tmp"),
		owner: unprivileged(),
	}
	for _, d := range []string{s.checkout, s.home, s.temp} {
		if err := os.Mkdir(d, 0o700); err != nil {
			s.remove()
			return scratch{}, err
		}
	}
	if err := s.giveAway(); err != nil {
		s.remove()
		return scratch{}, err
	}
	return s, nil
}

// unprivileged is nobody when we are root.
func unprivileged() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	c := &syscall.Credential{Uid: 65534, Gid: 65534} // where the system has no such name: the kernel's overflow ids
	if nobody, err := user.Lookup("nobody"); err == nil {
		c.Uid, c.Gid = id(nobody.Uid, c.Uid), id(nobody.Gid, c.Gid)
	}
	return c
}

func id(text string, otherwise uint32) uint32 {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return otherwise
	}
	return uint32(n)
}

func (s scratch) giveAway() error { return own(s.owner, s.dir, s.checkout, s.home, s.temp) }

// remove deletes everything, also folders that a gate has closed to its own user. What still cannot be deleted stays: that is the disk's
// business, and no verdict's.
func (s scratch) remove() {
	if os.RemoveAll(s.dir) == nil {
		return
	}
	_ = filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(s.dir)
}

// env is the whole environment of a command, besides what the plan gives a gate: nothing of the agent's own may leak into it.
func (s scratch) env() []string {
	path := os.Getenv("PATH")
	if path == "" {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	return []string{"PATH=" + path, "HOME=" + s.home, "TMPDIR=" + s.temp, "LANG=C.UTF-8"}
}

// with is env with what the plan gives a command.
func (s scratch) with(more map[string]string) []string {
	env := s.env()
	for name, value := range more {
		env = append(env, name+"="+value)
	}
	return env
}

// gitEnv keeps git from asking anybody anything, from reading configuration, and from running what a URL such as ext:: would.
func gitEnv(url string) []string {
	protocols := "http:https:ssh"
	if strings.HasPrefix(url, "file:") {
		protocols = "file"
	}
	return []string{
		"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_ALLOW_PROTOCOL=" + protocols,
	}
}
