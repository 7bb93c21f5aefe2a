package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"
)

// applicationID marks the file as a rollback-agent's ledger ("RBAL").
const applicationID = 0x5242414c

// schemas lead from one version, PRAGMA user_version, to the next; what was released is never changed. The triggers are a guard against
// accidents, not against an attacker, who can drop them; the chain is.
var schemas = []string{
	fmt.Sprintf(`
CREATE TABLE entries (
	seq         INTEGER PRIMARY KEY,
	at          TEXT NOT NULL,
	environment TEXT NOT NULL,
	kind        TEXT NOT NULL,
	author      TEXT NOT NULL,
	incident    TEXT NOT NULL,
	once        TEXT UNIQUE,
	body        BLOB NOT NULL,
	hash        BLOB NOT NULL
) STRICT;
CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_are_not_deleted BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
PRAGMA application_id = %d;`, applicationID),

	// Retention: where the ledger begins, the keys of what was cut, and a page to try whether something can be written.
	`
CREATE TABLE start (
	one        INTEGER PRIMARY KEY CHECK (one = 1),
	cut        INTEGER NOT NULL,
	hash       BLOB NOT NULL,
	checkpoint INTEGER NOT NULL
) STRICT;
INSERT INTO start VALUES (1, 0, zeroblob(32), 0);
CREATE TABLE spent (once TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE pulse (one INTEGER PRIMARY KEY CHECK (one = 1), beat INTEGER NOT NULL, filler BLOB NOT NULL) STRICT;
INSERT INTO pulse VALUES (1, 0, zeroblob(0));
DROP TRIGGER entries_are_not_deleted;
CREATE TRIGGER entries_are_not_deleted BEFORE DELETE ON entries WHEN OLD.seq > (SELECT cut FROM start)
	BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER keys_stay_spent BEFORE INSERT ON entries WHEN NEW.once IN (SELECT once FROM spent)
	BEGIN SELECT RAISE(ABORT, 'this key is spent'); END;`,
}

// file is a SQLite file to be opened with the settings that every connection must have.
type file struct {
	path, mode string
	pragmas    []string
	immutable  bool // nobody else has it open: no lock and no -shm file is made
}

// connect opens it. busy_timeout is 0 unless set; nobody but a curious person's shell can make it wait.
func (f file) connect() (*sql.DB, error) {
	absolute, err := filepath.Abs(f.path)
	if err != nil {
		return nil, err
	}
	query := url.Values{"mode": {f.mode}, "_txlock": {"immediate"}}
	query["_pragma"] = append([]string{"busy_timeout(5000)"}, f.pragmas...)
	if f.immutable {
		query.Set("immutable", "1")
	}
	u := url.URL{Scheme: "file", Path: absolute, RawQuery: query.Encode()}
	return sql.Open("sqlite", u.String())
}

// durable are the settings of the connection that writes.
var durable = []string{"journal_mode(wal)", "synchronous(full)"}

// assertDurable reads the settings back: SQLite ignores in silence what a file system or another connection does not allow.
func assertDurable(ctx context.Context, conn *sql.Conn, path string) error {
	for _, want := range []struct{ pragma, value string }{{"journal_mode", "wal"}, {"synchronous", "2"}, {"busy_timeout", "5000"}} {
		var got string
		if err := conn.QueryRowContext(ctx, "PRAGMA "+want.pragma).Scan(&got); err != nil {
			return err
		}
		if got != want.value {
			return &Refusal{Kind: Settings, Path: path, Message: fmt.Sprintf("%s is %s, want %s", want.pragma, got, want.value),
				Hint: "put the ledger on a local file system; nothing on this one would survive a power cut"}
		}
	}
	return nil
}

// create makes an empty ledger beside path and moves it there when it is complete and synced. A crash costs nothing: what it leaves
// behind is removed by the next start, and a file at path is always a whole ledger.
func create(ctx context.Context, path string) error {
	fresh := path + ".new"
	for _, leftover := range []string{fresh, fresh + "-wal", fresh + "-shm"} {
		if err := os.Remove(leftover); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.OpenFile(fresh, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := fill(ctx, fresh); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return syncFolder(path)
}

func fill(ctx context.Context, path string) (err error) {
	db, err := (file{path: path, mode: "rw", pragmas: durable}).connect()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := migrate(ctx, conn); err != nil {
		return err
	}
	// Closing would fold the -wal file into the file as well, and keep to itself that the disk failed meanwhile.
	_, err = conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// migrate brings a file forward to the newest version, in one transaction. A crash leaves it as it was.
func migrate(ctx context.Context, conn *sql.Conn) error {
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil || version == len(schemas) {
		return err
	}
	steps := strings.Join(schemas[version:], "\n")
	_, err := conn.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE;\n%s\nPRAGMA user_version = %d;\nCOMMIT", steps, len(schemas)))
	if err != nil {
		_, undo := conn.ExecContext(ctx, "ROLLBACK")
		return errors.Join(fmt.Errorf("bring the ledger from version %d to %d: %w", version, len(schemas), err), ignoreNone(undo))
	}
	return nil
}

// ignoreNone leaves out that no transaction was active: SQLite ends some itself.
func ignoreNone(err error) error {
	if code(err) == sqlite3.SQLITE_ERROR {
		return nil
	}
	return err
}

func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// magic begins every SQLite file (fileformat.html §1.3).
const magic = "SQLite format 3\x00"

// checkFile looks at the file before SQLite does, which takes an empty file for a new database.
func checkFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	start := make([]byte, len(magic))
	n, err := io.ReadFull(f, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if strings.HasPrefix(magic, string(start[:n])) && n < len(magic) {
		return &Refusal{Kind: Damaged, Path: path, Message: "is cut off", Hint: restore(path)}
	}
	if string(start) != magic {
		return &Refusal{Kind: Foreign, Path: path, Message: "is no ledger", Hint: "name the ledger's file in storage.sqlite"}
	}
	return nil
}

// checkSchema refuses what is not ours, what is newer than this program, and what SQLite finds damaged.
func checkSchema(ctx context.Context, conn *sql.Conn, path string) error {
	var application, version int
	if err := conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&application); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if application != applicationID || version < 1 {
		return &Refusal{Kind: Foreign, Path: path, Message: "is a database of something else", Hint: "name the ledger's file in storage.sqlite"}
	}
	if version > len(schemas) {
		return &Refusal{Kind: Newer, Path: path, Message: fmt.Sprintf("has version %d, this program reads up to %d", version, len(schemas)),
			Hint: "start the newer rollback-agent again; going back needs a copy of the ledger from before"}
	}
	var verdict string
	if err := conn.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return &Refusal{Kind: Damaged, Path: path, Message: "is damaged: " + verdict, Hint: restore(path)}
	}
	return nil
}
