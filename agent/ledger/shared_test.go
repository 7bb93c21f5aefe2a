package ledger_test

import (
	"testing"
	"time"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/ledger/ledgertest"
	"github.com/coclai/cutover/agent/ledger/pgtest"
)

func openShared(t testing.TB, dsn string) *ledger.Shared {
	t.Helper()
	s, err := ledger.OpenShared(t.Context(), ledger.SharedOptions{DSN: dsn, Name: t.Name(), Lease: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestASharedLedgerKeepsTheContract(t *testing.T) {
	dsn := pgtest.Start(t).Database(t)
	ledgertest.Run(t, func(t *testing.T) ledgertest.Open {
		pgtest.In(t, dsn, "DROP SCHEMA IF EXISTS rollback_agent CASCADE")
		return func(t *testing.T) ledgertest.Opened {
			s := openShared(t, dsn) // verifies the chain
			return ledgertest.Opened{Store: s, Close: s.Close}
		}
	})
}
