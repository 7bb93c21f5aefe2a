package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// Story is what the report of a cutover is written from: the state as it was when the report fell due, and what was gathered for it. The same
// Story gives the same bytes.
type Story struct {
	State    *rollback.Environment // its Cutover is the one reported
	Result   release.Result        // the milestone reported
	Interval time.Duration         // between two moments of its stretch
	Pauses   []Pause               // of the clock, since the start
	Series   map[string]Series     // by SLO
	Since    time.Time             // what the series begin with
	Log      *Log                  // nil when no notes are called for
	Incident []Told                // how the release failed, at the end of a cutover that was rolled back
}

// Told is a part of an incident's story, a line for each fact.
type Told struct {
	Title string
	Lines []string
}

// Pause is a time in which the cutover did not go on.
type Pause struct {
	release.Stop
	Until time.Time // zero while it stands
	By    string    // who or what let it go on
	Why   string
}

// Series are a row's values over time, or why there are none.
type Series struct {
	Points  []Point
	Step    time.Duration
	Problem string
}

// Point is a value at a time.
type Point struct {
	At    time.Time
	Value float64
}

// Log is what the release has that the stable tag has not, or why that is not known.
type Log struct {
	From, To string // commits
	Tag      string // at From
	Commits  []Commit
	Cut      bool   // there are more
	PutBack  string // the incident by which production was put back to From
	Problem  string
}

// Commit is one of a Log.
type Commit struct {
	ID, Subject, Author string
	Merge, Breaking     bool
}

func (s Story) cutover() *release.Cutover { return s.State.Cutover }

// milestones are those reached so far; at the end of a cutover also what has come since.
func (s Story) milestones() []release.Result {
	all := s.cutover().Reached
	if !slices.ContainsFunc(all, func(r release.Result) bool { return r.Item == s.Result.Item }) {
		all = append(slices.Clip(all), s.Result)
	}
	return all
}

func (s Story) plan() slo.Plan {
	if s.State.Rulebook == nil {
		return slo.Plan{}
	}
	return s.State.Rulebook.Plan
}

// row is what the plan says of an SLO. One that the plan no longer has keeps its name.
func (s Story) row(id string) slo.PlanSLO {
	row, _ := s.plan().SLOByID(id)
	row.ID, row.Title = id, cut(cmp.Or(row.Title, id), 200)
	return row
}

func (s Story) baseline(id string) *release.Baseline {
	if s.State.Release == nil {
		return nil
	}
	for _, b := range s.State.Release.Baselines {
		if b.SLO == id {
			return &b
		}
	}
	return nil
}

// at is a moment with its distance from T0.
func (s Story) at(t time.Time) string {
	if t.IsZero() {
		return none
	}
	if t0 := s.cutover().T0; !t0.IsZero() {
		return since(t0, t) + " (" + moment(t) + ")"
	}
	return moment(t)
}

// provenance is what the report rests on, to be checked.
func (s Story) provenance() []Line {
	c := s.cutover()
	target := ""
	if r := s.State.Release; r != nil && r.Target.Ref != "" {
		target = r.Target.Name() + " at " + r.Target.Commit
	}
	return named([2]string{"environment", s.State.Name}, [2]string{"cutover", c.ID}, [2]string{"started", moment(c.Started) + " by " + c.By},
		[2]string{"release commit", c.Commit}, [2]string{"deployed as", deployedAs(c)}, [2]string{"production ran before", c.From}, [2]string{"stable tag", target},
		[2]string{"T0", moment(c.T0)}, [2]string{"runbook sha256", c.Course.Runbook}, [2]string{"rules sha256", c.Course.Rules})
}

func deployedAs(c *release.Cutover) string {
	if c.Released == c.Commit {
		return ""
	}
	return c.Released
}

var safe = regexp.MustCompile(`[^0-9A-Za-z.+-]+`)

// Name is what the report of a milestone is called, in files and addresses: T+30m; with its item where another comes at the same time.
func Name(c release.Course, item string) string {
	name, others := "", 0
	for _, m := range c.Milestones {
		if m.Item == item {
			name = "T+" + long(m.After.Std())
		}
	}
	for _, m := range c.Milestones {
		if "T+"+long(m.After.Std()) == name {
			others++
		}
	}
	if name == "" || others > 1 {
		name += "-" + item
	}
	return cut(safe.ReplaceAllString(name, "_"), 60)
}

// every is a number of moments as time.
func (s Story) every(n int) string {
	if n == 0 {
		return "0s"
	}
	return long(time.Duration(n) * s.Interval)
}

// moments says how a row was at the moments that were judged, and for how long it was not PASS.
func (s Story) moments(r release.Row) string {
	text := fmt.Sprintf("%d PASS", r.Pass)
	if r.Fail > 0 {
		text += fmt.Sprintf(", %d FAIL (%s)", r.Fail, s.every(r.Fail))
	}
	if r.Unknown > 0 {
		text += fmt.Sprintf(", %d UNKNOWN (%s)", r.Unknown, s.every(r.Unknown))
	}
	return text
}
