package config

import (
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// How long a lease may be: long enough for a database that is slow now and then, short enough that nobody waits for a dead agent.
const (
	leaseLasts = slo.Duration(15 * time.Second)
	leaseLeast = slo.Duration(2 * time.Second)
	leaseMost  = slo.Duration(5 * time.Minute)
)

// storage is a file, or a database and how its lease is kept. The DSN comes from a file of its own: it may hold a password.
func (r *reader) storage(f file) Storage {
	given := f.Storage
	switch {
	case given.PostgresDSNFile.Value == "":
		r.unfit("a ledger in SQLite, which one agent has to itself", given.Lease)
		if r.required(f.At, given.SQLite, "storage.sqlite") {
			return Storage{SQLite: r.resolve(given.SQLite.Value)}
		}
		return Storage{}
	case given.SQLite.Value != "":
		r.complain(given.SQLite, "sqlite and postgres_dsn_file are both given", "the ledger lives in one place: leave one out; `rollback-agent ledger copy` moves it")
	}
	s := Storage{PostgresDSNFile: r.resolve(given.PostgresDSNFile.Value), Lease: r.duration(given.Lease, leaseLasts)}
	if s.Lease < leaseLeast || s.Lease > leaseMost {
		r.complain(given.Lease, "a lease of "+s.Lease.String()+" is of no use", "from "+leaseLeast.String()+" to "+leaseMost.String()+"; 15s unless given")
	}
	content := r.take(given.PostgresDSNFile, wanted{path: s.PostgresDSNFile, most: maxSecret, private: true})
	if s.DSN = Secret(strings.TrimSpace(string(content))); s.DSN == "" && content != nil { // what cannot be read was complained of
		r.complain(given.PostgresDSNFile, s.PostgresDSNFile+" is empty", "write postgres://USER:PASSWORD@HOST/DATABASE into it")
	}
	return s
}
