package web_test

import (
	"testing"

	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/slo"
)

func TestTheWatchdogIsNoAlertOfThePage(t *testing.T) {
	firing := func(name string) *rollback.Episode {
		return &rollback.Episode{Open: true, Firing: rollback.Firing{Labels: map[string]string{"alertname": name}}}
	}
	shown, others := web.Alerts(&rollback.Environment{Episodes: map[string]*rollback.Episode{"am/1": firing(slo.Watchdog), "am/2": firing("CheckoutApiErrorRate")}})
	if len(shown) != 1 || shown[0].Labels["alertname"] != "CheckoutApiErrorRate" || others != 0 {
		t.Errorf("got %v and %d others", shown, others)
	}
}
