package backtest

import "time"

// Span is a stretch of time, its ends included.
type Span struct{ From, To time.Time }

// grid is the moments From, From+step, … To at which a rule is evaluated.
type grid struct {
	from, to int64 // milliseconds
	step     int64
}

// gridOf is the evaluations in a span, at multiples of the interval; queries ask for the time before the offset.
func gridOf(s Span, every, offset time.Duration) grid {
	step := every.Milliseconds()
	from := (s.From.UnixMilli() + step - 1) / step * step
	to := s.To.UnixMilli() / step * step
	return grid{from - offset.Milliseconds(), to - offset.Milliseconds(), step}
}

// count is the number of moments, 0 of an empty grid.
func (g grid) count() int {
	if g.to < g.from {
		return 0
	}
	return int((g.to-g.from)/g.step) + 1
}

func (g grid) start() time.Time { return at(g.from) }

func (g grid) end() time.Time { return at(g.to) }

func (g grid) interval() time.Duration { return time.Duration(g.step) * time.Millisecond }

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
