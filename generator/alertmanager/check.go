package alertmanager

import (
	"fmt"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/slo"
)

// Check has Alertmanager read the configuration and asks its own router who would hear of the matrix's alerts: every page that may
// roll back must reach the agent and its owner, every ticket its owner, the Watchdog the agent, and a drill the agent alone.
func Check(content []byte, m slo.Matrix) error {
	loaded, err := config.Load(string(content))
	if err != nil {
		return fmt.Errorf("check the Alertmanager configuration: %w", err)
	}
	written, err := ReadBase(content)
	if err != nil {
		return err
	}
	router := dispatch.NewRoute(loaded.Route, nil)
	for _, want := range expectations(m) {
		if err := want.check(router, written); err != nil {
			return err
		}
	}
	return nil
}

// expectation is an alert and the receivers that must hear of it, in order.
type expectation struct {
	labels    model.LabelSet
	receivers []string
}

func (e expectation) check(router *dispatch.Route, written Base) error {
	var got []string
	for _, r := range router.Match(e.labels) {
		got = append(got, r.RouteOpts.Receiver)
	}
	if fmt.Sprint(got) != fmt.Sprint(e.receivers) {
		return fmt.Errorf("route %s: reaches %q, not %q", e.labels, got, e.receivers)
	}
	for _, name := range got {
		if !written.Reaches(name) {
			return fmt.Errorf("route %s: receiver %q notifies nobody", e.labels, name)
		}
	}
	return nil
}

func expectations(m slo.Matrix) []expectation {
	common := model.LabelSet{slo.LabelService: model.LabelValue(m.Service), slo.LabelEnvironment: model.LabelValue(m.Environment)}
	with := func(more model.LabelSet) model.LabelSet { return common.Merge(more) }
	receiverOf := map[string]string{}
	for _, o := range m.Owners {
		receiverOf[o.Name] = o.Receiver
	}
	drill := model.LabelSet{
		slo.LabelDrill: "true", slo.LabelRollback: model.LabelValue(slo.ModeAuto), slo.LabelOwner: model.LabelValue(m.Owners[0].Name),
	}
	list := []expectation{
		{with(model.LabelSet{"alertname": slo.Watchdog, slo.LabelRollback: model.LabelValue(slo.ModeNone)}), []string{AgentReceiver}},
		{with(drill), []string{AgentReceiver}},
	}
	for _, s := range m.SLIs {
		labels := model.LabelSet{
			slo.LabelSLO: model.LabelValue(s.ID), slo.LabelOwner: model.LabelValue(s.Owner), slo.LabelRollback: model.LabelValue(s.Mode),
		}
		heard := []string{receiverOf[s.Owner]}
		if s.Mode != slo.ModeNone {
			heard = append([]string{AgentReceiver}, heard...)
		}
		list = append(list, expectation{with(labels), heard})
	}
	return list
}
