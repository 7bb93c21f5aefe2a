// Package alertmanager compiles a matrix into the Alertmanager configuration that carries its alerts: routes to the agent and to the
// owners, their receivers, and the inhibition of a ticket by its page. With a user's own file it adds to a copy of that and leaves the
// rest as it was. It reads and writes no files, and knows no secret: the agent's token is named by its path.
package alertmanager

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/config"
	"go.yaml.in/yaml/v4"
)

// Base is a user's own configuration. The zero value is none.
type Base struct{ root *yaml.Node }

// ReadBase reads a configuration and has Alertmanager's own parser check it.
func ReadBase(content []byte) (Base, error) {
	if _, err := config.Load(string(content)); err != nil {
		return Base{}, fmt.Errorf("check the Alertmanager configuration: %w", err)
	}
	var document yaml.Node
	if err := yaml.Load(content, &document); err != nil {
		return Base{}, fmt.Errorf("read the Alertmanager configuration: %w", err)
	}
	return Base{root: resolved(document.Content[0])}, nil
}

// Given says whether there is a base.
func (b Base) Given() bool { return b.root != nil }

// Receivers are the names of the file's receivers, in its order.
func (b Base) Receivers() []string {
	var names []string
	for _, r := range b.receivers() {
		names = append(names, scalar(r, "name"))
	}
	return names
}

// Reaches says whether the receiver notifies anybody: Alertmanager accepts one without integrations, and drops what it is sent.
func (b Base) Reaches(receiver string) bool {
	return slices.ContainsFunc(b.receivers(), func(r *yaml.Node) bool { return scalar(r, "name") == receiver && notifies(r) })
}

func (b Base) receivers() []*yaml.Node {
	if b.root == nil {
		return nil
	}
	list := child(b.root, "receivers")
	if list == nil {
		return nil
	}
	var receivers []*yaml.Node
	for _, r := range list.Content {
		receivers = append(receivers, resolved(r))
	}
	return receivers
}

func notifies(receiver *yaml.Node) bool {
	for i := 0; i+1 < len(receiver.Content); i += 2 {
		if strings.HasSuffix(receiver.Content[i].Value, "_configs") && len(resolved(receiver.Content[i+1]).Content) > 0 {
			return true
		}
	}
	return false
}

// copied is the configuration as a tree of its own, to be added to. Aliases go on naming their anchors.
func (b Base) copied() *yaml.Node {
	if b.root == nil {
		return &yaml.Node{Kind: yaml.MappingNode}
	}
	return copyNode(b.root)
}

func copyNode(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = nil
	for _, child := range n.Content {
		c.Content = append(c.Content, copyNode(child))
	}
	return &c
}

func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// child is the value of a mapping's key, nil if there is none.
func child(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return resolved(mapping.Content[i+1])
		}
	}
	return nil
}

func scalar(mapping *yaml.Node, key string) string {
	if n := child(mapping, key); n != nil {
		return n.Value
	}
	return ""
}

// ensure is the value of a mapping's key, which it adds as an empty node where there is none or null.
func ensure(mapping *yaml.Node, key string, kind yaml.Kind) *yaml.Node {
	n := child(mapping, key)
	if n == nil {
		n = &yaml.Node{Kind: kind}
		mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, n)
	}
	if n.Kind != kind {
		*n = yaml.Node{Kind: kind}
	}
	n.Style &^= yaml.FlowStyle // what is added is easier to read on lines of its own
	return n
}
