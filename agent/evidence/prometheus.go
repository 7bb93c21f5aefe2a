package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/api"
	"github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// Prometheus is the agent's own source of evidence. It is safe for concurrent use.
type Prometheus struct {
	api     v1.API
	timeout time.Duration
}

// NewPrometheus makes a client; it asks nothing yet.
func NewPrometheus(c Endpoint) (*Prometheus, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	client, err := api.NewClient(api.Config{Address: c.base(), Client: newClient(c.Timeout)})
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	return &Prometheus{api: v1.NewAPI(client), timeout: c.Timeout}, nil
}

// Read measures the alert condition of s at one moment, against the release's baseline (nil if none was captured). It does not fail: a
// Prometheus that is down, partial or empty gives UNKNOWN with the reason.
func (p *Prometheus) Read(ctx context.Context, s slo.PlanSLO, b *release.Baseline, at time.Time) release.Reading {
	sample, err := p.sample(ctx, s, at)
	if err != nil {
		return unknown(s, at, err)
	}
	return release.Judge(s, sample, b)
}

// sample asks for age, value and events of s, all at the same moment. A query that s does not have leaves its field nil.
func (p *Prometheus) sample(ctx context.Context, s slo.PlanSLO, at time.Time) (release.Sample, error) {
	sample := release.Sample{At: at.UTC()}
	for _, q := range []struct {
		name, query string
		into        **float64
	}{{"age", s.Age, &sample.Age}, {"value", s.Value, &sample.Value}, {"events", s.Events, &sample.Events}} {
		if q.query == "" {
			continue
		}
		value, err := p.instant(ctx, q.query, at)
		if err != nil {
			return sample, fmt.Errorf("query %s of %s: %w", q.name, s.ID, err)
		}
		*q.into = value
	}
	return sample, nil
}

// instant is a query's one number, nil when it is empty.
func (p *Prometheus) instant(ctx context.Context, query string, at time.Time) (*float64, error) {
	value, warnings, _, err := p.api.Query(ctx, query, at, v1.WithTimeout(p.timeout))
	if err := p.answered(warnings, err); err != nil {
		return nil, err
	}
	switch v := value.(type) {
	case *model.Scalar:
		return new(float64(v.Value)), nil
	case model.Vector:
		return single(v)
	}
	return nil, misshapen(fmt.Sprintf("the answer is a %s, want a number", value.Type()))
}

// misshapen is a whole answer that is not one number.
type misshapen string

// Error says what it is.
func (m misshapen) Error() string { return string(m) }

func single(v model.Vector) (*float64, error) {
	if len(v) == 0 {
		return nil, nil
	}
	if len(v) > 1 {
		return nil, misshapen(fmt.Sprintf("%d series, want one", len(v)))
	}
	if v[0].Histogram != nil {
		return nil, misshapen("the answer is a histogram, want a number")
	}
	return new(float64(v[0].Value)), nil
}

// answered is nil for a whole answer. Warnings stand for a part that could not be read.
func (p *Prometheus) answered(warnings v1.Warnings, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s: %w", p.timeout, err)
	}
	if err != nil {
		return err
	}
	if len(warnings) > 0 {
		return Warned(warnings)
	}
	return nil
}

// Alerting lists the SLOs whose page is pending or firing in this service and environment, by id, each once, in order.
func (p *Prometheus) Alerting(ctx context.Context, service, environment string) ([]string, error) {
	alerts, err := p.alerts(ctx, service, environment)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, a := range alerts {
		if id := string(a.Labels[slo.LabelSLO]); id != "" && a.Labels[slo.LabelSeverity] == slo.SeverityPage {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Firing lists the alerts that fire in this service and environment as Prometheus sees them: without external labels, so that their
// fingerprint may not be Alertmanager's, and with StartsAt at the time when the condition began, which is `for` earlier.
func (p *Prometheus) Firing(ctx context.Context, service, environment string) ([]rollback.Firing, error) {
	all, err := p.Active(ctx, service, environment)
	return slices.DeleteFunc(all, func(f rollback.Firing) bool { return f.Status != string(v1.AlertStateFiring) }), err
}

// Active lists the alerts that are pending or firing, which is their Status, otherwise like Firing: this is ALERTS_FOR_STATE as the rules
// keep it, over restarts, too.
func (p *Prometheus) Active(ctx context.Context, service, environment string) ([]rollback.Firing, error) {
	alerts, err := p.alerts(ctx, service, environment)
	if err != nil {
		return nil, err
	}
	var all []rollback.Firing
	for _, a := range alerts {
		if a.State != v1.AlertStateFiring && a.State != v1.AlertStatePending {
			continue
		}
		f := rollback.Firing{Status: string(a.State), Fingerprint: a.Labels.Fingerprint().String(), Labels: map[string]string{},
			Summary: string(a.Annotations["summary"]), StartsAt: a.ActiveAt.UTC()}
		for name, value := range a.Labels {
			f.Labels[string(name)] = string(value)
		}
		all = append(all, f)
	}
	return all, nil
}

func (p *Prometheus) alerts(ctx context.Context, service, environment string) ([]v1.Alert, error) {
	answer, err := p.api.Alerts(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask prometheus for its alerts: %w", err)
	}
	return slices.DeleteFunc(answer.Alerts, func(a v1.Alert) bool {
		return string(a.Labels[slo.LabelService]) != service || string(a.Labels[slo.LabelEnvironment]) != environment
	}), nil
}

func unknown(s slo.PlanSLO, at time.Time, err error) release.Reading {
	return release.Reading{SLO: s.ID, Verdict: release.Unknown, Op: s.Alert.Op, Reason: oneLine(err.Error()), At: at.UTC()}
}

// reasonLimit keeps what a server says short enough for a page and a log line.
const reasonLimit = 300

func oneLine(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if runes := []rune(clean); len(runes) > reasonLimit {
		return string(runes[:reasonLimit]) + "…"
	}
	return clean
}
