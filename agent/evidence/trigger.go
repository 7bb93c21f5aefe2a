package evidence

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/slo"
)

// TriggerRule is an alerting rule by which Prometheus may call for a rollback. A rule that evaluates to several alerts is one.
type TriggerRule struct {
	Labels map[string]string // alertname, and those that the rule gives
	State  string            // inactive, pending, firing
	Health string            // ok, unknown before its first evaluation, err
}

// Triggers lists the rules of this service and environment that may roll back, in Prometheus's order.
func (p *Prometheus) Triggers(ctx context.Context, service, environment string) ([]TriggerRule, error) {
	answer, err := p.api.Rules(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("ask prometheus for its rules: %w", err)
	}
	var all []TriggerRule
	for _, group := range answer.Groups {
		for _, rule := range group.Rules {
			alert, ok := rule.(v1.AlertingRule)
			if !ok || string(alert.Labels[slo.LabelService]) != service || string(alert.Labels[slo.LabelEnvironment]) != environment ||
				!mayRollBack(slo.Mode(alert.Labels[slo.LabelRollback])) {
				continue
			}
			t := TriggerRule{Labels: map[string]string{model.AlertNameLabel: alert.Name}, State: alert.State, Health: string(alert.Health)}
			for name, value := range alert.Labels {
				t.Labels[string(name)] = string(value)
			}
			all = append(all, t)
		}
	}
	return all, nil
}

func mayRollBack(m slo.Mode) bool {
	return m == slo.ModeAuto || m == slo.ModePropose || m == slo.ModeObserve
}

// RulesLoaded are the hashes of the compiled sets of rules that Prometheus evaluates for this service and environment, each once, in order.
// An empty answer means that it evaluates none.
func (p *Prometheus) RulesLoaded(ctx context.Context, service, environment string) ([]string, error) {
	query := fmt.Sprintf("%s{%s=%q,%s=%q}", slo.RulesInfo, slo.LabelService, service, slo.LabelEnvironment, environment)
	value, warnings, _, err := p.api.Query(ctx, query, time.Time{}, v1.WithTimeout(p.timeout))
	if err := p.answered(warnings, err); err != nil {
		return nil, fmt.Errorf("ask prometheus for %s: %w", slo.RulesInfo, err)
	}
	vector, ok := value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("ask prometheus for %s: the answer is a %s", slo.RulesInfo, value.Type())
	}
	hashes := []string{}
	for _, sample := range vector {
		hashes = append(hashes, string(sample.Metric[slo.LabelSHA256]))
	}
	slices.Sort(hashes)
	return slices.Compact(hashes), nil
}

// Silence is one that is in force (api/v2/openapi.yaml, gettableSilence).
type Silence struct {
	ID        string    `json:"id"`
	CreatedBy string    `json:"createdBy"`
	Comment   string    `json:"comment"`
	Matchers  []Matcher `json:"matchers"`
	Status    struct {
		State string `json:"state"`
	} `json:"status"`
}

// Matcher is one condition of a silence, with Alertmanager's meaning: a label that is missing is empty.
type Matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual *bool  `json:"isEqual"` // nil is true
}

// Silences lists the active silences of every member that answers; it fails when none does.
func (a *Alertmanagers) Silences(ctx context.Context) ([]Silence, error) {
	var all []Silence
	err := a.each(func(p peer) error {
		var some []Silence
		if err := p.read(ctx, "/api/v2/silences", &some); err != nil {
			return fmt.Errorf("ask %s for its silences: %w", p.base(), err)
		}
		for _, s := range some {
			known := slices.ContainsFunc(all, func(other Silence) bool { return other.ID == s.ID })
			if s.Status.State == "active" && !known {
				all = append(all, s)
			}
		}
		return nil
	})
	return all, err
}

// Mutes says whether an alert with these labels would be silenced.
func (s Silence) Mutes(labels map[string]string) bool {
	return len(s.Matchers) > 0 && !slices.ContainsFunc(s.Matchers, func(m Matcher) bool { return !m.matches(labels[m.Name]) })
}

func (m Matcher) matches(value string) bool {
	same := m.Value == value
	if m.IsRegex {
		pattern, err := regexp.Compile("^(?:" + m.Value + ")$")
		same = err == nil && pattern.MatchString(value)
	}
	return same == (m.IsEqual == nil || *m.IsEqual)
}
