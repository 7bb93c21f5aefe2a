package ledger

import (
	"context"
	"fmt"
	"time"
)

// Sight is a shared ledger at one moment, as an agent that waits looks at it.
type Sight struct {
	Last    int64         // number of the last entry
	Holder  string        // who holds the lease, by name; "" before anybody did
	Mine    bool          // it is this process
	Token   int64         // of the lease
	Taken   time.Time     // when it was taken, by the database's clock
	Left    time.Duration // of the lease, by the database's clock; negative when its time is up
	Errands bool          // somebody waits for who acts
}

// Age is how long ago the lease was taken or renewed.
func (s *Shared) Age(seen Sight) time.Duration { return s.lasts - seen.Left }

// Look reads what there is to know in one question. A ledger that has lost what was seen of it is a *Refusal.
func (s *Shared) Look(ctx context.Context) (Sight, error) {
	var seen Sight
	var e end
	var holder string
	var left float64
	was := s.seen.at()
	err := s.read(ctx, []any{&e.last.seq, &e.last.hash, &e.cut, &e.marked, &holder, &seen.Holder, &seen.Token, &seen.Taken, &left, &seen.Errands},
		`SELECT l.seq, l.hash, l.cut, (SELECT hash FROM rollback_agent.entries WHERE seq = $1), s.holder, s.name, s.token,
			CASE WHEN s.token = 0 THEN 'epoch' ELSE s.taken END, extract(epoch FROM greatest(s.until, 'epoch') - clock_timestamp())::float8,
			EXISTS (SELECT FROM rollback_agent.errands WHERE taken IS NULL AND until > clock_timestamp())
		FROM rollback_agent.ledger l, rollback_agent.lease s`, was.seq)
	if err != nil {
		return seen, fmt.Errorf("look at the ledger: %w", err)
	}
	seen.Last, seen.Mine, seen.Left = e.last.seq, holder == s.id, time.Duration(left*float64(time.Second))
	return seen, s.seen.check(was, e)
}

// Weaknesses say what of a failover of the database would lose, in sentences; none is a server whose commits a standby has confirmed.
func (s *Shared) Weaknesses(ctx context.Context) ([]string, error) {
	var names string
	var confirming, hidden int
	err := s.read(ctx, []any{&names, &confirming, &hidden}, `SELECT current_setting('synchronous_standby_names'),
		(SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')),
		(SELECT count(*) FROM pg_stat_replication WHERE sync_state IS NULL)`)
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask about replication: %w", err)
	case names == "":
		return []string{"PostgreSQL replicates to no synchronous standby (synchronous_standby_names is empty): a failover may lose alerts and decisions that were acknowledged"}, nil
	case confirming == 0 && hidden == 0:
		return []string{"no synchronous standby is connected to PostgreSQL: nothing can be committed until one of " + names + " is"}, nil
	}
	return nil, nil
}

// End is the number and the hash of the last entry, 0 and "" in an empty ledger.
func (s *Shared) End(ctx context.Context) (seq int64, hash string, err error) {
	err = s.read(ctx, []any{&seq, &hash}, "SELECT seq, CASE WHEN seq = 0 THEN '' ELSE encode(hash, 'hex') END FROM rollback_agent.ledger")
	return seq, hash, err
}

// Lost is the refusal of a database that has lost what was seen of it, nil while it has not.
func (s *Shared) Lost() error { return s.seen.standing() }

// Name is this agent's, for people.
func (s *Shared) Name() string { return s.name }

// Holds says whether an entry is there as it was, or was cut.
func (s *Shared) Holds(ctx context.Context, seq int64, hash string) (bool, error) {
	var holds bool
	err := s.read(ctx, []any{&holds}, `SELECT $1::bigint <= cut OR EXISTS (SELECT FROM rollback_agent.entries WHERE seq = $1 AND encode(hash, 'hex') = $2)
		FROM rollback_agent.ledger`, seq, hash)
	return holds, err
}
