// Command rollback-agent conducts a release by its plan and puts the deploy branch back when a trigger fires. `serve` is the daemon and
// alone opens the ledger; every other command asks it over its API with a named token, so that each deed has an author. check-config
// needs no daemon. The command wires and prints: it decides nothing.
//
// Exit codes of all commands: 0 yes or done; 1 no (refused, locked, invalid); 2 could not run or could not tell.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	_ "time/tzdata" // the plan's time zone, also where the machine has no tz database

	"github.com/coclai/cutover/agent/web"
)

func main() {
	os.Exit(run(context.Background(), streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Args[1:]))
}

// streams are where a command writes: answers to out, everything else to err; and the terminal that it may ask, if in is one.
type streams struct {
	in       *os.File
	out, err io.Writer
}

// run parses the arguments, runs the command they name and says with which code to exit.
func run(ctx context.Context, env streams, args []string) (code int) {
	defer terminated(&code)
	app, commands := application(env)
	name, err := "", errors.New("no command was given") // kingpin would call that a success
	if len(args) > 0 {
		name, err = app.Parse(args)
	}
	if err != nil {
		fmt.Fprintf(env.err, "error: %v\nhint: `rollback-agent help` lists commands, `rollback-agent COMMAND --help` their flags\n", err)
		return exitUnable
	}
	if err := commands[name](ctx); err != nil {
		fmt.Fprintln(env.err, web.Plain("error: "+err.Error()))
		return codeOf(err)
	}
	return exitDone
}

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
