package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// inPostgreSQL reads one moment of a shared ledger. Names are qualified: whatever search_path a role has, these tables are meant.
var inPostgreSQL = dialect{entries: "rollback_agent.entries", spent: "rollback_agent.spent", cuts: 1, isolation: sql.LevelRepeatableRead, stale: idle,
	start: "SELECT cut, cut_hash, checkpoint FROM rollback_agent.ledger", version: "SELECT version FROM rollback_agent.ledger",
	witness: "SELECT seq, hash FROM rollback_agent.ledger", restore: restoreShared}

// sharedSchemas lead from one version to the next; what was released is never changed. The row of `ledger` says where the ledger ends and
// begins, and who holds it writes: so numbers have no gaps. The triggers are a guard against accidents; the chain is the proof. Keys are
// compared byte by byte, so that their order is that of no locale.
var sharedSchemas = []string{`
CREATE TABLE rollback_agent.ledger (
	one        boolean PRIMARY KEY DEFAULT true CHECK (one),
	version    integer NOT NULL,
	seq        bigint NOT NULL,
	hash       bytea NOT NULL,
	cut        bigint NOT NULL,
	cut_hash   bytea NOT NULL,
	checkpoint bigint NOT NULL,
	beat       bigint NOT NULL DEFAULT 0
);
INSERT INTO rollback_agent.ledger VALUES (true, 1, 0, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'), 0);
CREATE TABLE rollback_agent.entries (
	seq         bigint PRIMARY KEY,
	at          text NOT NULL,
	environment text NOT NULL,
	kind        text NOT NULL,
	author      text NOT NULL,
	incident    text NOT NULL,
	once        text COLLATE "C" UNIQUE,
	body        bytea NOT NULL,
	hash        bytea NOT NULL
);
CREATE TABLE rollback_agent.spent (once text COLLATE "C" PRIMARY KEY);
CREATE TABLE rollback_agent.lease (
	one    boolean PRIMARY KEY DEFAULT true CHECK (one),
	token  bigint NOT NULL,
	holder text NOT NULL,
	name   text NOT NULL,
	taken  timestamptz NOT NULL,
	until  timestamptz NOT NULL
);
INSERT INTO rollback_agent.lease VALUES (true, 0, '', '', '-infinity', '-infinity');
CREATE TABLE rollback_agent.errands (
	id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	text   bytea NOT NULL,
	until  timestamptz NOT NULL,
	taken  bigint,
	answer bytea
);
CREATE FUNCTION rollback_agent.append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' AND OLD.seq <= (SELECT cut FROM rollback_agent.ledger) THEN
		RETURN OLD;
	END IF;
	RAISE EXCEPTION 'the ledger is append-only';
END $$;
CREATE TRIGGER entries_are_kept BEFORE UPDATE OR DELETE ON rollback_agent.entries FOR EACH ROW EXECUTE FUNCTION rollback_agent.append_only();
`}

// schemaLock keeps agents that start at the same time from making the schema twice. It ends with its transaction, so that a pooler in
// between cannot hold it back.
const schemaLock = "SELECT pg_advisory_xact_lock(1380073804)" // "RBAL"

// sharedVersion is the schema's version, 0 where there is none yet.
func sharedVersion(ctx context.Context, tx *sql.Tx) (version int, err error) {
	var there bool
	if err := tx.QueryRowContext(ctx, "SELECT to_regclass('rollback_agent.ledger') IS NOT NULL").Scan(&there); err != nil || !there {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, inPostgreSQL.version).Scan(&version)
	return version, err
}

// checkShared refuses what this program cannot read.
func (r *Reader) checkShared(ctx context.Context) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	version, err := sharedVersion(ctx, tx)
	switch {
	case err != nil:
		return err
	case version == 0:
		return &Refusal{Kind: NoAccess, Path: r.path, Message: "holds no ledger", Hint: "the agent makes one when it starts; or name another database"}
	}
	return r.known(version)
}

func (r *Reader) known(version int) error {
	if version <= len(sharedSchemas) {
		return nil
	}
	return &Refusal{Kind: Newer, Path: r.path, Message: fmt.Sprintf("has version %d, this program reads up to %d", version, len(sharedSchemas)),
		Hint: "start the newer rollback-agent here, too; going back needs a copy of the database from before"}
}

// migrateShared makes the schema or brings it forward, in one transaction. There is no way back.
func (r *Reader) migrateShared(ctx context.Context) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, schemaLock); err != nil {
		return err
	}
	version, err := sharedVersion(ctx, tx)
	if err != nil || version == len(sharedSchemas) {
		return err
	}
	if err := r.known(version); err != nil {
		return err
	}
	steps := sharedSchemas[version:]
	if version == 0 {
		steps = append([]string{"CREATE SCHEMA IF NOT EXISTS rollback_agent"}, steps...)
	}
	for _, step := range append(steps, fmt.Sprintf("UPDATE rollback_agent.ledger SET version = %d", len(sharedSchemas))) {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return r.unmade(err)
		}
	}
	return tx.Commit()
}

func (r *Reader) unmade(err error) error {
	return &Refusal{Kind: NoAccess, Path: r.path, Message: "its tables cannot be made", Cause: err,
		Hint: "as an administrator: CREATE SCHEMA rollback_agent AUTHORIZATION the agent's role"}
}

// assertSharedDurable refuses a server that acknowledges what a power cut would take back.
func (r *Reader) assertSharedDurable(ctx context.Context) error {
	for _, setting := range []string{"fsync", "full_page_writes"} {
		var value string
		if err := r.db.QueryRowContext(ctx, "SELECT current_setting($1)", setting).Scan(&value); err != nil {
			return err
		}
		if value != "on" {
			return &Refusal{Kind: Settings, Path: r.path, Message: fmt.Sprintf("the server runs with %s = %s", setting, value),
				Hint: "set it to on: nothing on this server would survive a power cut"}
		}
	}
	return nil
}

// refusedShared turns an error of PostgreSQL at the start into a refusal.
func refusedShared(path string, err error) error {
	if _, known := errors.AsType[*Refusal](err); known || err == nil {
		return err
	}
	r := &Refusal{Kind: NoAccess, Path: path, Message: "cannot be used", Cause: err, Hint: "is the server up, and does the DSN's role have the right to it?"}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && (e.Code == dataCorrupted || e.Code == indexCorrupted) {
		r.Kind, r.Message, r.Hint = Damaged, "is damaged", restoreShared(path)
	}
	return r
}

// PostgreSQL's codes (errcodes.txt).
const (
	dataCorrupted  = "XX001"
	indexCorrupted = "XX002"
)

// restoreShared is the repair of a shared ledger whose content cannot be trusted, step by step.
func restoreShared(path string) string {
	return "1. stop all agents, and keep the database for the inquiry; 2. find the server that holds the last entry (`rollback-agent ledger verify` on each " +
		"server, standbys and backups too), and let the DSN name it; 3. if no server has it, its loss is accepted by starting the agents again, on " + path +
		" as it is, after deleting refs/rollback-agent/term on the git remote; 4. hold `rollback-agent status` against the deploy branch"
}
