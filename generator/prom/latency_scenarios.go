package prom

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/coclai/cutover/generator/slo"
)

// latencyStage has the series of a histogram. A quantile that falls into the last bucket is its lower bound, exactly: so a level is
// played by slow requests only, beyond a highest finite bound that is the level.
type latencyStage struct {
	stage
	bucket, count specimen // one and the same of a native histogram
	native        bool
	decoys        []specimen // of bucket
	quantile      float64
	base          float64 // the baseline; 0 without one
}

func latencyScenarios(st stage, l slo.LatencyMeasure) []scenario {
	ls, ok := newLatencyStage(st, l)
	if !ok {
		return nil
	}
	counts := ls.decoys
	if !ls.native {
		counts = nil
		for _, d := range ls.decoys {
			counts = append(counts, d.with(model.MetricNameLabel, ls.count[model.MetricNameLabel]))
		}
	}
	absent := ls.comesAndGoes(ls.count, counts...)
	if missable(baseline(st.sli)) {
		absent.series = append(absent.series, ls.outElsewhere(absent.until+ls.sample)...)
	}
	all := []scenario{ls.idle(), absent}
	for _, level := range ls.levels() {
		all = append(all, ls.jump(level))
	}
	all[len(all)-1] = ls.forgets(ls.forgets(ls.compared(all[len(all)-1]), slo.ValueSeries), slo.EventsSeries, 0)
	all = append(all, ls.guards()...)
	all = append(all, ls.shares()...)
	if ls.second != nil && !lowIsBad(ls.alerts[0].bound.Op) {
		all = append(all, ls.twoGroups())
	}
	if missable(baseline(st.sli)) {
		all = append(all, ls.floors(baseline(st.sli).Floor.Float())...)
		all = append(all, ls.beside(ls.uncompared("the release has no baseline", nil)))
	}
	if ls.captured() {
		all = append(all, ls.uncompared("the release's baseline is zero", []float64{0}), ls.orphaned())
	}
	return all
}

func newLatencyStage(st stage, l slo.LatencyMeasure) (latencyStage, bool) {
	bucket, count := l.Histogram.With("_bucket"), l.Histogram.With("_count")
	if l.Native {
		bucket, count = l.Histogram.With(""), l.Histogram.With("")
	}
	match := matchersOf(bucket)
	ls := latencyStage{stage: st, quantile: l.Quantile.Float(), native: l.Native}
	var ok, okCount bool
	ls.bucket, ok = find(match, nil)
	ls.count, okCount = find(matchersOf(count), nil)
	if !ok || !okCount {
		return ls, false
	}
	ls.apart = apartLabel(match)
	ls.bucket, ls.count = ls.bucket.in(st.group), ls.count.in(st.group)
	for _, d := range decoys(match, match) {
		ls.decoys = append(ls.decoys, d.beside(st.group, match))
	}
	switch b := baseline(st.sli); {
	case missable(b):
		ls.base = ls.baselineFor(b.Floor.Float())
	case b != nil:
		ls.base = b.Value.Float()
	}
	return ls, true
}

// baselineFor is so great that the relative bounds decide and not the floor.
func (ls latencyStage) baselineFor(floor float64) float64 {
	base := 0.2
	for _, a := range ls.alerts {
		for a.bound.Relative != nil && a.bound.Relative.Sign() != 0 && base*math.Abs(a.bound.Relative.Float()) < 2*floor {
			base *= 2
		}
	}
	return base
}

// latencyLevel is a value that is played.
type latencyLevel struct {
	name          string
	value, events float64
	base          float64
}

func (ls latencyStage) levels() []latencyLevel {
	events := 2*ls.sli.MinEvents.Float() + 100
	var all []latencyLevel
	for _, a := range ls.alerts {
		limit := a.limit(ls.base)
		for _, l := range []latencyLevel{{"just below", limit * 0.9995, 0, 0}, {"exactly", limit, 0, 0}, {"just above", limit * 1.0005, 0, 0}} {
			all = append(all, latencyLevel{l.name + " " + quantity(a.bound, slo.Seconds), shortest(l.value, limit), events, ls.base})
		}
	}
	return all
}

// shortest rounds a level that need not be exact to what the annotations show.
func shortest(value, limit float64) float64 {
	if value == limit {
		return value
	}
	var v float64
	if _, err := fmt.Sscanf(fmt.Sprintf("%.6g", value), "%g", &v); err != nil {
		return value
	}
	return v
}

// jump plays a level.
func (ls latencyStage) jump(l latencyLevel) scenario {
	return scenario{
		name: l.name, series: append(ls.requests(l), ls.baselines(l.base, ls.end())...), until: ls.end(), peak: ls.beforeEnd(ls.gone(ls.narrow)),
		timeline: ls.visible(moment{known: true, value: l.value, events: l.events, baseline: l.base}),
	}
}

// compared is a release that is out, with a baseline to compare it with: nothing is missing.
func (ls latencyStage) compared(c scenario) scenario {
	if !missable(baseline(ls.sli)) {
		return c
	}
	c.series = append(c.series, ls.out(c.until+ls.sample))
	timeline := c.timeline
	c.timeline = func(w time.Duration) []moment {
		all := timeline(w)
		for i := range all {
			all[i].released = true
		}
		return all
	}
	return c
}

// requests are those of a level, at each jump by another process, beside decoys that are slower than any bound.
func (ls latencyStage) requests(l latencyLevel) []series {
	var all []series
	for i, t := range ls.jumps() {
		one := l
		if ls.uneven {
			one.events += ls.room(i)
		}
		all = append(all, ls.requestsOf(fmt.Sprintf("process-%d", i), t, one, bucket{l.value, 0})...)
		for n, d := range ls.decoys {
			d = d.with(ls.apart, fmt.Sprintf("decoy-%d-%d", n, i))
			all = append(all, ls.observe(d, t, 100*l.events, bucket{100 * l.value, 0})...)
			if !ls.native {
				all = append(all, ls.once(d.with(model.MetricNameLabel, ls.count[model.MetricNameLabel]), t, 100*l.events))
			}
		}
	}
	return all
}

// requestsOf are those of one process at one time.
func (ls latencyStage) requestsOf(process string, t time.Duration, l latencyLevel, buckets ...bucket) []series {
	all := ls.observe(ls.bucket.with(ls.apart, process), t, l.events, buckets...)
	if ls.native {
		return all
	}
	return append(all, ls.once(ls.count.with(ls.apart, process), t, l.events))
}

// bucket says how many requests took no longer than a bound.
type bucket struct{ bound, below float64 }

// observe is a histogram in which so many requests appear at a time. A native one has buckets of our own choice (schema -53), so that its
// quantiles are exact.
func (ls latencyStage) observe(s specimen, t time.Duration, events float64, buckets ...bucket) []series {
	if ls.native {
		return []series{ls.track().keep(nativeHistogram(0, buckets), t).keep(nativeHistogram(events, buckets), ls.end()+ls.sample).of(s)}
	}
	var all []series
	for _, b := range buckets {
		all = append(all, ls.once(s.with(labels.BucketLabel, number(b.bound)), t, b.below))
	}
	return append(all, ls.once(s.with(labels.BucketLabel, "+Inf"), t, events))
}

// nativeHistogram is a sample as promtool writes it; of no events, if there are to be none yet.
func nativeHistogram(events float64, buckets []bucket) string {
	var bounds, counts []string
	before := 0.0
	for _, b := range buckets {
		below := min(b.below, events)
		bounds, counts = append(bounds, number(b.bound)), append(counts, number(below-before))
		before = below
	}
	counts = append(counts, number(events-before))
	return fmt.Sprintf("{{schema:-53 count:%s sum:0 custom_values:[%s] buckets:[%s]}}",
		number(events), strings.Join(bounds, " "), strings.Join(counts, " "))
}

// twoGroups is a violation in one group, among many more quick requests in another.
func (ls latencyStage) twoGroups() scenario {
	events := 2*ls.sli.MinEvents.Float() + 100
	c := ls.jump(latencyLevel{"one of two groups is slow", ls.extreme(), events, ls.base})
	other := ls
	other.bucket, other.count, other.decoys = ls.bucket.in(ls.second), ls.count.in(ls.second), nil
	quick := latencyLevel{"", ls.extreme() / 1e4, 1e6 * events, 0}
	for i, t := range ls.jumps() {
		c.series = append(c.series, other.requestsOf(fmt.Sprintf("process-%d", i), t, quick, bucket{quick.value, quick.events})...)
	}
	return c
}

// agentSeries are the labels of what an agent exports about this release.
func (st stage) agentSeries(name, agent string) specimen {
	return specimen{
		model.MetricNameLabel: name, slo.LabelService: st.matrix.Service, slo.LabelEnvironment: st.matrix.Environment, "instance": agent,
	}
}

// out says that a release is out.
func (st stage) out(until time.Duration) series {
	return st.track().hold(1, until).of(st.agentSeries(slo.AgentT0, "a"))
}

// outElsewhere are releases that are not this one's.
func (st stage) outElsewhere(until time.Duration) []series {
	own := st.agentSeries(slo.AgentT0, "neighbour")
	return []series{
		st.track().hold(1, until).of(own.with(slo.LabelService, "other")), st.track().hold(1, until).of(own.with(slo.LabelEnvironment, "other")),
	}
}

// guards are a violation by too few events, and by just enough.
func (ls latencyStage) guards() []scenario {
	enough := ls.sli.MinEvents.Float()
	if enough <= 1 {
		return nil
	}
	value := ls.extreme()
	var all []scenario
	for _, n := range []float64{ls.spread().tooFew(), enough} {
		if n > 0 {
			ls := ls
			if n < enough {
				ls.stage = ls.spread()
			}
			c := ls.jump(latencyLevel{guardName(n, enough), value, n, ls.base})
			if ls.uneven {
				c.peak = ls.ripe()
			}
			all = append(all, c)
		}
	}
	return all
}

// extreme is a value far on the bad side of every bound.
func (ls latencyStage) extreme() float64 {
	least, greatest := math.Inf(1), 0.0
	for _, a := range ls.alerts {
		least, greatest = min(least, a.limit(ls.base)), max(greatest, a.limit(ls.base))
	}
	if lowIsBad(ls.alerts[0].bound.Op) {
		return shortest(least/10, 0)
	}
	return shortest(greatest*10, 0)
}

// nearQuantile is how near to the quantile its neighbours are: nearer than a hundredth of it, and than a tenth of what it leaves out.
const nearQuantile = 0.004

// shares tells the quantile: slow requests are a little less, and a little more, than the quantile leaves out.
func (ls latencyStage) shares() []scenario {
	slow := ls.extreme()
	if lowIsBad(ls.alerts[0].bound.Op) {
		return nil
	}
	fast := latencyLevel{"slow requests are too few to move the quantile", slow / 1e4, 0, ls.base}
	moved := latencyLevel{"slow requests are just enough to move the quantile", slow, 0, ls.base}
	by := min(nearQuantile*ls.quantile, (1-ls.quantile)/10)
	return []scenario{ls.share(fast, slow, ls.quantile+by), ls.share(moved, slow, ls.quantile-by)}
}

func (ls latencyStage) share(l latencyLevel, slow, fast float64) scenario {
	events := 1000 * (ls.sli.MinEvents.Float() + 1)
	quick := math.Round(events * fast)
	all := ls.baselines(ls.base, ls.end())
	for i, t := range ls.jumps() {
		process := fmt.Sprintf("process-%d", i)
		all = append(all, ls.requestsOf(process, t, latencyLevel{events: events}, bucket{slow / 1e4, quick}, bucket{slow, quick})...)
	}
	return scenario{
		name: l.name, series: all, until: ls.end(), peak: ls.beforeEnd(ls.gone(ls.narrow)),
		timeline: ls.visible(moment{known: true, value: l.value, events: events, baseline: ls.base}),
	}
}

// floors are relative violations of a small baseline, a 200th less and more than the floor above it.
func (ls latencyStage) floors(floor float64) []scenario {
	relative := 0.0
	for _, a := range ls.alerts {
		if a.bound.Relative != nil {
			relative = max(relative, a.bound.Relative.Float())
		}
	}
	if floor <= 0 || relative <= 0 || lowIsBad(ls.alerts[0].bound.Op) {
		return nil
	}
	base, events := shortest(floor/2/relative, 0), 2*ls.sli.MinEvents.Float()+100
	return []scenario{
		ls.jump(latencyLevel{"a small excess over a small baseline", shortest(base+floor*0.995, 0), events, base}),
		ls.jump(latencyLevel{"an excess just above the floor", shortest(base+floor*1.005, 0), events, base}),
	}
}

// idle keeps the histogram still: its quantile is NaN, and nothing may fire on that.
func (ls latencyStage) idle() scenario {
	return scenario{
		name: "idle", until: ls.end(), peak: ls.end(), recorded: true, timeline: same(moment{baseline: ls.base}),
		series: append(ls.baselines(ls.base, ls.end()), ls.still()...),
	}
}

func (ls latencyStage) still() []series {
	const counted = 7
	if ls.native {
		return []series{ls.track().keep(nativeHistogram(counted, []bucket{{1, counted}}), ls.end()+ls.sample).of(ls.bucket)}
	}
	flat := func(s specimen) series { return ls.track().hold(counted, ls.end()+ls.sample).of(s) }
	return []series{flat(ls.bucket.with(labels.BucketLabel, "1")), flat(ls.bucket.with(labels.BucketLabel, "+Inf")), flat(ls.count)}
}

// uncompared is a release with a terrible latency that nothing can be said about.
func (ls latencyStage) uncompared(name string, exported []float64) scenario {
	until := max(ls.end(), ls.onEvaluation(ls.patience)+ls.evaluation)
	l := latencyLevel{name, ls.extreme(), 2*ls.sli.MinEvents.Float() + 100, 0}
	c := ls.jump(l)
	for _, base := range exported {
		c.series = append(c.series, ls.exported("a", base, ls.end()))
	}
	c.series = append(c.series, ls.out(until+ls.sample))
	c.until = until
	c.timeline = ls.visible(moment{known: true, value: l.value, events: l.events, released: true})
	return c
}

// orphaned is a violation after every agent has died: what was exported last still counts.
func (ls latencyStage) orphaned() scenario {
	events := 2*ls.sli.MinEvents.Float() + 100
	c := ls.jump(latencyLevel{"the agent died, its baseline stands", ls.extreme(), events, ls.base})
	last := ls.agentSeries(slo.AgentBaseline, "a").with(slo.LabelSLO, ls.sli.ID)
	c.series = append(append(ls.requests(latencyLevel{"", ls.extreme(), events, 0}), ls.strangers(ls.end())...), ls.track().hold(ls.base, ls.evaluation).lose(ls.end()).of(last))
	return c
}
