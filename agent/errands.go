package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/release"
)

// errand is a deed on its way to the agent that acts, with its author: the agent that authenticated them wrote it.
type errand struct {
	release.Deed
	Author string `json:"author"`
}

// outcome is what came of it, and what the state must hold before the person who asked is answered.
type outcome struct {
	Answer  release.Answer `json:"answer"`
	Seq     int64          `json:"seq"`
	Failed  bool           `json:"failed,omitempty"`
	Kind    release.Kind   `json:"kind,omitempty"`
	Message string         `json:"message,omitempty"`
	Hint    string         `json:"hint,omitempty"`
}

// send has a deed done by the agent that acts. It is done at most once; where the answer is missing, the person is told to look.
func (a *Agent) send(ctx context.Context, d release.Deed) (release.Answer, error) {
	text, err := json.Marshal(errand{d, d.Author})
	if err != nil {
		return release.Answer{}, fmt.Errorf("write deed: %w", err)
	}
	answer, err := a.replica.ledger.Send(ctx, text)
	switch {
	case errors.Is(err, ledger.ErrNobody):
		return release.Answer{}, &release.Problem{Kind: release.Unavailable, Message: "nothing was done", Cause: err, Hint: "ask again: another agent takes over within its lease"}
	case err != nil:
		return release.Answer{}, &release.Problem{Kind: release.Undecided, Message: "it may have been done", Cause: err, Hint: "rollback-agent status shows what came of it"}
	}
	var o outcome
	if err := json.Unmarshal(answer, &o); err != nil {
		return release.Answer{}, fmt.Errorf("read answer: %w", err)
	}
	if o.Seq > a.journal.seq() {
		_ = a.journal.catchUp(ctx) // it was done: what this agent shows of it comes later, then
	}
	return o.Answer, o.err()
}

func outcomeOf(answer release.Answer, err error, seq int64) outcome {
	o := outcome{Answer: answer, Seq: seq}
	if err == nil {
		return o
	}
	o.Failed, o.Message = true, err.Error()
	if p, ok := errors.AsType[*release.Problem](err); ok {
		o.Kind, o.Hint, o.Message = p.Kind, p.Hint, p.Message
		if p.Cause != nil {
			o.Message += ": " + p.Cause.Error()
		}
	}
	return o
}

func (o outcome) err() error {
	switch {
	case !o.Failed:
		return nil
	case o.Kind == "":
		return errors.New(o.Message)
	}
	return release.Problemf(o.Kind, o.Hint, "%s", o.Message)
}

// errandTime is how long a deed may take; whoever asked has gone after it.
const errandTime = 55 * time.Second

// errands does what persons asked of other agents.
func (a *Agent) errands(ctx context.Context, lease *ledger.Lease) {
	for ctx.Err() == nil {
		e, err := lease.Errand(ctx)
		if err == nil && e != nil {
			go a.run(ctx, lease, *e) // it ends with the deed, which the end of the term waits for
			continue
		}
		sleep(ctx, lookEvery/4)
	}
}

// run does one errand to its end, also when the term ends meanwhile.
func (a *Agent) run(ctx context.Context, lease *ledger.Lease, sent ledger.Errand) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), errandTime)
	defer cancel()
	var d errand
	if err := json.Unmarshal(sent.Text, &d); err != nil {
		a.log.Error("an errand cannot be read", "err", err)
		return
	}
	d.Deed.Author = d.Author
	if e := a.environment(d.Environment); e != nil && d.Act == release.ActTry { // it waits for its turn before it enters the term, which could not end meanwhile
		done, err := e.turnToTry(ctx)
		if err != nil {
			return // whoever asked has gone
		}
		defer done()
	}
	leave, acts := a.replica.enter()
	if !acts {
		return // the term has ended; whoever asked sees that
	}
	defer leave()
	answer, err := a.here(ctx, d.Deed)
	text, bad := json.Marshal(outcomeOf(answer, err, a.journal.seq()))
	if err := errors.Join(bad, lease.Answer(ctx, sent.ID, text)); err != nil {
		a.log.Error("an errand was done and not answered", "act", d.Act, "by", d.Author, "err", err)
	}
}
