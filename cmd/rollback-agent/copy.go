package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/coclai/cutover/agent/ledger"
)

// copying declares the move of a ledger from a file to a database.
func (c *cli) copying(parent *kingpin.CmdClause, env streams) {
	cmd := parent.Command("copy", "Put a ledger's file into an empty database, for several agents: all of it, verified before and after, or nothing.").
		HelpLong(`  systemctl stop rollback-agent
  rollback-agent ledger copy --from /var/lib/rollback-agent/ledger.db --to postgres:/etc/rollback-agent/dsn`)
	from := cmd.Flag("from", "The file of storage.sqlite. No agent may have it open.").Required().PlaceHolder("FILE").String()
	to := cmd.Flag("to", "postgres: and the file of storage.postgres_dsn_file.").Required().PlaceHolder("postgres:DSN_FILE").String()
	c.commands[cmd.FullCommand()] = interruptible(func(ctx context.Context) error { return copyLedger(ctx, *from, *to, env) })
}

func copyLedger(ctx context.Context, from, to string, env streams) error {
	file, shared := strings.CutPrefix(to, inPostgres)
	if !shared || strings.HasPrefix(from, inPostgres) {
		return unable("a ledger is copied from a file into PostgreSQL", "--from ledger.db --to postgres:/etc/rollback-agent/dsn")
	}
	dsn, err := readDSN(file)
	if err != nil {
		return err
	}
	extent, err := ledger.Copy(ctx, from, dsn)
	if err != nil {
		return aboutLedger(err)
	}
	fmt.Fprintf(env.out, "copied entries %d to %d of %s; both verify\n  sha256 of entry %d: %s\n", extent.Cut+1, extent.Last, from, extent.Last, extent.Hash)
	fmt.Fprintf(env.out, "  now: storage: {postgres_dsn_file: %s} in the agent's file; start no agent on %s again\n", file, from)
	return nil
}
