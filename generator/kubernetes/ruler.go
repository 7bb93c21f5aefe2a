package kubernetes

import (
	"go.yaml.in/yaml/v4"

	"github.com/coclai/cutover/generator/slo"
)

// namespace is a file of `mimirtool rules sync`, `load` and `diff`: a rule file that names its namespace.
type namespace struct {
	Namespace string     `yaml:"namespace"`
	Groups    *yaml.Node `yaml:"groups"`
}

// MimirRules is the namespace of Mimir's ruler that holds the rules. Mimir replaces a namespace as a whole, so each matrix has its own.
func MimirRules(m slo.Matrix, rules []byte) ([]byte, error) {
	groups, err := groupsOf(rules)
	if err != nil {
		return nil, err
	}
	return encode(m, namespace{nameOf(m), groups})
}

// ThanosRules is the rule file of Thanos's ruler. All groups abort on a partial answer: a sum over some of the stores is no value of
// the SLI, and what is missing from it is not absent. Not evaluated is UNKNOWN, which the Watchdog's silence tells.
func ThanosRules(m slo.Matrix, rules []byte) ([]byte, error) {
	groups, err := groupsOf(rules)
	if err != nil {
		return nil, err
	}
	for _, g := range groups.Content {
		g.Content = append(g.Content, text("partial_response_strategy"), text("abort"))
	}
	return encode(m, spec{groups})
}

func text(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }
