package generator_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coclai/cutover/generator"
)

// manyRows writes a runbook with n rows and the bindings that measure them, and gives the path of the bindings. Each row is what sloth
// compiles, an availability of 99.9 % over 30 days with its burn-rate alerts and nothing else; but the first has an alert bound as well,
// since a runbook has a trigger.
func manyRows(b *testing.B, n int, outputs string) string {
	b.Helper()
	var doc, bindings strings.Builder
	doc.WriteString("# Many\n\n## 1) Rollback Triggers\n\n1. row 0 > 2% (5m)\n\n## 2) SLO Matrix\n\n| Metric | Target/SLO | Alert Condition | Owner |\n|---|---|---|---|\n")
	fmt.Fprintf(&bindings, "version: 1\nservice: shop\nenvironment: production\nrunbook: runbook.md\noutputs: [%s]\n", outputs)
	bindings.WriteString("prometheus: {scrape_interval: 15s, evaluation_interval: 30s}\nslis:\n")
	for i := range n {
		alert := "—"
		if i == 0 {
			alert = "> 2% (5m)"
		}
		fmt.Fprintf(&doc, "| row %d | 99.9%% (30d) | %s | Team |\n", i, alert)
		fmt.Fprintf(&bindings, "  row %d:\n    id: row-%d\n    component: web\n    ratio: {bad: 'requests_total{job=\"j%d\",code=~\"5..\"}', total: 'requests_total{job=\"j%d\"}'}\n", i, i, i, i)
	}
	bindings.WriteString("triggers: {\"1.1\": {slo: row-0, mode: observe}}\ncutover: {time_zone: UTC, gates_expire: 4h}\nowners:\n  Team: {webhook: 'http://127.0.0.1:9/team'}\nalertmanager:\n  agent: {url: 'http://127.0.0.1:9798/api/v1/alerts', credentials_file: /etc/token}\n")
	dir := b.TempDir()
	config := filepath.Join(dir, "promrulegen.yaml")
	write(b, config, bindings.String())
	write(b, filepath.Join(dir, "runbook.md"), doc.String())
	return config
}

func write(b *testing.B, path, text string) {
	b.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCompile reads, resolves and compiles a runbook of error budgets, without writing: the rules alone, and all that goes with them.
// The time for one row must not grow with their number.
func BenchmarkCompile(b *testing.B) {
	for _, outputs := range []string{"rules", ""} {
		for _, n := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("outputs=%s/rows=%d", or(outputs, "all"), n), func(b *testing.B) {
				config := manyRows(b, n, outputs)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := generator.Run(generator.Options{Config: config}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/row")
			})
		}
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// slothSpec is the same SLOs for sloth 0.16 (examples/getting-started.yml of slok/sloth): one file, one service.
func slothSpec(n int) string {
	var spec strings.Builder
	spec.WriteString("version: prometheus/v1\nservice: shop\nslos:\n")
	for i := range n {
		fmt.Fprintf(&spec, `  - name: row-%d
    objective: 99.9
    description: row %d
    sli:
      events:
        error_query: sum(rate(requests_total{job="j%d",code=~"5.."}[{{.window}}]))
        total_query: sum(rate(requests_total{job="j%d"}[{{.window}}]))
    alerting:
      name: Row%d
      labels: {component: web, owner: Team}
      page_alert: {labels: {severity: page}}
      ticket_alert: {labels: {severity: ticket}}
`, i, i, i, i, i)
	}
	return spec.String()
}

// BenchmarkBesideSloth runs both programs on the same SLOs in turn and compares their sums: the time from start to end, with the rules on
// disk, and the most memory that a process had.
func BenchmarkBesideSloth(b *testing.B) {
	sloth := os.Getenv("SLOTH")
	if sloth == "" {
		b.Skip("SLOTH does not name sloth's binary: GOBIN=/tmp/sloth go install github.com/slok/sloth/cmd/sloth@v0.16.0 && SLOTH=/tmp/sloth/sloth make bench")
	}
	ours := filepath.Join(b.TempDir(), "promrulegen")
	if out, err := exec.Command("go", "build", "-o", ours, "../cmd/promrulegen").CombinedOutput(); err != nil {
		b.Fatalf("build promrulegen: %v\n%s", err, out)
	}
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			config, spec := manyRows(b, n, "rules"), filepath.Join(b.TempDir(), "sloth.yaml")
			write(b, spec, slothSpec(n))
			var us, them usage
			for i := 0; b.Loop(); i++ {
				us.add(measured(b, ours, "generate", "--config", config, "--out", filepath.Join(b.TempDir(), "generated")))
				them.add(measured(b, sloth, "generate", "-i", spec, "-o", filepath.Join(b.TempDir(), "rules.yaml")))
			}
			b.ReportMetric(us.wall.Seconds()/float64(b.N), "s")
			b.ReportMetric(us.memory/float64(b.N), "MB")
			b.ReportMetric(them.wall.Seconds()/float64(b.N), "sloth-s")
			b.ReportMetric(them.memory/float64(b.N), "sloth-MB")
			b.ReportMetric(them.wall.Seconds()/us.wall.Seconds(), "times-faster")
			b.ReportMetric(them.processor.Seconds()/us.processor.Seconds(), "times-less-cpu")
			b.ReportMetric(them.memory/us.memory, "times-smaller")
		})
	}
}

// usage is what processes used.
type usage struct {
	wall, processor time.Duration
	memory          float64 // MB, at its most
}

func (u *usage) add(more usage) {
	u.wall, u.processor, u.memory = u.wall+more.wall, u.processor+more.processor, u.memory+more.memory
}

// measured runs a program to its end, and asks the kernel what it used.
func measured(b *testing.B, argv ...string) usage {
	b.Helper()
	command := exec.Command(argv[0], argv[1:]...)
	start := time.Now()
	if out, err := command.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", argv, err, out)
	}
	wall := time.Since(start)
	used, ok := command.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatalf("no usage of a process on %s", runtime.GOOS)
	}
	kilobytes := float64(used.Maxrss)
	if runtime.GOOS == "darwin" {
		kilobytes /= 1024 // there it is bytes
	}
	return usage{wall, command.ProcessState.UserTime() + command.ProcessState.SystemTime(), kilobytes / 1024}
}
