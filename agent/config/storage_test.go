package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/generator/slo"
)

const dsn = "postgres://agent:password-of-the-database@db.example.org/rollback"

// inDatabase is the full configuration with another storage, and a file with a DSN.
func inDatabase(t *testing.T, storage, content string, mode os.FileMode) string {
	t.Helper()
	dir := folder(t, replaced(t, full, "{sqlite: /var/lib/rollback-agent/ledger.db}", storage), nil)
	if err := os.WriteFile(filepath.Join(dir, "dsn"), []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestALedgerInADatabaseIsNamedByAFile(t *testing.T) {
	c := load(t, inDatabase(t, "{postgres_dsn_file: dsn}", dsn+"\n", 0o600))
	if s := c.Storage; string(s.DSN) != dsn || s.Lease != slo.Duration(15*time.Second) || s.SQLite != "" {
		t.Errorf("got %+v with DSN %q", s, string(s.DSN))
	}
	if shown := string(c.Masked()) + fmt.Sprint(c) + c.Redact("connect "+dsn); strings.Contains(shown, "password-of-the-database") {
		t.Error("it shows the password")
	}
	if got := load(t, inDatabase(t, "{postgres_dsn_file: dsn, lease: 5s}", dsn, 0o600)).Storage.Lease; got != slo.Duration(5*time.Second) {
		t.Errorf("lease %s", got)
	}
}

func TestAStorageThatCannotBeIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, storage, content string
		mode                   os.FileMode
		want                   string
	}{
		{"both", "{sqlite: l.db, postgres_dsn_file: dsn}", dsn, 0o600, "agent.yaml:2:19: sqlite and postgres_dsn_file are both given"},
		{"open to others", "{postgres_dsn_file: dsn}", dsn, 0o644, "agent.yaml:2:30: dsn is open to everybody (mode 0644)"},
		{"not there", "{postgres_dsn_file: nowhere}", dsn, 0o600, "agent.yaml:2:30: nowhere: no such file or directory"},
		{"empty", "{postgres_dsn_file: dsn}", "\n", 0o600, "agent.yaml:2:30: dsn is empty"},
		{"too short a lease", "{postgres_dsn_file: dsn, lease: 1s}", dsn, 0o600, "agent.yaml:2:42: a lease of 1s is of no use"},
		{"a lease of a file", "{sqlite: l.db, lease: 15s}", dsn, 0o600, "agent.yaml:2:32: this means nothing for a ledger in SQLite, which one agent has to itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, problems(inDatabase(t, c.storage, c.content, c.mode))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
