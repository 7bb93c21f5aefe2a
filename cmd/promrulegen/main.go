// Command promrulegen compiles a runbook's SLO matrix and rollback triggers into Prometheus rules, their tests, Alertmanager
// configuration and the plan that rollback-agent runs. It reads files and writes files: it runs no command, and asks no server but the
// Prometheus that --prometheus.url names.
//
// Exit codes of all commands: 0 yes or done; 1 no (drift, or sources that do not compile); 2 could not run.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	_ "time/tzdata" // the runbook's time zone, also where the machine has no tz database
)

func main() {
	os.Exit(run(context.Background(), streams{out: os.Stdout, err: os.Stderr}, os.Args[1:]))
}

// streams are where a command writes: answers to out, everything else to err.
type streams struct{ out, err io.Writer }

// run parses the arguments, runs the command they name and says with which code to exit.
func run(ctx context.Context, env streams, args []string) (code int) {
	defer terminated(&code)
	app, commands := application(env)
	if len(args) == 0 { // kingpin would call that a success
		fmt.Fprintln(env.err, "error: no command was given")
		app.UsageWriter(env.err).Usage(nil)
		return exitUnable
	}
	name, err := app.Parse(args)
	if err != nil {
		fmt.Fprintf(env.err, "error: %v\nhint: `promrulegen help` lists commands, `promrulegen COMMAND --help` their flags\n", err)
		return exitUnable
	}
	if name == "generate" && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(brief)
	}
	return exitCode(env, commands[name](ctx))
}

// brief is the garbage, in percent of what is in use, that a program may leave which compiles once and ends: collecting it as usual takes a
// quarter of the time of ten thousand SLOs, for a quarter of their memory (BenchmarkBesideSloth).
const brief = 400

// termination is how kingpin ends after --help, --version and completion.
type termination int

// terminated turns a termination into an exit code; other panics go on.
func terminated(code *int) {
	switch p := recover().(type) {
	case nil:
	case termination:
		*code = int(p)
	default:
		panic(p)
	}
}
