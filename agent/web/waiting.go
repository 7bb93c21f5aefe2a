package web

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// waiting is something that waits for a person, with the forms to do it.
type waiting struct {
	Title string
	Lines []string
	Link  string // to an analysis
	Forms []form
}

// form is one button of the page, with what it asks besides.
type form struct {
	release.Deed
	Summary string // what opens the form
	Says    string // what will happen
	Button  string
	Danger  bool
	Fields  []field
	May     bool // the person's token may do it
}

// field is one thing that a form asks.
type field struct {
	Name, Label, Value, Hint string
	Long, Box, Required      bool
}

var (
	why       = field{Name: "reason", Label: "Why", Hint: "for those who come after", Required: true}
	whyMaybe  = field{Name: "reason", Label: "Why", Hint: "may be left out"}
	asksAbout = field{Name: "reason", Label: "Note", Hint: "may be left out"}
)

// desk makes the forms of one environment for one person.
type desk struct {
	e   *rollback.Environment
	who Token
	now time.Time
}

// form completes one: its environment, what the person sees of it now, and whether the token may do it.
func (k desk) form(f form) form {
	f.Environment = k.e.Name
	f.Expected = k.e.Mark(f.Deed)
	f.May = k.who.must(scopeOf[f.Act]) == nil && k.who.sees(k.e.Name)
	return f
}

// waits is everything that a person must answer, decide or do, the most pressing first.
func (k desk) waits() []waiting {
	return slices.Concat(k.proposals(), k.going(), k.troubles(), k.lock(), k.standing(), k.items())
}

// proposals are the rollbacks that the agent does not do by itself.
func (k desk) proposals() []waiting {
	var all []waiting
	for _, key := range slices.Sorted(maps.Keys(k.e.Episodes)) {
		d := k.e.Episodes[key].Decision
		if d == nil || !d.Stands(k.now) || len(all) == most {
			continue
		}
		w := waiting{Title: "Roll back?", Lines: []string{fmt.Sprintf("%s (%s)", d.Text, d.Reason), "alert " + key}}
		if !d.Until.IsZero() {
			w.Lines = append(w.Lines, "to be answered until "+Moment(d.Until)+" · rollback-agent approve "+key+" (or cancel)")
		}
		target := "the stable tag"
		if r := k.e.Release; r != nil {
			target = r.Target.Name()
		}
		w.Forms = []form{
			k.form(form{Deed: release.Deed{Act: release.ActApprove, Incident: key}, Summary: "Approve…", Danger: true, Button: "Roll back to " + target + " now",
				Says: "Puts " + k.e.Name + " back to " + target + " at once, and locks redeployment until the cause is known."}),
			k.form(form{Deed: release.Deed{Act: release.ActCancel, Incident: key}, Summary: "Dismiss…", Button: "Do not roll back", Fields: []field{why},
				Says: "Nothing is done, and it is not proposed again while this alert goes on."}),
		}
		all = append(all, w)
	}
	return all
}

// going are the rollbacks that can still be stopped.
func (k desk) going() []waiting {
	var all []waiting
	for _, i := range k.e.Incidents {
		if i.Phase != rollback.PhaseDecided && i.Phase != rollback.PhasePrepared {
			continue
		}
		all = append(all, waiting{Title: "A rollback is under way", Lines: []string{"incident " + i.ID + " is " + string(i.Phase) + ", not pushed yet"}, Forms: []form{
			k.form(form{Deed: release.Deed{Act: release.ActCancel, Incident: i.ID}, Summary: "Stop it…", Danger: true, Button: "Stop before the push", Fields: []field{why},
				Says: "Nothing is pushed. The lock stays until the cause is known."})}})
	}
	return all
}

// troubles are the incidents that the agent has given up.
func (k desk) troubles() []waiting {
	var all []waiting
	for _, i := range k.e.Incidents {
		if i.Phase == rollback.PhaseHuman && i.Trouble != nil {
			all = append(all, waiting{Title: "The agent has stopped: a person must look", Lines: []string{"incident " + i.ID, troubled(*i.Trouble)}})
		}
	}
	return all
}

// lock is the way to open it: a cause, and a second person.
func (k desk) lock() []waiting {
	if k.e.Lock == nil {
		return nil
	}
	id := k.e.Lock.Incident
	i := k.e.IncidentByID(id)
	if i != nil && i.Acting() {
		return []waiting{{Title: "Locked", Lines: []string{"The lock can be opened when incident " + id + " is classified; it is " + string(i.Phase) + "."}}}
	}
	rca := k.form(form{Deed: release.Deed{Act: release.ActRCA, Incident: id}, Summary: "Submit the cause…", Button: "Submit the cause", Says: "Opens nothing yet: somebody else must agree.",
		Fields: []field{{Name: "cause", Label: "What went wrong", Long: true, Hint: "this, a link, or both"}, {Name: "link", Label: "Link to the analysis", Hint: "https://…"}}})
	glass := k.form(form{Deed: release.Deed{Act: release.ActBreak, Incident: id}, Summary: "Break the glass…", Danger: true, Button: "Open the lock alone",
		Fields: []field{{Name: "reason", Label: "Why it cannot wait", Required: true}}, Says: "Opens the lock at once and without an analysis. It is recorded as that, and paged."})
	w := waiting{Title: "Locked: its cause is not known yet", Lines: []string{"Whoever finds the cause submits it; then a second person opens the lock."}, Forms: []form{rca}}
	if i != nil && i.RCA != nil {
		rca.Summary = "Submit another cause…"
		w = waiting{Title: "Locked: somebody must agree to the cause", Link: address(i.RCA.Link), Forms: []form{rca},
			Lines: []string{fmt.Sprintf("%s, %s: %s", i.RCA.By, Moment(i.RCA.At), i.RCA)}}
		if i.RCA.By == k.who.Name {
			w.Lines = append(w.Lines, "You wrote it: somebody else opens the lock.")
		} else {
			w.Forms = []form{k.unlock(id), rca}
		}
	}
	if glass.May {
		w.Forms = append(w.Forms, glass)
	}
	return []waiting{w}
}

func (k desk) unlock(incident string) form {
	return k.form(form{Deed: release.Deed{Act: release.ActUnlock, Incident: incident}, Summary: "Open the lock…", Button: "I agree: open the lock",
		Says:   "Redeployment of " + k.e.Name + " is possible again, except of what was rolled back.",
		Fields: []field{{Name: "exonerate", Label: "What was rolled back was not at fault, and may be deployed again", Box: true}}})
}

// standing are the brakes that are on.
func (k desk) standing() []waiting {
	var all []waiting
	if on := k.e.Kill; on != nil {
		all = append(all, waiting{Title: "The kill switch is on", Lines: []string{fmt.Sprintf("since %s, by %s: %s", Moment(on.At), on.By, on.Why)}, Forms: []form{
			k.form(form{Deed: release.Deed{Act: release.ActRevive}, Summary: "Turn it off…", Button: "Act again", Fields: []field{whyMaybe}, Says: "The agent acts by itself again."})}})
	}
	if h := k.e.Standing(k.now); h != nil {
		all = append(all, waiting{Title: "Held", Lines: []string{fmt.Sprintf("by %s until %s: %s", h.By, Moment(h.Until), h.Why)}, Forms: []form{
			k.form(form{Deed: release.Deed{Act: release.ActResume}, Summary: "End the hold…", Button: "End the hold", Fields: []field{whyMaybe}, Says: "The agent rolls back by itself again."})}})
	}
	if c := k.e.Cutover; c.Open() && c.Stop != nil {
		w := waiting{Title: "The cutover does not go on", Lines: []string{fmt.Sprintf("%s since %s: %s", words(string(c.Stop.Reason)), Moment(c.Stop.Since), c.Stop.Text)}}
		if c.Stop.Sticky() || c.Stop.Reason == release.PlanChanged {
			w.Forms = []form{k.form(form{Deed: release.Deed{Act: release.ActProceed}, Summary: "Let it go on…", Button: "Let it go on", Fields: []field{whyMaybe},
				Says: "The cutover's clock goes on from now."})}
		}
		all = append(all, w)
	}
	return all
}

// items are the runbook's items that are a person's.
func (k desk) items() []waiting {
	if !k.e.Cutover.Open() {
		return nil
	}
	var all []waiting
	for _, i := range k.e.Cutover.Items() {
		if i.State != release.ItemWaiting || i.By != slo.ByPerson {
			continue
		}
		w := waiting{Title: "Runbook " + i.Item + ": " + i.What}
		if i.Note != "" {
			w.Lines = []string{i.Note}
		}
		note := asksAbout
		r := reachedBy(k.e.Cutover, i.Item)
		if r != nil {
			w.Lines = append(w.Lines, r.Asks...)
			note.Required = r.Verdict != release.Pass
			note.Hint = cmp.Or(map[bool]string{true: "why it is good all the same"}[note.Required], note.Hint)
		}
		if deploys(k.e.Cutover, i.Item) {
			w.Lines = append(w.Lines, "Deploy "+short(k.e.Cutover.Commit)+": the item is done when the branch is seen there.")
		} else {
			w.Forms = []form{k.form(form{Deed: release.Deed{Act: release.ActDone, Item: i.Item}, Summary: "Done…", Button: i.Item + " is done", Fields: []field{note}, Says: "Ticks the item, in your name."})}
		}
		all = append(all, w)
	}
	return all
}

func reachedBy(c *release.Cutover, item string) *release.Result {
	for n := range c.Reached {
		if c.Reached[n].Item == item {
			return &c.Reached[n]
		}
	}
	return nil
}

func deploys(c *release.Cutover, item string) bool {
	return slices.ContainsFunc(c.Course.Checklist, func(s slo.Step) bool { return s.Item == item && s.Step == slo.StepDeploy })
}

// brakes are the forms that keep the agent, or the cutover, from going on.
func (k desk) brakes() []form {
	var all []form
	if k.e.Standing(k.now) == nil {
		all = append(all, k.form(form{Deed: release.Deed{Act: release.ActHold}, Summary: "Hold the agent…", Button: "Hold", Fields: []field{{Name: "for", Label: "How long", Value: "4h", Required: true}, why},
			Says: "What fires is proposed; nothing is rolled back without a person."}))
	}
	if k.e.Kill == nil {
		all = append(all, k.form(form{Deed: release.Deed{Act: release.ActKill}, Summary: "Kill switch…", Danger: true, Button: "Act on nothing", Fields: []field{why},
			Says: "The agent decides and records, and does nothing at all until it is turned off."}))
	}
	if c := k.e.Cutover; c.Open() && c.Stop == nil {
		all = append(all, k.form(form{Deed: release.Deed{Act: release.ActPause}, Summary: "Hold the cutover…", Button: "Hold the cutover", Fields: []field{why},
			Says: "Its clock stands still until it is let go on. Triggers stay armed."}))
	}
	return all
}

// words is a stored name as it is read.
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }
