package generator_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coclai/cutover/generator"
)

// manyRows writes a runbook with n rows and the bindings that measure them, and gives the path of the bindings.
func manyRows(b *testing.B, n int) string {
	b.Helper()
	var doc, bindings strings.Builder
	doc.WriteString("# Many\n\n## 1) Rollback Triggers\n\n1. row 0 > 2% (5m)\n\n## 2) SLO Matrix\n\n| Metric | Target/SLO | Alert Condition | Owner |\n|---|---|---|---|\n")
	bindings.WriteString("version: 1\nservice: shop\nenvironment: production\nrunbook: runbook.md\nprometheus: {scrape_interval: 15s, evaluation_interval: 30s}\nslis:\n")
	for i := range n {
		fmt.Fprintf(&doc, "| row %d | <= 1%% (5m) | > 2%% (5m) | Team |\n", i)
		fmt.Fprintf(&bindings, "  row %d:\n    id: row-%d\n    component: web\n    ratio: {bad: 'requests_total{job=\"j%d\",code=~\"5..\"}', total: 'requests_total{job=\"j%d\"}'}\n    min_events: 50\n", i, i, i, i)
	}
	bindings.WriteString("triggers: {\"1.1\": {slo: row-0, mode: observe}}\ncutover: {time_zone: UTC, gates_expire: 4h}\nowners:\n  Team: {webhook: 'http://127.0.0.1:9/team'}\nalertmanager:\n  agent: {url: 'http://127.0.0.1:9798/api/v1/alerts', credentials_file: /etc/token}\n")
	dir := b.TempDir()
	config := filepath.Join(dir, "promrulegen.yaml")
	for path, text := range map[string]string{config: bindings.String(), filepath.Join(dir, "runbook.md"): doc.String()} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return config
}

// BenchmarkCompile reads, resolves and compiles a runbook of plain ratios, without writing. The time for one row must not grow with
// their number.
func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			config := manyRows(b, n)
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
