package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/report"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/atomicfile"
	"github.com/coclai/cutover/generator/slo"
)

// What is gathered for a report: enough for a plot, and no more than what a Prometheus in trouble can be asked for.
const (
	gatherAtMost = time.Minute
	plotBefore   = 30 * time.Minute // T0, unless the release was watched for less
	plotPoints   = 300
	seriesAtOnce = 4
)

// reportMilestone writes the report of a milestone. What it says of the agent is the ledger as it was when the milestone was reached, so that
// a report that is written later, after a restart, is the same. What Prometheus or git do not tell is said in it.
func (a *Agent) reportMilestone(ctx context.Context, e *environment, c *release.Cutover, r release.Result) (release.Report, error) {
	then, err := a.asOf(ctx, e, func(entry rollback.Entry, here *rollback.Environment) bool {
		now := here.Cutover
		return entry.Kind == rollback.MilestoneReached && now.ID == c.ID && now.Reached[len(now.Reached)-1].Item == r.Item
	})
	if err != nil {
		return release.Report{}, err
	}
	if n := slices.IndexFunc(then.here.Cutover.Reached, func(one release.Result) bool { return one.Item == r.Item }); n >= 0 {
		r = then.here.Cutover.Reached[n]
	}
	s := then.story(r)
	e.illustrate(ctx, &s)
	return e.keep(c.ID, report.Name(c.Course, r.Item), report.Milestone(s))
}

// cutoverID names a cutover as no other environment's last one is named: the reports of two must not be kept in one folder.
func (a *Agent) cutoverID(commit string, at time.Time) string {
	id, state := release.CutoverID(commit, at), a.journal.snapshot()
	for n, name := 2, id; ; n++ {
		taken := false
		for _, e := range state.Environments {
			taken = taken || e.Cutover != nil && e.Cutover.ID == name
		}
		if !taken {
			return name
		}
		name = fmt.Sprintf("%s-%d", id, n)
	}
}

// ended says whether a cutover's whole story is complete, and not written. After a rollback that is when the agent has done what it does by
// itself: verified, classified, or handed over to a person.
func (t *attendant) ended(c *release.Cutover) bool {
	return t.owes(c) && whole(t.agent.journal.environment(t.e.name))
}

// owes says whether a cutover has ended of which the whole is to be told.
func (t *attendant) owes(c *release.Cutover) bool {
	return t.agent.report != nil && c != nil && c.Ended != nil && c.Ended.Report == nil && !c.T0.IsZero()
}

func whole(here *rollback.Environment) bool {
	c := here.Cutover
	if c == nil || c.Ended == nil {
		return false
	}
	i := incidentOut(here)
	return c.Ended.Phase != release.RolledBack || i == nil || !i.Acting()
}

// incidentOut is the incident of the release that is out; nil if it has none.
func incidentOut(here *rollback.Environment) *rollback.Incident {
	if here.Release == nil {
		return nil
	}
	return here.IncidentOf(here.Release.Commit, here.Release.T0)
}

// reportEnd writes the report of a cutover that has ended, and records it. A crash before the entry costs writing it again.
func (a *Agent) reportEnd(ctx context.Context, e *environment, c *release.Cutover) error {
	then, err := a.asOf(ctx, e, func(_ rollback.Entry, here *rollback.Environment) bool {
		return here.Cutover != nil && here.Cutover.ID == c.ID && whole(here)
	})
	if err != nil {
		return fmt.Errorf("report cutover %s: %w", c.ID, err)
	}
	seen := then.here.Cutover
	s := then.story(release.Result{Item: release.Whole, At: then.at, From: seen.StretchFrom(), Total: seen.Observation.Rows, Alerts: alarms(then.here, seen)})
	if i := incidentOut(then.here); i != nil && seen.Ended.Phase == release.RolledBack {
		for _, part := range web.Explain(then.here, i, then.about[i.ID], then.at).Sections {
			s.Incident = append(s.Incident, report.Told{Title: part.Title, Lines: part.Lines})
		}
	}
	e.illustrate(ctx, &s)
	written, err := e.keep(c.ID, release.Whole, report.Ending(s))
	if err != nil {
		return fmt.Errorf("report cutover %s: %w", c.ID, err)
	}
	written.Item = release.Whole
	_, err = a.journal.append(ctx, note{environment: e.name, kind: rollback.MilestoneReported, author: self, body: written})
	crashpoint("cutover reported")
	return err
}

// keep writes a document in its two forms, both or neither. Characters that hide are shown: who reads the file has no page to show them.
func (e *environment) keep(cutover, name string, d report.Document) (release.Report, error) {
	page, err := d.HTML()
	if err != nil {
		return release.Report{}, err
	}
	folder := filepath.Join(e.reports, cutover)
	if info, err := os.Lstat(folder); err == nil && !info.IsDir() { // a link would lead out of the folder of reports
		return release.Report{}, fmt.Errorf("write report: %s is no folder", folder)
	}
	written := release.Report{Files: []string{cutover + "/" + name + ".md", cutover + "/" + name + ".html"}}
	_, err = atomicfile.Write([]atomicfile.File{
		{Path: filepath.Join(folder, name+".md"), Content: []byte(web.Plain(e.redact(d.Markdown())))},
		{Path: filepath.Join(folder, name+".html"), Content: []byte(web.Plain(e.redact(page)))},
	})
	return written, err
}

// kept reads a file of the reports, and none that is elsewhere.
func (a *Agent) kept(name string) ([]byte, error) {
	for _, e := range a.all() {
		if e.reports != "" { // one for all environments
			root, err := os.OpenRoot(e.reports)
			if err != nil {
				return nil, err
			}
			defer root.Close()
			return root.ReadFile(name)
		}
	}
	return nil, os.ErrNotExist
}

// illustrate asks for what the ledger does not hold: values over time, and the log between the stable tag and the release. Nothing of it is
// needed for a verdict, so nothing of it can fail a milestone.
func (e *environment) illustrate(ctx context.Context, s *report.Story) {
	ctx, stop := context.WithTimeout(ctx, gatherAtMost)
	defer stop()
	t0 := s.State.Cutover.T0
	s.Since = t0.Add(-min(plotBefore, max(time.Minute, s.Result.At.Sub(t0))))
	s.Series = e.series(ctx, s)
	if s.Result.Draft == slo.DraftReleaseNotes {
		s.Log = e.log(ctx, s.State)
	}
}

// series are the values of every row that was judged, by SLO.
func (e *environment) series(ctx context.Context, s *report.Story) map[string]report.Series {
	all := make([]report.Series, len(s.Result.Total))
	step := max(e.plan.EvaluationInterval.Std(), (s.Result.At.Sub(s.Since) / plotPoints).Truncate(time.Millisecond), time.Millisecond)
	free := make(chan struct{}, seriesAtOnce)
	var asked sync.WaitGroup
	for n, r := range s.Result.Total {
		free <- struct{}{}
		asked.Go(func() {
			defer func() { <-free }()
			all[n] = e.seriesOf(ctx, r.SLO, s, step)
		})
	}
	asked.Wait()
	byID := map[string]report.Series{}
	for n, r := range s.Result.Total {
		byID[r.SLO] = all[n]
	}
	return byID
}

func (e *environment) seriesOf(ctx context.Context, id string, s *report.Story, step time.Duration) report.Series {
	row, known := e.plan.SLOByID(id)
	if !known {
		return report.Series{Problem: "the plan in force has no such row any more"}
	}
	return e.plotted(ctx, row, s.Since, s.Result.At, step)
}

// plotted are a row's values over a stretch, or why there are none.
func (e *environment) plotted(ctx context.Context, row slo.PlanSLO, from, to time.Time, step time.Duration) report.Series {
	points, err := e.prometheus.Series(ctx, row, from, to, step)
	if err != nil {
		return report.Series{Problem: inOneLine(err)}
	}
	series := report.Series{Step: step}
	for _, p := range points {
		series.Points = append(series.Points, report.Point{At: p.At, Value: p.Value})
	}
	return series
}

// putBack is the stable tag whose content a commit of the agent's own has put back, and by which incident; nil for any other commit. What had
// been taken back is an ancestor of such a commit, and would be missing in a log from there, although it comes with the next release.
func putBack(here *rollback.Environment, commit string) (pin release.Pin, by *rollback.Incident) {
	for _, i := range slices.Backward(here.Incidents) { // what was put back may itself have been put back before
		if i.Preparation == nil || i.Preparation.Commit != commit {
			continue
		}
		n := slices.IndexFunc(here.Pins, func(p release.Pin) bool { return p.Name() == i.Preparation.Target })
		if n < 0 {
			break
		}
		if pin, commit = here.Pins[n], here.Pins[n].Commit; by == nil {
			by = i
		}
	}
	return pin, by
}

// log is what the release has and what production ran before has not.
func (e *environment) log(ctx context.Context, here *rollback.Environment) *report.Log {
	c := here.Cutover
	l := &report.Log{From: c.From, To: c.Commit}
	if r := here.Release; r != nil && r.Target.Commit == c.From {
		l.Tag = r.Target.Name()
	}
	if pin, i := putBack(here, c.From); i != nil {
		l.From, l.Tag, l.PutBack = pin.Commit, pin.Name(), i.ID
	}
	found, err := e.remote.Log(ctx, gitrepo.ID(l.From), gitrepo.ID(l.To))
	if err != nil {
		l.Problem = inOneLine(err)
		return l
	}
	l.Cut = found.Cut
	for _, commit := range found.Commits {
		l.Commits = append(l.Commits, report.Commit{ID: string(commit.ID), Subject: commit.Subject, Author: commit.Author, Merge: len(commit.Parents) > 1, Breaking: commit.Breaking})
	}
	return l
}
