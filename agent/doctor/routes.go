package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"
)

// routing are an Alertmanager's routes and receivers, as it says them itself. Only what decides who hears of an alert is read, whatever
// else there is in a newer or older version; its own reader would refuse what it does not know.
type routing struct {
	Route     route               `yaml:"route"`
	Receivers []map[string]any    `yaml:"receivers"`
	kinds     map[string][]string // of integrations, by receiver
}

// route is one of the tree, under Alertmanager's own names.
type route struct {
	Receiver  string            `yaml:"receiver"`
	Matchers  []string          `yaml:"matchers"`
	Match     map[string]string `yaml:"match"`
	MatchRE   map[string]string `yaml:"match_re"`
	Continue  bool              `yaml:"continue"`
	GroupBy   []string          `yaml:"group_by"`
	GroupWait string            `yaml:"group_wait"`
	Mute      []string          `yaml:"mute_time_intervals"`
	Active    []string          `yaml:"active_time_intervals"`
	Routes    []route           `yaml:"routes"`

	matchers labels.Matchers
}

// readRouting reads a configuration.
func readRouting(text string) (routing, error) {
	r := routing{kinds: map[string][]string{}}
	err := yaml.Unmarshal([]byte(text), &r)
	if err == nil {
		err = r.Route.prepare(route{GroupWait: "30s"}) // Alertmanager's default
	}
	if err != nil {
		return r, fmt.Errorf("read its configuration: %w", err)
	}
	for _, one := range r.Receivers {
		name, _ := one["name"].(string)
		for key, list := range one {
			kind, integrations := strings.CutSuffix(key, "_configs")
			some, _ := list.([]any)
			for range some {
				if integrations {
					r.kinds[name] = append(r.kinds[name], kind)
				}
			}
		}
		slices.Sort(r.kinds[name])
	}
	return r, nil
}

// prepare inherits what a route does not say, and parses what it matches.
func (r *route) prepare(parent route) error {
	r.Receiver, r.GroupWait = cmp.Or(r.Receiver, parent.Receiver), cmp.Or(r.GroupWait, parent.GroupWait)
	if r.GroupBy == nil {
		r.GroupBy = parent.GroupBy
	}
	for _, text := range r.Matchers {
		some, err := labels.ParseMatchers(text)
		if err != nil {
			return err
		}
		r.matchers = append(r.matchers, some...)
	}
	for kind, old := range map[labels.MatchType]map[string]string{labels.MatchEqual: r.Match, labels.MatchRegexp: r.MatchRE} {
		for name, value := range old {
			m, err := labels.NewMatcher(kind, name, value)
			if err != nil {
				return err
			}
			r.matchers = append(r.matchers, m)
		}
	}
	for n := range r.Routes {
		if err := r.Routes[n].prepare(*r); err != nil {
			return err
		}
	}
	return nil
}

// of are the routes that an alert takes: of the children the first that it matches, and the next ones while those continue; the route itself
// when it matches none (dispatch.Route.Match).
func (r *route) of(set model.LabelSet) []*route {
	if !r.matchers.Matches(set) {
		return nil
	}
	var all []*route
	for n := range r.Routes {
		taken := r.Routes[n].of(set)
		all = append(all, taken...)
		if len(taken) > 0 && !r.Routes[n].Continue {
			break
		}
	}
	if len(all) == 0 {
		return []*route{r}
	}
	return all
}

// take are the routes that an alert with these labels takes.
func (r *routing) take(alert map[string]string) []*route {
	set := model.LabelSet{}
	for name, value := range alert {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return r.Route.of(set)
}

// receivers are the names of those that hear of an alert, each once.
func (r *routing) receivers(alert map[string]string) []string {
	var names []string
	for _, one := range r.take(alert) {
		if !slices.Contains(names, one.Receiver) {
			names = append(names, one.Receiver)
		}
	}
	return names
}

// waits is the group_wait of a route.
func (r *route) waits() time.Duration {
	d, err := model.ParseDuration(r.GroupWait)
	if err != nil {
		return 0
	}
	return time.Duration(d)
}
