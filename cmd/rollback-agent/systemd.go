package main

import (
	"context"
	"log/slog"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// tell says to systemd how the daemon is. Without systemd nobody listens, and that is no error; a manager that cannot be reached is logged.
func tell(logger *slog.Logger, state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		logger.Warn("systemd was not told", "state", state, "err", err)
	}
}

// watched is the actor that says READY once the sockets are open, and that it is alive as often as WatchdogSec= asks: each time after it has
// read the agent's state. An agent that holds its own locks for ever is one that systemd should start again: it goes on from the ledger.
func (a actors) watched(ctx context.Context) (execute func() error, interrupt func(error)) {
	ctx, cancel := context.WithCancel(ctx)
	return func() error {
			tell(a.logger, systemd.SdNotifyReady)
			interval, err := systemd.SdWatchdogEnabled(false)
			if err != nil {
				a.logger.Warn("the watchdog of systemd is not fed", "err", err)
			}
			if interval == 0 {
				<-ctx.Done()
				return ctx.Err()
			}
			for tick := time.NewTicker(interval / 2); ; {
				a.agent.View()
				tell(a.logger, systemd.SdNotifyWatchdog)
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-tick.C:
				}
			}
		}, func(error) {
			tell(a.logger, systemd.SdNotifyStopping)
			cancel()
		}
}
