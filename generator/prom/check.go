package prom

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
)

// Check reads a rule file as Prometheus would, strictly, and reports all that is wrong with it.
func Check(rules []byte) error {
	groups, errs := rulefmt.Parse(rules, false, model.UTF8Validation, promql, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		return fmt.Errorf("read back the rules: %w", errors.Join(errs...))
	}
	if len(groups.Groups) == 0 {
		return errors.New("read back the rules: there are none")
	}
	return nil
}
