package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

// run tells the whole story.
func run(ctx context.Context, args []string, out io.Writer) int {
	once, err := options(args)
	if err != nil {
		fmt.Fprintln(out, "demo:", err)
		return 2
	}
	return play(ctx, out, once, steps)
}

// play lets the steps happen: 0 when all of them did, 1 when one did not, 2 when it could not begin.
func play(ctx context.Context, out io.Writer, once bool, steps []step) int {
	s, err := setUp(ctx, newTimeline(out))
	if err != nil {
		fmt.Fprintln(out, "demo:", err)
		return 2
	}
	failed := s.tell(steps)
	if failed == nil {
		s.ending(once)
	}
	if failed == nil && !once {
		<-s.ctx.Done()
		if ctx.Err() == nil {
			failed = context.Cause(s.ctx)
		}
	}
	return s.tearDown(failed, errors.Is(ctx.Err(), context.Canceled)) // a deadline is no Ctrl-C
}

// options are --once, or what the terminal says: without one, or under CI, nobody could press Ctrl-C.
func options(args []string) (once bool, err error) {
	app := kingpin.New("demo", "A runbook that runs: a bad release, its alert, its rollback, on real parts. Ctrl-C ends it and removes everything.")
	app.Flag("once", "End when the story has been told; the exit status says whether all of it happened. The default when stdout is no terminal.").
		Default(fmt.Sprint(!term.IsTerminal(int(os.Stdout.Fd())) || os.Getenv("CI") != "")).BoolVar(&once)
	_, err = app.Parse(args)
	return once, err
}
