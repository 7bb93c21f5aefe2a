package rollback

import (
	"slices"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// WatchdogLate is for how long the Watchdog may be unheard: it is repeated every minute, and then Alertmanager cannot reach the agent.
const WatchdogLate = 3 * time.Minute

// Watchdog is the episode of the alert that always fires, as heard last; zero if none was.
func (e *Environment) Watchdog() Episode {
	var last Episode
	for _, episode := range e.Episodes {
		if episode.Firing.Labels["alertname"] == slo.Watchdog && episode.Firing.Status == "firing" && episode.Last.After(last.Last) {
			last = *episode
		}
	}
	return last
}

// Delivered are a rule's labels as Alertmanager gets them: with Prometheus's external ones, which the Watchdog's deliveries show.
func (e *Environment) Delivered(rule map[string]string) map[string]string {
	labels := map[string]string{}
	for name, value := range e.Watchdog().Firing.Labels {
		if !slices.Contains([]string{slo.LabelSLO, slo.LabelComponent, slo.LabelOwner, slo.LabelTrigger}, name) {
			labels[name] = value
		}
	}
	for name, value := range rule {
		labels[name] = value
	}
	return labels
}
