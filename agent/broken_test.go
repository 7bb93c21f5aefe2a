package agent_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/rollback"
)

// broken is a store whose disk has failed.
type broken struct{ *ledger.Ledger }

func (b *broken) Append(context.Context, ...rollback.Entry) ([]rollback.Entry, error) {
	return nil, fmt.Errorf("append: %w: %w", ledger.ErrNotDurable, ledger.ErrBroken)
}

func TestAnAgentWhoseLedgerIsBrokenEnds(t *testing.T) {
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := agent.New(agent.Options{Config: bare(t).config(t), Ledger: &broken{l}, Logger: (&lines{}).logger()})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(t.Context()) }()
	for {
		select {
		case err := <-ended:
			if !errors.Is(err, ledger.ErrBroken) {
				t.Errorf("it ended with %v", err)
			}
			return
		default:
			if _, err := a.Receive(t.Context(), "am", body("firing", time.Now())); err == nil {
				t.Fatal("a delivery was acknowledged")
			}
		}
	}
}
