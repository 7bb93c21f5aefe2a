package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

// run tells the whole story.
func run(ctx context.Context, args []string, out io.Writer) int {
	o, err := parse(args)
	if err != nil {
		fmt.Fprintln(out, "demo:", err)
		return 2
	}
	return play(ctx, out, o, steps)
}

// play lets the steps happen: 0 when all of them did, 1 when one did not, 2 when it could not begin.
func play(ctx context.Context, out io.Writer, o options, steps []step) int {
	s, err := setUp(ctx, newTimeline(out), o.speed)
	if err != nil {
		fmt.Fprintln(out, "demo:", err)
		return 2
	}
	failed := s.tell(steps)
	if failed == nil {
		s.ending(o.once)
	}
	if failed == nil && !o.once {
		<-s.ctx.Done()
		if ctx.Err() == nil {
			failed = context.Cause(s.ctx)
		}
	}
	return s.tearDown(failed, errors.Is(ctx.Err(), context.Canceled)) // a deadline is no Ctrl-C
}
