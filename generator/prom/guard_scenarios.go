package prom

import (
	"fmt"
	"math"
	"time"
)

// guardLevels are one event too few for a violated bound to count, and just enough.
func (rs ratioStage) guardLevels() []ratioLevel {
	enough := rs.sli.MinEvents.Float()
	if enough <= 1 {
		return nil
	}
	extreme := ratioLevel{bad: 1}
	if !rs.violatedBy(1) {
		extreme = ratioLevel{good: 1}
	}
	var all []ratioLevel
	for _, n := range []float64{rs.spread().tooFew(), enough} {
		if n > 0 {
			all = append(all, ratioLevel{guardName(n, enough), extreme.bad * n, extreme.good * n})
		}
	}
	return all
}

// guarded is a violation by too few events, or by just enough.
func (rs ratioStage) guarded(l ratioLevel) scenario {
	if l.bad+l.good < rs.sli.MinEvents.Float() {
		rs.stage = rs.spread()
	}
	c := rs.jump(l)
	if rs.uneven {
		c.peak = rs.ripe()
	}
	return c
}

// spread is the stage for too few events: where windows show several jumps, these are uneven.
func (st stage) spread() stage {
	st.uneven = len(st.jumps()) > 1
	return st
}

// ripe is when an alert would fire if a window full of uneven jumps were enough for it.
func (st stage) ripe() time.Duration {
	full := st.jumps()[min(st.seen(), len(st.jumps()))-1]
	return st.onEvaluation(full+st.longest) + st.evaluation
}

func guardName(n, enough float64) string {
	return fmt.Sprintf("violated, by %s events at a time where it takes %s", number(n), number(enough))
}

// tooFew is the greatest number of events in each jump that leaves every window short of what it takes.
func (st stage) tooFew() float64 {
	return math.Ceil(st.sli.MinEvents.Float()/float64(st.seen())) - 1
}

// seen is how many jumps the greatest window shows at most.
func (st stage) seen() int {
	jumps := st.jumps()
	if len(jumps) < 2 {
		return 1
	}
	step := jumps[1] - jumps[0]
	return max(1, min(len(jumps), int((st.wide-st.sample+step-1)/step)))
}

// room is how many events more a jump may have, so that no window has more than one too few: the rest of the division above falls on every
// so many-th jump.
func (st stage) room(jump int) float64 {
	if jump%st.seen() != 0 {
		return 0
	}
	return math.Ceil(st.sli.MinEvents.Float()) - 1 - float64(st.seen())*st.tooFew()
}

// more is a level with what a jump has room for beside.
func (rs ratioStage) more(l ratioLevel, jump int) ratioLevel {
	switch {
	case !rs.uneven:
	case l.bad > 0:
		l.bad += rs.room(jump)
	default:
		l.good += rs.room(jump)
	}
	return l
}
