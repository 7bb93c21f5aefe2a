package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Errand is what an agent that does not act asks of the one that does. It goes through the database, which both trust already: no agent
// needs to know another's address or hold a secret of it.
type Errand struct {
	ID   int64
	Text []byte
}

// ErrNobody is an errand that nobody has taken: nothing was done.
var ErrNobody = errors.New("no agent acts at the moment")

// ErrUnanswered is an errand that was taken and not answered in time: it may have been done.
var ErrUnanswered = errors.New("the agent that acts has not answered")

const (
	askAnswer   = 50 * time.Millisecond
	errandLasts = 5 * time.Second // untaken for so long, nobody will
)

// Send leaves an errand and waits for the answer.
func (s *Shared) Send(ctx context.Context, text []byte) ([]byte, error) {
	var id int64
	err := s.ask(ctx, []any{&id}, `INSERT INTO rollback_agent.errands (text, until) VALUES ($1, clock_timestamp() + make_interval(secs => $2)) RETURNING id`,
		text, (s.lasts + errandLasts).Seconds())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNobody, err)
	}
	for {
		answer, err := s.answered(ctx, id)
		if answer != nil || err != nil {
			return answer, err
		}
		timer := time.NewTimer(askAnswer)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// answered is the answer, nil while there is none. Whoever has waited long enough takes back what nobody has taken.
func (s *Shared) answered(ctx context.Context, id int64) ([]byte, error) {
	var answer []byte
	var taken, late, over bool
	err := s.ask(context.WithoutCancel(ctx), []any{&answer, &taken, &late, &over}, `SELECT answer, e.taken IS NOT NULL, e.until < clock_timestamp(), coalesce(e.taken < s.token, false)
		FROM rollback_agent.errands e, rollback_agent.lease s WHERE e.id = $1`, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, ErrUnanswered
	case answer != nil:
		return answer, nil
	case err == nil && taken && over:
		return nil, fmt.Errorf("%w: it was replaced meanwhile", ErrUnanswered)
	case ctx.Err() == nil && !(err == nil && late && !taken):
		return nil, nil // also when the database does not answer: the next time it may
	}
	err = s.ask(context.WithoutCancel(ctx), []any{&id}, "DELETE FROM rollback_agent.errands WHERE id = $1 AND taken IS NULL RETURNING id", id)
	if err != nil {
		return nil, errors.Join(ErrUnanswered, ctx.Err())
	}
	return nil, ErrNobody
}

// Errand takes the next errand for who holds the lease; nil when there is none.
func (l *Lease) Errand(ctx context.Context) (*Errand, error) {
	var e Errand
	err := l.shared.ask(ctx, []any{&e.ID, &e.Text}, `UPDATE rollback_agent.errands SET taken = $1 WHERE id = (SELECT id FROM rollback_agent.errands
		WHERE taken IS NULL AND until > clock_timestamp() ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
		AND EXISTS (SELECT FROM rollback_agent.lease WHERE token = $1 AND holder = $2) RETURNING id, text`, l.token, l.shared.id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &e, err
}

// Answer answers an errand, and clears away old ones that nobody asks about any more.
func (l *Lease) Answer(ctx context.Context, id int64, text []byte) error {
	err := l.shared.ask(ctx, []any{&id}, "UPDATE rollback_agent.errands SET answer = $2 WHERE id = $1 RETURNING id", id, text)
	if err != nil {
		return fmt.Errorf("answer an errand: %w", err)
	}
	err = l.shared.ask(ctx, []any{&id}, `WITH old AS (DELETE FROM rollback_agent.errands WHERE until < clock_timestamp() - interval '1 hour' RETURNING id)
		SELECT count(*) FROM old`)
	return err
}
