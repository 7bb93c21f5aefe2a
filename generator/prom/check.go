package prom

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
)

// Check reads a rule file as Prometheus would, strictly, and reports all that is wrong with it. Prometheus's reader takes several times as
// long as compiling does, most of it for parsing the same few templates and expressions with other names in them. So every group is looked
// at, and of those that differ only in plain words and numbers where text stands (see appendFrame), Prometheus reads the first.
func Check(rules []byte) error {
	head, groups := groupsIn(rules)
	distinct, err := firstOfEach(groups)
	if err != nil {
		return fmt.Errorf("read back the rules: %w", err)
	}
	read := slices.Concat(append([][]byte{head}, distinct...)...)
	parsed, errs := rulefmt.Parse(read, false, model.UTF8Validation, promql, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		return fmt.Errorf("read back the rules: %w", errors.Join(errs...))
	}
	if len(parsed.Groups) == 0 {
		return errors.New("read back the rules: there are none")
	}
	return nil
}

// beginning is that of a group, as we write it.
const beginning = "  - name: "

// groupsIn splits a file before each of its groups.
func groupsIn(rules []byte) (head []byte, groups [][]byte) {
	next := func(from int) int {
		if i := bytes.Index(rules[from:], []byte("\n"+beginning)); i >= 0 {
			return from + i + 1
		}
		return len(rules)
	}
	at := next(0)
	head = rules[:at]
	for at < len(rules) {
		end := next(at)
		groups, at = append(groups, rules[at:end]), end
	}
	return head, groups
}

// firstOfEach are the first groups of each frame. No two may have one name: Prometheus would say so, did it see both.
func firstOfEach(groups [][]byte) ([][]byte, error) {
	names := make(map[string]bool, len(groups))
	for _, group := range groups {
		name, _, _ := bytes.Cut(group, []byte("\n"))
		if names[string(name)] {
			return nil, fmt.Errorf("two groups begin with %q", name)
		}
		names[string(name)] = true
	}
	parts := slices.Collect(slices.Chunk(groups, len(groups)/runtime.GOMAXPROCS(0)+1))
	var first [][]byte
	frames := map[string]bool{}
	for _, part := range inParallel(len(parts), func(i int) []framed { return framedOnce(parts[i]) }) {
		for _, f := range part {
			if !frames[f.frame] {
				frames[f.frame] = true
				first = append(first, f.group)
			}
		}
	}
	return first, nil
}

// framed is a group with its frame.
type framed struct {
	frame string
	group []byte
}

// framedOnce are the first groups of each frame, with it.
func framedOnce(groups [][]byte) []framed {
	var first []framed
	var buffer []byte
	frames := map[string]bool{}
	for _, group := range groups {
		buffer = appendFrame(buffer[:0], group)
		if !frames[string(buffer)] {
			f := framed{string(buffer), group}
			frames[f.frame] = true
			first = append(first, f)
		}
	}
	return first
}
