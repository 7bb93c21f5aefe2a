package generator

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/kubernetes"
)

// Too many rules for one PrometheusRule are the user's to settle, not a fault of the program.
func TestRulesTooManyForAFormAreBlamedOnTheLineThatAsksForIt(t *testing.T) {
	sources, _, err := Parse(Options{Config: sourcesWith(t, inBindings("owners:\n", "outputs: [mimir, prometheusrule]\nowners:\n"))})
	if err != nil {
		t.Fatal(err)
	}
	problems, ok := errors.AsType[diag.List](tooMuch(sources.Bindings, fmt.Errorf("write: %w", kubernetes.TooLargeError{Size: 600_000})))
	if !ok || len(problems) != 1 || underCaret(problems[0]) != "prometheusrule" || !strings.Contains(problems[0].Message, "600000 bytes") {
		t.Errorf("problems: %+v", problems)
	}
	if fault := errors.New("disk"); tooMuch(sources.Bindings, fault) != fault {
		t.Error("another error was taken for the user's")
	}
}
