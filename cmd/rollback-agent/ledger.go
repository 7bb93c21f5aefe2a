package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/alecthomas/kingpin/v2"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
)

// ledgers are the commands that read a ledger: without an agent, or beside it, and without changing anything; and the one that moves it.
func (c *cli) ledgers(env streams) {
	parent := c.app.Command("ledger", "Read a ledger, without an agent or beside it; or move it.")
	c.copying(parent, env)

	verify := parent.Command("verify", "Is the ledger whole, and as the agent wrote it? Exits 0 only if it is.").
		HelpLong(`  rollback-agent ledger verify /var/lib/rollback-agent/ledger.db
  rollback-agent ledger verify ledger.db --output json
  rollback-agent ledger verify postgres:/etc/rollback-agent/dsn`)
	file := verify.Arg("file", whichLedger).Required().String()
	format := verify.Flag("output", "text or json.").Default("text").Enum("text", "json")
	c.commands[verify.FullCommand()] = interruptible(func(ctx context.Context) error { return verifyLedger(ctx, *file, *format, env) })

	export := parent.Command("export", "Write every entry as a line of JSON, as far as the chain verifies.").
		HelpLong(`  rollback-agent ledger export /var/lib/rollback-agent/ledger.db --output ledger.jsonl
  rollback-agent ledger export ledger.db | jq -c 'select(.kind == "decided") | .body'`)
	c.commands[export.FullCommand()] = exportFlags(export, env)
}

func exportFlags(cmd *kingpin.CmdClause, env streams) command {
	file := cmd.Arg("file", whichLedger).Required().String()
	to := cmd.Flag("output", "The file to write, whole or not at all; standard output unless given.").PlaceHolder("FILE").String()
	return interruptible(func(ctx context.Context) error {
		write := func(w io.Writer) error { return exportLedger(ctx, *file, w) }
		if *to == "" {
			return write(env.out)
		}
		return wholly(*to, write)
	})
}

// interruptible lets a command end in good order when somebody has waited long enough.
func interruptible(run command) command {
	return func(ctx context.Context) error {
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		return run(ctx)
	}
}

const whichLedger = "The ledger: the file of storage.sqlite, or postgres: and the file of storage.postgres_dsn_file."

// inPostgres marks the file of a DSN; the DSN itself may hold a password, and belongs on no command line.
const inPostgres = "postgres:"

func openReader(ctx context.Context, path string) (*ledger.Reader, error) {
	file, shared := strings.CutPrefix(path, inPostgres)
	if !shared {
		return ledger.OpenReader(path)
	}
	dsn, err := readDSN(file)
	if err != nil {
		return nil, err
	}
	return ledger.OpenSharedReader(ctx, dsn)
}

func readDSN(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", unable(err.Error(), "name the file of storage.postgres_dsn_file behind "+inPostgres)
	}
	return strings.TrimSpace(string(content)), nil
}

// verdict is what verify says, as JSON.
type verdict struct {
	File string `json:"file"`
	ledger.Extent
	Environments int `json:"environments"`
	Locked       int `json:"locked"`
}

// verifyLedger checks the chain, and that the agent could start from it.
func verifyLedger(ctx context.Context, path, format string, env streams) error {
	r, err := openReader(ctx, path)
	if err != nil {
		return aboutLedger(err)
	}
	v, err := inspect(ctx, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return aboutLedger(err)
	}
	v.File = path
	if format == "json" {
		return json.NewEncoder(env.out).Encode(v)
	}
	fmt.Fprint(env.out, v.text())
	return nil
}

func inspect(ctx context.Context, r *ledger.Reader) (verdict, error) {
	extent, err := r.Inspect(ctx)
	if err != nil {
		return verdict{}, err
	}
	var state rollback.State
	for e, err := range r.Entries(ctx, 0) {
		if err != nil {
			return verdict{}, err
		}
		if err := state.Apply(e); err != nil {
			return verdict{}, no("the chain verifies, and the agent cannot follow it: "+err.Error(), "was it written by a newer rollback-agent?")
		}
	}
	v := verdict{Extent: extent, Environments: len(state.Environments)}
	for _, e := range state.Environments {
		if e.Lock != nil {
			v.Locked++
		}
	}
	return v, nil
}

// text is a verdict for people. The hash is worth a line: written down elsewhere, it shows later whether the ledger was replaced.
func (v verdict) text() string {
	if v.Last == 0 {
		return v.File + " verifies: it is empty\n"
	}
	text := fmt.Sprintf("%s verifies: entries %d to %d, %s to %s\n", v.File, v.Cut+1, v.Last, web.Moment(v.From), web.Moment(v.To))
	if v.Cut > 0 {
		text += fmt.Sprintf("  entries 1 to %d were cut off by retention; a checkpoint stands for them\n", v.Cut)
	}
	return text + fmt.Sprintf("  environments: %d, locked: %d\n  sha256 of entry %d: %s\n", v.Environments, v.Locked, v.Last, v.Hash)
}

func exportLedger(ctx context.Context, path string, w io.Writer) error {
	r, err := openReader(ctx, path)
	if err != nil {
		return aboutLedger(err)
	}
	buffered := bufio.NewWriter(w)
	err = r.Export(ctx, buffered)
	return aboutLedger(errors.Join(err, buffered.Flush(), r.Close()))
}

// aboutLedger is a no when the ledger itself is at fault; otherwise it could not be told.
func aboutLedger(err error) error {
	refused, ok := errors.AsType[*ledger.Refusal](err)
	if !ok {
		return err
	}
	switch refused.Kind {
	case ledger.Damaged, ledger.Tampered, ledger.Lost:
		return no(refused.Error(), "")
	}
	return unable(refused.Error(), "")
}

// wholly writes a file that is there when it is complete and on disk, and otherwise not: it is written beside its place, and moved there.
func wholly(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return unable(err.Error(), "--output names a file in a folder that exists")
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
