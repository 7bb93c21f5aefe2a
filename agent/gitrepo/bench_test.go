package gitrepo_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

// The bars of one rollback over http (DESIGN, Bars): 3 requests and the re-read,
// under 4 kB each way, under 16 MiB above the same program doing nothing.
const (
	barRequests = 4
	barBytes    = 4096
	barMiB      = 16
)

// One step changes one thing: length of history, or number of refs.
var benchRepos = []benchRepo{{3_000, 1_000}, {18_000, 1_000}, {250_000, 1_000}, {250_000, 15_000}}

// BenchmarkRollbackHTTP measures one rollback to a tag 50 commits back, ours and
// git's three ways, on the same server in the same run. BENCHMARKS.md has results.
func BenchmarkRollbackHTTP(b *testing.B) {
	for _, repo := range benchRepos {
		b.Run(repo.String(), func(all *testing.B) {
			g := repo.serve(all)
			cable := gittest.NewCable(all, strings.Split(strings.TrimPrefix(g.URL, "http://"), "/")[0])
			ours := job{Config: gitrepo.Config{URL: cable.Through(g.URL), CredentialsFile: g.Credentials(all, "agent"), Branch: "main", Author: author}}
			theirs := peer{rig: g, url: cable.Through(g.PushURL("agent")), cable: cable}
			all.Run("rollback-agent", func(b *testing.B) {
				m := ours.measure(b, g, cable)
				if m.requests > barRequests || m.up >= barBytes || m.down >= barBytes || m.peak-m.idle >= barMiB {
					b.Errorf("over the bar: %+v", m)
				}
				m.report(b)
			})
			all.Run("git-shallow", func(b *testing.B) { theirs.measure(b, peer.shallow).report(b) })
			all.Run("git-mirror", func(b *testing.B) {
				theirs.mirror(all) // it outlives the repetitions
				theirs.measure(b, peer.fromMirror).report(b)
			})
			all.Run("git-clone", func(b *testing.B) { theirs.measure(b, peer.clone).report(b) })
		})
	}
}

// BenchmarkRollbackSSH is the same through a real sshd. Before a push its
// receive-pack lists every ref; that price is shown apart, as advert-B.
func BenchmarkRollbackSSH(b *testing.B) {
	for _, repo := range benchRepos {
		b.Run(repo.String(), func(all *testing.B) {
			g := repo.serve(all)
			d := g.SSHD(all, gittest.SSHOptions{})
			cable := gittest.NewCable(all, d.Address)
			hosts := gittest.KnownHosts(all, cable.Address, d.HostKeys...)
			advert := float64(len(g.Git(all, "receive-pack", "--http-backend-info-refs", ".")))
			ours := job{Config: gitrepo.Config{URL: cable.Through(d.URL), Branch: "main", Author: author, SSH: gitrepo.SSH{KeyFile: d.KeyFile, KnownHostsFile: hosts}}}
			theirs := peer{rig: g, url: cable.Through(d.URL), cable: cable, env: []string{
				"GIT_SSH_COMMAND=ssh -F none -i " + d.KeyFile + " -o UserKnownHostsFile=" + hosts + " -o IdentitiesOnly=yes -o BatchMode=yes"}}
			all.Run("rollback-agent", func(b *testing.B) {
				m := ours.measure(b, g, cable)
				rest := m.down - advert*1.1 // ssh frames and seals the pieces that sshd happens to read: 2 to 6 % seen
				if rest >= 2*barBytes || m.up >= barBytes {
					b.Errorf("too much beside the advertisement of %.0f B: %+v", advert, m)
				}
				m.report(b)
				b.ReportMetric(advert, "advert-B")
			})
			all.Run("git-shallow", func(b *testing.B) { theirs.measure(b, peer.shallow).report(b) })
			all.Run("git-mirror", func(b *testing.B) {
				theirs.mirror(all) // it outlives the repetitions
				theirs.measure(b, peer.fromMirror).report(b)
			})
		})
	}
}

// measurement is one rollback's price; of several runs the mean, of memory the
// largest.
type measurement struct {
	requests, up, down float64 // http requests (0 over ssh), bytes on the wire
	connections        float64
	wall               time.Duration
	peak, idle         float64 // resident MiB: at most, and of the program doing nothing (0: not measured)
}

func (m measurement) report(b *testing.B) {
	b.ReportMetric(0, "ns/op") // of the whole process, its start included: not what is asked
	b.ReportMetric(float64(m.wall.Microseconds())/1000, "wall-ms")
	b.ReportMetric(m.requests, "requests")
	b.ReportMetric(m.connections, "conns")
	b.ReportMetric(m.up, "up-B")
	b.ReportMetric(m.down, "down-B")
	b.ReportMetric(m.peak, "peak-MiB")
	if m.idle > 0 {
		b.ReportMetric(m.peak-m.idle, "above-idle-MiB")
	}
}

// add takes one more run into account.
func (m *measurement) add(g rig, cable *gittest.Cable, n int, wall time.Duration, peak float64) {
	up, down, conns := cable.Carried()
	mean := func(old, now float64) float64 { return old + (now-old)/float64(n) }
	m.requests, m.up, m.down = mean(m.requests, float64(len(g.Requests()))), mean(m.up, float64(up)), mean(m.down, float64(down))
	m.connections = mean(m.connections, float64(conns))
	m.wall = time.Duration(mean(float64(m.wall), float64(wall)))
	m.peak = max(m.peak, peak)
}

// job is what a child process does: nothing, or one rollback. It is a process of
// its own, since its memory is measured.
type job struct {
	Config gitrepo.Config
	Pin    gitrepo.Pin
	Do     bool
	Now    time.Time
}

// outcome is what the child found.
type outcome struct {
	Wall   time.Duration
	Pushed gitrepo.Pushed
	HWM    float64 // MiB
}

const childEnv = "CUTOVER_GITREPO_BENCH_JOB"

func (j job) measure(b *testing.B, g rig, cable *gittest.Cable) measurement {
	b.Helper()
	r, err := gitrepo.Open(j.Config)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	if j.Pin, err = r.ReadTag(context.Background(), "stable-1"); err != nil {
		b.Fatal(err)
	}
	var m measurement
	m.idle = j.run(b, func() {}).HWM
	j.Do, j.Now = true, g.Clock()
	for n := range b.N {
		g.reset(b)
		out := j.run(b, func() { // what it costs to get to know the server is not counted: the agent does that at its start
			cable.Carried()
			g.Requests()
		})
		if out.Pushed.Outcome != gitrepo.Done {
			b.Fatalf("%+v", out)
		}
		m.add(g, cable, n+1, out.Wall, out.HWM)
	}
	g.reset(b)
	return m
}

// run starts the child, tells when it is ready, and lets it go on.
func (j job) run(b *testing.B, ready func()) (out outcome) {
	b.Helper()
	arg, err := json.Marshal(j)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(arg))
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	from, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(from)
	lines.Scan()
	ready()
	in.Close()
	lines.Scan()
	if err := errors.Join(json.Unmarshal(lines.Bytes(), &out), cmd.Wait()); err != nil {
		b.Fatalf("child: %v\n%s", err, lines.Text())
	}
	return out
}

// child does the job in the environment and prints what came of it.
func child(arg string) error {
	var j job
	if err := json.Unmarshal([]byte(arg), &j); err != nil {
		return err
	}
	r, err := gitrepo.Open(j.Config)
	if err != nil {
		return err
	}
	if j.Do {
		if err := r.Probe(context.Background()); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	var out outcome
	if j.Do {
		if out, err = j.roll(r); err != nil {
			return err
		}
	}
	r.Close()
	if out.HWM, err = highWater(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func (j job) roll(r *gitrepo.Remote) (out outcome, err error) {
	ctx := context.Background()
	start := time.Now()
	s, err := r.Survey(ctx, j.Pin)
	if err != nil {
		return out, err
	}
	p, err := r.Prepare(gitrepo.Change{Parents: []gitrepo.ID{s.Tip.ID}, Tree: j.Pin.Tree, Now: j.Now, NotBefore: s.Tip.Committed,
		Message: "Roll back to stable-1\n\nerror rate 3.1 % > 2 % for 5m\n\nRollback-Of: " + string(s.Tip.ID) + "\nIncident: inc-1"})
	if err != nil {
		return out, err
	}
	out.Pushed, err = r.Push(ctx, p)
	out.Wall = time.Since(start)
	return out, err
}

// highWater is this process's largest resident size so far, in MiB.
func highWater() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.Fields(value)[0])
			return float64(kib) / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmHWM in %s", status)
}

// peer does a rollback with the git command.
type peer struct {
	rig
	url    string
	cable  *gittest.Cable
	env    []string
	folder string // of the mirror
}

// measure runs script in a new folder and takes its time and git's largest
// process. The latter is at least what this process held when it forked.
func (p peer) measure(b *testing.B, script func(peer) string) measurement {
	b.Helper()
	var m measurement
	for n := range b.N {
		p.reset(b)
		p.cable.Carried()
		p.Requests()
		cmd := exec.Command("sh", "-euc", script(p))
		cmd.Dir = b.TempDir()
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "URL="+p.url, "MIRROR="+p.folder)
		cmd.Env = append(cmd.Env, p.env...)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		start := time.Now()
		if err := cmd.Run(); err != nil {
			b.Fatalf("%v\n%s", err, said.String())
		}
		wall := time.Since(start)
		if got, want := p.Git(b, "rev-parse", "main^{tree}"), p.Git(b, "rev-parse", "stable-1^{tree}"); got != want {
			b.Fatalf("main has tree %s, want the tag's %s", got, want)
		}
		m.add(p.rig, p.cable, n+1, wall, float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024)
	}
	p.reset(b)
	return m
}

// commitAndPush makes the commit object without asking for the tree, which
// git commit-tree would, and pushes it by compare-and-swap.
const commitAndPush = `
tree=$(git rev-parse stable-1^{tree}) tip=$(git rev-parse $TIP)
commit=$(printf 'tree %s\nparent %s\nauthor A <a@example.org> 1800000000 +0000\ncommitter A <a@example.org> 1800000000 +0000\n\nRoll back\n' $tree $tip |
	git hash-object -t commit -w --stdin)
git push --quiet --force-with-lease=main:$tip $URL $commit:refs/heads/main
`

func (p peer) shallow() string {
	return `git clone --quiet --bare --depth=1 --filter=tree:0 --single-branch --branch=main $URL r.git; cd r.git
git fetch --quiet --depth=1 --filter=tree:0 origin refs/tags/stable-1:refs/tags/stable-1
TIP=main` + commitAndPush
}

func (p peer) clone() string {
	return "git clone --quiet --bare $URL r.git; cd r.git\nTIP=main" + commitAndPush
}

func (p peer) fromMirror() string {
	return "cd $MIRROR\ngit fetch --quiet --prune $URL '+refs/*:refs/*'\nTIP=main" + commitAndPush
}

// mirror makes the persistent mirror that a patient administrator would keep, with
// a bitmap, without which git's push sends far more.
func (p *peer) mirror(b *testing.B) {
	b.Helper()
	if p.folder != "" {
		return
	}
	p.folder = filepath.Join(b.TempDir(), "mirror.git")
	cmd := exec.Command("sh", "-euc", "git clone --quiet --mirror $URL $MIRROR; cd $MIRROR; git repack -adq --window=0 --write-bitmap-index; git commit-graph write --reachable; git config gc.auto 0")
	cmd.Env = append(append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "URL="+p.url, "MIRROR="+p.folder), p.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
}
