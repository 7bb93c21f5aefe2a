package verify

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// What is kept on disk of the runs, in all and of one gate: more is cut or left out, and said so.
const (
	keptRuns  = 100
	keptBytes = 1 << 30  // of all runs together
	gateFiles = 200      // from a gate's own folder of logs
	gateBytes = 64 << 20 // likewise
	fileBytes = 8 << 20  // of one file: its end, which says how it went
)

// stampLayout names a run's folder, in UTC, as the runbook's rehearsal record does.
const stampLayout = "20060102T150405Z"

var stamps = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z(-[0-9]+)?$`)

// Logs are the logs of runs in one folder, a folder below it each. Only root and the agent can read them.
type Logs struct {
	Root   string              // "": nothing is kept
	Redact func(string) string // takes secrets out; nil takes out nothing
}

// RunLogs are those of one run. Its zero value keeps nothing.
type RunLogs struct {
	Folder string // "" when nothing is kept
	redact func(string) string
}

// Open makes the folder of a run that begins now, and takes away the oldest ones beyond 100, or 1 GiB. Folders that it did not make stay.
func (l Logs) Open(now time.Time) (RunLogs, error) {
	if l.Root == "" {
		return RunLogs{}, nil
	}
	root, err := filepath.Abs(l.Root) // who reads of it is elsewhere
	if err == nil {
		err = os.MkdirAll(root, 0o700)
	}
	if err != nil {
		return RunLogs{}, fmt.Errorf("keep logs: %w", err)
	}
	if err := l.prune(); err != nil {
		return RunLogs{}, fmt.Errorf("keep logs: %w", err)
	}
	stamp := now.UTC().Format(stampLayout)
	for n := 1; ; n++ {
		folder := filepath.Join(root, stamp)
		if n > 1 { // another environment's run began in the same second
			folder += fmt.Sprintf("-%d", n)
		}
		err := os.Mkdir(folder, 0o700)
		if err == nil {
			return RunLogs{Folder: folder, redact: l.Redact}, nil
		}
		if !errors.Is(err, fs.ErrExist) || n == keptRuns {
			return RunLogs{}, fmt.Errorf("keep logs: %w", err)
		}
	}
}

// prune takes away whole runs, the oldest first.
func (l Logs) prune() error {
	entries, err := os.ReadDir(l.Root)
	if err != nil {
		return err
	}
	runs, total := 0, int64(0)
	for _, e := range slices.Backward(entries) { // ReadDir sorts by name, which is by time
		if !e.IsDir() || !stamps.MatchString(e.Name()) {
			continue
		}
		folder := filepath.Join(l.Root, e.Name())
		runs, total = runs+1, total+sizeOf(folder)
		if runs < keptRuns && total < keptBytes {
			continue
		}
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	return nil
}

func sizeOf(folder string) (total int64) {
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read is not counted
		}
		if info, err := d.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}

// Discard takes the folder of a run away that did not begin after all.
func (l RunLogs) Discard() {
	if l.Folder != "" {
		_ = os.RemoveAll(l.Folder)
	}
}

// of keeps what there is of a gate that has run.
func (l RunLogs) of(s scratch, g slo.Gate, run rollback.GateRun) rollback.GateRun {
	log, err := l.Write(g.ID, run.Output)
	kept, more := l.keep(g.ID, s, g.Logs)
	run.Log, run.Kept = log, kept
	if err = errors.Join(err, more); err != nil {
		run.Reason += "; " + strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return run
}

// Write keeps a gate's output as GATE.log, and says where.
func (l RunLogs) Write(gate, output string) (string, error) {
	if l.Folder == "" {
		return "", nil
	}
	name := filepath.Join(l.Folder, safe(gate)+".log")
	if err := os.WriteFile(name, []byte(output), 0o600); err != nil {
		return "", fmt.Errorf("its log was not kept: %w", err)
	}
	return name, nil
}

// safe is a gate's id as the name of a file.
func safe(id string) string {
	name := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, id)
	return "gate-" + name[:min(len(name), 100)]
}

// keep copies what a gate wrote into a folder of its checkout, and says where each file is. Links are not followed, and whatever is no
// plain file of the gate's own is left out: the checkout is full of somebody else's names.
func (l RunLogs) keep(gate string, s scratch, folder string) ([]string, error) {
	if l.Folder == "" || folder == "" {
		return nil, nil
	}
	checkout, err := os.OpenRoot(s.checkout)
	if err != nil {
		return nil, fmt.Errorf("its logs were not kept: %w", err)
	}
	defer checkout.Close()
	c := copying{RunLogs: l, from: checkout, to: filepath.Join(l.Folder, safe(gate)), owner: s.owner}
	err = fs.WalkDir(checkout.FS(), path.Clean(folder), c.visit)
	if errors.Is(err, fs.ErrNotExist) && len(c.kept) == 0 {
		return nil, nil // it has written none
	}
	if err != nil {
		return c.kept, fmt.Errorf("its logs were not kept: %w", err)
	}
	return c.kept, nil
}

// copying is one gate's logs on their way out of the checkout.
type copying struct {
	RunLogs
	from  *os.Root
	to    string
	owner *syscall.Credential // whose the files must be; nil: ours
	kept  []string
	bytes int64
}

// visit copies one file. What cannot be copied is left out: a log is no verdict.
func (c *copying) visit(name string, d fs.DirEntry, err error) error {
	if err != nil || !d.Type().IsRegular() {
		return skip(err, d)
	}
	if len(c.kept) == gateFiles || c.bytes >= gateBytes {
		return fs.SkipAll
	}
	content, err := c.read(name)
	if err != nil {
		return nil
	}
	target := filepath.Join(c.to, filepath.FromSlash(path.Clean("/"+name)))
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	if c.redact != nil {
		content = []byte(c.redact(string(content)))
	}
	if err := os.WriteFile(target, content, 0o600); err != nil {
		return err
	}
	c.kept, c.bytes = append(c.kept, target), c.bytes+int64(len(content))
	return nil
}

func skip(err error, d fs.DirEntry) error {
	if d == nil {
		return err // the folder itself
	}
	if err != nil && d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// read is a file's end. Between its listing and its opening nobody can change it: the gate and all its processes are gone; should one have
// got away, the open file is looked at again.
func (c *copying) read(name string) ([]byte, error) {
	f, err := c.from.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || !info.Mode().IsRegular() || stat.Nlink > 1 || c.owner != nil && stat.Uid != c.owner.Uid {
		return nil, fs.ErrPermission
	}
	left := max(0, info.Size()-fileBytes)
	content, err := io.ReadAll(io.NewSectionReader(f, left, fileBytes))
	if left > 0 {
		content = append(fmt.Appendf(nil, "… %d bytes left out …\n", left), content...)
	}
	return content, err
}
