package kubernetes

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/coclai/cutover/generator/slo"
)

// MaxSize is how large a PrometheusRule may be: the operator puts its rules into one ConfigMap, and leaves half of that for metadata
// (prometheus-operator: pkg/operator, MaxConfigMapDataSize).
const MaxSize = 512 << 10

// TooLargeError says that the operator would refuse the rules. Size is theirs, in bytes.
type TooLargeError struct{ Size int }

// Error says how much it is, and what to do.
func (e TooLargeError) Error() string {
	return fmt.Sprintf("the rules are %d bytes, and the Prometheus operator takes %d in a PrometheusRule: give the service several files of fewer SLIs",
		e.Size, MaxSize)
}

// The object as monitoring.coreos.com/v1 has it, with the keys that we write.
type object struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       spec     `yaml:"spec"`
}

type metadata struct {
	Name   string            `yaml:"name"`
	Labels map[string]string `yaml:"labels"`
}

type spec struct {
	Groups *yaml.Node `yaml:"groups"`
}

// PrometheusRule is the object by which the Prometheus operator loads the rules (the bytes of rules.yaml, compiled from m). It has no
// namespace, which is the deployer's to choose, and Kubernetes's recommended labels; one that a ruleSelector asks for is the deployer's
// to add. Too many rules for one object are a TooLargeError.
func PrometheusRule(m slo.Matrix, rules []byte) ([]byte, error) {
	groups, err := groupsOf(rules)
	if err != nil {
		return nil, err
	}
	out, err := encode(m, object{
		APIVersion: "monitoring.coreos.com/v1",
		Kind:       "PrometheusRule",
		Metadata:   metadata{nameOf(m), labels(m)},
		Spec:       spec{groups},
	})
	if err != nil {
		return nil, err
	}
	if len(out) > MaxSize {
		return nil, TooLargeError{len(out)}
	}
	return out, nil
}

// labels say whose rules these are (Kubernetes: recommended labels). What is no label's value becomes one.
func labels(m slo.Matrix) map[string]string {
	return map[string]string{
		"app.kubernetes.io/managed-by": "promrulegen",
		"app.kubernetes.io/part-of":    slo.Identifier(nameLength, m.Service),
		"app.kubernetes.io/instance":   nameOf(m),
	}
}
