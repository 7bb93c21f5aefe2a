package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api/prometheus/v1"
	"go.yaml.in/yaml/v4"
)

// Warned is an answer that Prometheus warns about: a part of it could not be read.
type Warned []string

// Error are its warnings.
func (w Warned) Error() string { return "prometheus warns: " + strings.Join(w, "; ") }

// IsWarned says whether an error is that of an answer that came with warnings.
func IsWarned(err error) bool {
	_, warned := errors.AsType[Warned](err)
	return warned
}

// IsBadQuery says whether Prometheus has answered, and the query is to blame: it cannot be evaluated, or gives no number.
func IsBadQuery(err error) bool {
	if _, ok := errors.AsType[misshapen](err); ok {
		return true
	}
	said, ok := errors.AsType[*v1.Error](err)
	return ok && (said.Type == v1.ErrBadData || said.Type == v1.ErrExec)
}

// Ask is a query's one number now, nil when the answer is empty.
func (p *Prometheus) Ask(ctx context.Context, query string) (*float64, error) {
	return p.instant(ctx, query, time.Time{})
}

// Clock is the time by which Prometheus evaluates queries.
func (p *Prometheus) Clock(ctx context.Context) (time.Time, error) {
	seconds, err := p.Ask(ctx, "time()")
	if err != nil {
		return time.Time{}, fmt.Errorf("ask prometheus for the time: %w", err)
	}
	if seconds == nil {
		return time.Time{}, errors.New("ask prometheus for the time: the answer is empty")
	}
	return time.UnixMilli(int64(*seconds * 1000)).UTC(), nil
}

// Tells lists the Alertmanagers that it sends alerts to, by the addresses it uses, without the path of their API.
func (p *Prometheus) Tells(ctx context.Context) ([]string, error) {
	answer, err := p.api.AlertManagers(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask prometheus for its alertmanagers: %w", err)
	}
	var all []string
	for _, a := range answer.Active {
		base, _, _ := strings.Cut(a.URL, "/api/v")
		all = append(all, base)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Outgoing is what Prometheus does to the labels of alerts on their way out, by its own configuration.
type Outgoing struct {
	External   map[string]string // labels that every alert gets
	Relabelled []string          // labels that alert_relabel_configs write
}

// Outgoing reads it. Not everything that answers queries has such a configuration.
func (p *Prometheus) Outgoing(ctx context.Context) (Outgoing, error) {
	answer, err := p.api.Config(ctx)
	if err != nil {
		return Outgoing{}, fmt.Errorf("ask prometheus for its configuration: %w", err)
	}
	var c struct {
		Global struct {
			External map[string]string `yaml:"external_labels"`
		} `yaml:"global"`
		Alerting struct {
			Relabel []struct {
				Target string `yaml:"target_label"`
			} `yaml:"alert_relabel_configs"`
		} `yaml:"alerting"`
	}
	if err := yaml.Unmarshal([]byte(answer.YAML), &c); err != nil {
		return Outgoing{}, fmt.Errorf("read prometheus's configuration: %w", err)
	}
	o := Outgoing{External: c.Global.External}
	for _, r := range c.Alerting.Relabel {
		if r.Target != "" {
			o.Relabelled = append(o.Relabelled, r.Target)
		}
	}
	return o, nil
}
