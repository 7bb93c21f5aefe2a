package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"
)

// options are what the command line says.
type options struct {
	once  bool
	speed pace
}

// parse reads the command line. --once unless the terminal says otherwise: without one, or under CI, nobody could press Ctrl-C.
func parse(args []string) (o options, err error) {
	app := kingpin.New("demo", "A runbook that runs: gates, a cutover, a bad release, its alert, its rollback, and a second cutover to its last milestone, on real parts. "+
		"Ctrl-C ends it and removes everything.")
	app.Flag("once", "End when the story has been told; the exit status says whether all of it happened. The default when stdout is no terminal.").
		Default(fmt.Sprint(!term.IsTerminal(int(os.Stdout.Fd())) || os.Getenv("CI") != "")).BoolVar(&o.once)
	app.Flag("speed", fmt.Sprintf("How many times sooner than in real time the milestones at 30m, 2h, 24h and 48h come: 1 takes two days. None comes before %s.", firstAfter)).
		Default(fmt.Sprint(float64(fastMotion))).Float64Var((*float64)(&o.speed))
	if _, err = app.Parse(args); err == nil && !(o.speed >= 1) {
		err = fmt.Errorf("--speed %v: 1 is real time, and more is faster", float64(o.speed))
	}
	return o, err
}
