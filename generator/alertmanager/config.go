package alertmanager

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"go.yaml.in/yaml/v4"

	"github.com/coclai/cutover/generator/slo"
)

// AgentReceiver is the name of the receiver that is the agent.
const AgentReceiver = "rollback-agent"

// route, receiver and inhibition are the parts of Alertmanager's configuration that we write, under its own names.
type route struct {
	Receiver       string   `yaml:"receiver"`
	Matchers       []string `yaml:"matchers,flow,omitempty"`
	GroupBy        []string `yaml:"group_by,flow,omitempty"`
	GroupWait      string   `yaml:"group_wait,omitempty"`
	GroupInterval  string   `yaml:"group_interval,omitempty"`
	RepeatInterval string   `yaml:"repeat_interval,omitempty"`
	Continue       bool     `yaml:"continue,omitempty"`
}

type receiver struct {
	Name     string    `yaml:"name"`
	Webhooks []webhook `yaml:"webhook_configs"`
}

type webhook struct {
	URL          string `yaml:"url"`
	SendResolved bool   `yaml:"send_resolved"`
	MaxAlerts    int    `yaml:"max_alerts"`
	Timeout      string `yaml:"timeout,omitempty"`
	HTTP         *http  `yaml:"http_config,omitempty"`
}

type http struct {
	FollowRedirects bool          `yaml:"follow_redirects"`
	Authorization   authorization `yaml:"authorization"`
}

type authorization struct {
	Type            string `yaml:"type"`
	CredentialsFile string `yaml:"credentials_file"`
}

type inhibition struct {
	SourceMatchers []string `yaml:"source_matchers,flow"`
	TargetMatchers []string `yaml:"target_matchers,flow"`
	Equal          []string `yaml:"equal,flow"`
}

// Config is the configuration: the base's own, with ours put in; a whole file where there is no base. Our routes come first, since the
// user's may match everything, and each of them holds for the matrix's service only.
func Config(m slo.Matrix, base Base) []byte {
	root := base.copied()
	if !base.Given() {
		fallback(root, m)
	}
	top := ensure(root, "route", yaml.MappingNode)
	routes := ensure(top, "routes", yaml.SequenceNode)
	routes.Content = append(nodes(append(agentRoutes(m), ownerRoutes(m)...)), routes.Content...)
	rules := ensure(root, "inhibit_rules", yaml.SequenceNode)
	rules.Content = append(rules.Content, nodes([]inhibition{ticketByPage(m)})...)
	list := ensure(root, "receivers", yaml.SequenceNode)
	list.Content = append(list.Content, nodes(receivers(m))...)
	return header(m, write(root))
}

// fallback is the route for alerts that none of ours matches. Without a base there is only our service: its first owner hears of them.
func fallback(root *yaml.Node, m slo.Matrix) {
	top := route{Receiver: m.Owners[0].Receiver, GroupBy: []string{slo.LabelService, slo.LabelSLO}}
	ensure(root, "route", yaml.MappingNode).Content = nodes([]route{top})[0].Content
}

// pace is how soon the agent hears of a change, and how often it is told again.
type pace struct{ interval, repeat string }

// paceOf is 30s and 5m: the interval is also how long Alertmanager retries a delivery, and has a floor of 10s there, and the repetition
// is the net under deliveries that were lost. Rules evaluated every few seconds belong to a rehearsal, whose whole story takes less than
// one such repetition: it gets a tighter pace. The Watchdog's is fixed, since three minutes of its silence mean deafness.
func paceOf(m slo.Matrix) pace {
	if m.EvaluationInterval.Std() <= 5*time.Second {
		return pace{interval: "5s", repeat: "30s"}
	}
	return pace{interval: "30s", repeat: "5m"}
}

// agentRoutes send one alert a message: nothing is truncated, and nothing waits for another.
func agentRoutes(m slo.Matrix) []route {
	p := paceOf(m)
	alone := func(r route, matchers ...string) route {
		r.Receiver, r.GroupBy, r.GroupWait, r.GroupInterval = AgentReceiver, []string{"..."}, "0s", p.interval
		r.Matchers = append([]string{equal(slo.LabelService, m.Service)}, matchers...)
		return r
	}
	rollback := slo.LabelRollback + `=~"` + string(slo.ModeAuto) + "|" + string(slo.ModePropose) + "|" + string(slo.ModeObserve) + `"`
	return []route{
		alone(route{}, equal(slo.LabelDrill, "true")),
		alone(route{RepeatInterval: "1m"}, equal("alertname", slo.Watchdog)),
		alone(route{RepeatInterval: p.repeat, Continue: true}, rollback), // people are paged as well, by the owners' routes
	}
}

func ownerRoutes(m slo.Matrix) []route {
	var routes []route
	for _, o := range m.Owners {
		routes = append(routes, route{Receiver: o.Receiver, Matchers: []string{
			equal(slo.LabelService, m.Service), equal(slo.LabelOwner, o.Name)}})
	}
	return routes
}

// ticketByPage keeps the ticket of an SLO quiet while its page fires. A label missing on both sides counts as equal, hence slo=~".+".
func ticketByPage(m slo.Matrix) inhibition {
	of := func(severity string) []string {
		return []string{equal(slo.LabelService, m.Service), slo.LabelSLO + `=~".+"`, equal(slo.LabelSeverity, severity)}
	}
	return inhibition{
		SourceMatchers: of(slo.SeverityPage),
		TargetMatchers: of(slo.SeverityTicket),
		Equal:          []string{slo.LabelService, slo.LabelEnvironment, slo.LabelSLO},
	}
}

// receivers are the agent and the owners who gave a webhook; the others stand in the base. A redirected POST becomes a GET, and a 200
// to it counts as delivered, so the agent's receiver follows none.
func receivers(m slo.Matrix) []receiver {
	list := []receiver{{Name: AgentReceiver, Webhooks: []webhook{{
		URL: m.Agent.URL, SendResolved: true, Timeout: "10s",
		HTTP: &http{Authorization: authorization{Type: "Bearer", CredentialsFile: m.Agent.CredentialsFile}},
	}}}}
	for _, o := range m.Owners {
		known := slices.ContainsFunc(list, func(r receiver) bool { return r.Name == o.Receiver })
		if o.Webhook != "" && !known {
			list = append(list, receiver{Name: o.Receiver, Webhooks: []webhook{{URL: o.Webhook, SendResolved: true}}})
		}
	}
	return list
}

// equal is a matcher in Alertmanager's syntax, with the value escaped as it reads it.
func equal(label, value string) string {
	return (&labels.Matcher{Type: labels.MatchEqual, Name: label, Value: value}).String()
}

// nodes turns each of our values into YAML. They are plain structs and strings, which cannot fail to encode.
func nodes[T any](values []T) []*yaml.Node {
	var list []*yaml.Node
	for _, v := range values {
		n := new(yaml.Node)
		if err := n.Encode(v); err != nil {
			panic(fmt.Sprintf("encode %T: %v", v, err))
		}
		list = append(list, n)
	}
	return list
}

func write(root *yaml.Node) []byte {
	var out bytes.Buffer
	// A line width of -1 keeps a long matcher on its line.
	d, err := yaml.NewDumper(&out, yaml.WithIndent(2), yaml.WithCompactSeqIndent(false), yaml.WithLineWidth(-1))
	if err == nil {
		err = d.Dump(root)
	}
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("encode the configuration: %v", err)) // a tree that was read, and nodes that were encoded
	}
	return out.Bytes()
}

func header(m slo.Matrix, body []byte) []byte {
	return append([]byte("# Code generated by promrulegen from "+m.Runbook.File+"; DO NOT EDIT.\n"), body...)
}
