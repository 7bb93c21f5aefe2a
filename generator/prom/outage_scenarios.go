package prom

import (
	"fmt"
	"time"
)

// outage is Prometheus being down for part of the window: nothing happened meanwhile, and nothing fires when the outage is what the window
// begins with.
func (cs countStage) outage() scenario {
	back := 2*cs.evaluation + cs.onEvaluation(max(8*cs.evaluation, cs.narrow/4))
	return cs.down("Prometheus was down, nothing happened", back, back+cs.onEvaluation(cs.wide)+cs.evaluation, 0)
}

// behindGap are many events while Prometheus was down for part of the window, of a target that was known before it: increase() would make
// more of them.
func (cs countStage) behindGap() scenario {
	const many = 40
	lost := cs.when
	cs.when = lost + cs.onEvaluation(max(4*cs.evaluation, cs.narrow/4))
	cs = cs.briefly()
	broken := func(s specimen, before, after float64) series {
		return cs.track().hold(before, lost).gap(cs.when).hold(after, cs.until+cs.sample).of(s)
	}
	return cs.scenario(fmt.Sprintf("Prometheus was down for a while, %d events meanwhile", many), []series{
		broken(cs.up, 1, 1), broken(cs.started, longAgo, longAgo), broken(cs.counter, oldCount, oldCount+many),
	}, func(w time.Duration) []moment {
		moments := []moment{{known: true}}
		if gone := lost - cs.sample + lookback; gone < cs.when {
			moments = append(moments, moment{at: gone, missing: true})
		}
		return append(moments, moment{at: cs.when, known: true, value: many})
	})
}

// afterOutage is an outage longer than the window, and something did happen meanwhile.
func (cs countStage) afterOutage(n float64) scenario {
	back := 2*cs.evaluation + cs.onEvaluation(cs.wide+2*cs.evaluation)
	return cs.down(fmt.Sprintf("Prometheus was down, %s events meanwhile", number(n)), back, back+cs.onEvaluation(cs.longest)+2*cs.evaluation, n)
}

// bornInOutage is the same with a counter that nobody has seen before, of a target that was known.
func (cs countStage) bornInOutage(n float64) scenario {
	c := cs.afterOutage(n)
	known := c.timeline
	back := known(0)[len(known(0))-2].at
	c.name = fmt.Sprintf("Prometheus was down, a series was born at %s", number(n))
	c.series[2] = cs.track().gap(back).hold(n, c.until+cs.sample).of(cs.counter)
	c.timeline = func(w time.Duration) []moment {
		all := known(w)
		all[0] = cs.unborn()
		return all
	}
	return c
}

func (cs countStage) down(name string, back, until time.Duration, n float64) scenario {
	cs = cs.early()
	cs.until = until
	broken := func(s specimen, before, after float64) series {
		return cs.track().hold(before, cs.when).gap(back).hold(after, cs.until+cs.sample).of(s)
	}
	c := cs.scenario(name, []series{
		broken(cs.up, 1, 1), broken(cs.started, longAgo, longAgo), broken(cs.counter, oldCount, oldCount+n),
	}, func(w time.Duration) []moment {
		moments := []moment{{known: true}}
		if lost := cs.when - cs.sample + lookback; lost < back {
			moments = append(moments, moment{at: lost, missing: true})
		}
		return append(moments, moment{at: back, known: true, value: n}, moment{at: back + w, known: true})
	})
	c.peak = min(until, cs.beforeEnd(back+cs.narrow))
	return c
}

// absence is a target that is down, then up, then lost.
func (cs countStage) absence() scenario {
	watched := cs.counter
	if cs.silent {
		watched = cs.up
	}
	c := cs.comesAndGoes(watched, cs.decoys...)
	if cs.silent { // up must be 1 to speak for its counter
		from, to := c.timeline(0)[1].at, c.timeline(0)[2].at
		c.series[0] = cs.track().hold(0, from).hold(1, to).hold(0, c.until+cs.sample).of(cs.up)
		for _, d := range decoys(matchersOf("up"+cs.sli.Measure.Count.Job), matchersOf("up"+cs.sli.Measure.Count.Job)) {
			c.series = append(c.series, cs.track().hold(1, c.until+cs.sample).of(d))
		}
	}
	return c
}

// alone is a counter whose target is down by its own account: what it counted stands, and is measured.
func (cs countStage) alone() scenario {
	cs.until = cs.onEvaluation(cs.patience) + 2*cs.evaluation
	return cs.scenario("a counter without its target", []series{cs.hold(cs.up, 0), cs.hold(cs.counter, oldCount)}, same(moment{known: true}))
}
