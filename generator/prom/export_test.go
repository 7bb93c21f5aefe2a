package prom

import "github.com/coclai/cutover/generator/slo"

// What tests look at beside what users do.
var (
	AppendScalar = appendScalar
	Compiled     = groupsOf // the groups of an SLI, compiled by themselves
)

// Poured gives the groups of SLIs as a set makes them, and whether each came out of a mould.
func Poured(m slo.Matrix) (texts []string, poured []bool) {
	f := foundry{matrix: m}
	for _, s := range m.SLIs {
		texts = append(texts, string(f.groups(s).pour(nil)))
		_, _, like := anonymous(s, firstSigns)
		poured = append(poured, like && f.mould(s) != nil)
	}
	return texts, poured
}
