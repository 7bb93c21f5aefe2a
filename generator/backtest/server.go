package backtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	"github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	engine "github.com/prometheus/prometheus/promql"

	"github.com/coclai/cutover/generator/slo"
)

// Patience with a server: how often a request that failed is made, and the pause before the second time, which then doubles.
const (
	attempts   = 4
	firstPause = 250 * time.Millisecond
)

// Connect opens a Prometheus by its http or https address, with user and password in it if it wants them. It asks for the server's clock
// and retention; a server that refuses is a Refusal.
func Connect(ctx context.Context, address string) (*Past, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("the address of the Prometheus is none of http or https with a host\nhint: --prometheus.url http://localhost:9090")
	}
	client, err := api.NewClient(api.Config{Address: address, RoundTripper: refusing{api.DefaultRoundTripper}})
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	p := &Past{Name: u.Redacted(), api: v1.NewAPI(client)}
	if err := p.compareClocks(ctx, time.Now); err != nil {
		return nil, err
	}
	p.retention(ctx, time.Now())
	return p, nil
}

// statusError is an answer that no repetition changes.
type statusError int

// Error names the status.
func (s statusError) Error() string { return fmt.Sprintf("%d %s", int(s), http.StatusText(int(s))) }

// refusing turns the statuses that mean "not you, not here" into errors that keep their number.
type refusing struct{ http.RoundTripper }

// RoundTrip is that of the transport below.
func (r refusing) RoundTrip(q *http.Request) (*http.Response, error) {
	answer, err := r.RoundTripper.RoundTrip(q)
	if err != nil {
		return nil, err
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		answer.Body.Close()
		return nil, statusError(answer.StatusCode)
	}
	return answer, nil
}

// hintFor says what to do about a server that does not answer.
func hintFor(err error) string {
	var status statusError
	var unreachable *net.OpError
	switch {
	case errors.As(err, &status) && status == http.StatusNotFound:
		return "this address answers, but is no Prometheus API; a path in front of /api/v1 belongs to --prometheus.url"
	case errors.As(err, &status):
		return "give a user that may query: --prometheus.url https://USER:PASSWORD@HOST"
	case errors.As(err, &unreachable):
		return "is it running, and is this its address?"
	}
	return "what was asked is in the past and stays there: try again later"
}

// worthAgain says whether the same request may be answered in a while.
func worthAgain(err error) bool {
	var answer *v1.Error
	var status statusError
	switch {
	case errors.As(err, &status):
		return false
	case errors.As(err, &answer):
		return answer.Type == v1.ErrServer
	}
	return true
}

// again makes a request until it is answered, or is known not to be. What remains unanswered is a Refusal.
func (p *Past) again(ctx context.Context, request func() error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := request()
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if !worthAgain(err) || n == attempts {
			return &Refusal{p.Name, hintFor(err), p.masked(err)}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// masked keeps the address, which may hold a password, out of an error that names it.
func (p *Past) masked(err error) error {
	if named, ok := errors.AsType[*url.Error](err); ok {
		return named.Err
	}
	return err
}

// compareClocks asks for the server's time: episodes are told in it.
func (p *Past) compareClocks(ctx context.Context, now func() time.Time) error {
	var value model.Value
	before := now()
	err := p.again(ctx, func() (err error) {
		value, _, _, err = p.api.Query(ctx, "time()", time.Time{})
		return err
	})
	if err != nil {
		return err
	}
	scalar, ok := value.(*model.Scalar)
	if !ok {
		return &Refusal{p.Name, "", fmt.Errorf("time() is a %s there", value.Type())}
	}
	theirs := time.UnixMilli(int64(float64(scalar.Value) * 1000)).UTC()
	p.Covers.To = theirs
	if skew := theirs.Sub(before).Round(time.Second); skew.Abs() > 30*time.Second {
		p.Notes = append(p.Notes, fmt.Sprintf("the clock of %s is %s from ours: all times are its own", p.Name, skew))
	}
	return nil
}

// retention asks how far back the server remembers. Thanos and Mimir do not say, and that is no error.
func (p *Past) retention(ctx context.Context, now time.Time) {
	info, err := p.api.Runtimeinfo(ctx)
	if err != nil {
		return
	}
	for part := range strings.SplitSeq(info.StorageRetention, " or ") {
		if kept, err := slo.ParseDuration(strings.TrimSpace(part)); err == nil && kept > 0 {
			p.Covers.From = now.Add(-kept.Std()).UTC()
		}
	}
}

// request is one range query over HTTP.
func (p *Past) request(ctx context.Context, query string, g grid) (engine.Matrix, error) {
	var value model.Value
	var tooMuch error
	err := p.again(ctx, func() error {
		answer, warnings, _, err := p.api.QueryRange(ctx, query, v1.Range{Start: g.start(), End: g.end(), Step: g.interval()})
		if said, ok := errors.AsType[*v1.Error](err); ok && tooMuchFor(said) {
			tooMuch = fmt.Errorf("%w: %w", errTooMuch, err)
			return nil
		}
		p.warn(warnings)
		value = answer
		return err
	})
	if err != nil || tooMuch != nil {
		return nil, errors.Join(err, tooMuch)
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("the answer is a %s, not a matrix", value.Type())
	}
	return floats(matrix)
}

// tooMuchFor says whether a smaller question may be answered: the limits on points, samples and time differ from server to server.
func tooMuchFor(e *v1.Error) bool {
	return e.Type == v1.ErrExec || e.Type == v1.ErrTimeout || e.Type == v1.ErrBadData
}

// floats are the series of an answer. Native histograms come over HTTP as buckets, of which the series cannot be made again.
func floats(answer model.Matrix) (engine.Matrix, error) {
	all := make(engine.Matrix, 0, len(answer))
	for _, series := range answer {
		if len(series.Histograms) > 0 {
			return nil, errors.New("the answer holds native histograms, which cannot be had from a server: use --tsdb.path")
		}
		b := labels.NewScratchBuilder(len(series.Metric))
		for name, text := range series.Metric {
			b.Add(string(name), string(text))
		}
		b.Sort()
		points := make([]engine.FPoint, len(series.Values))
		for i, v := range series.Values {
			points[i] = engine.FPoint{T: int64(v.Timestamp), F: float64(v.Value)}
		}
		all = append(all, engine.Series{Metric: b.Labels(), Floats: points})
	}
	return all, nil
}
