package web

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// Report is the body of GET /api/v1/report: the report of a milestone, or of a cutover that has ended. Text is the document in the form asked
// for, "" when none was.
type Report struct {
	Environment string          `json:"environment,omitempty"`
	Cutover     string          `json:"cutover"`
	Item        string          `json:"item"`
	Name        string          `json:"name"`             // of the files, without their ends
	Files       []string        `json:"files,omitempty"`  // in the folder of reports, on the agent's machine
	Result      *release.Result `json:"result,omitempty"` // of a milestone of the last cutover
	Text        string          `json:"text,omitempty"`
}

// reportPolicy lets a report's own policy decide: the page names its styles by their hash, which a header of the agent's could not know for a page
// that an earlier version has written.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

var (
	cutoverNames = regexp.MustCompile(`^cut-[0-9A-Za-z-]{1,60}$`)
	reportNames  = regexp.MustCompile(`^[0-9A-Za-z+_-][0-9A-Za-z.+_-]{0,59}$`)
)

// Reports are those of an environment's last cutover that have been written, in order.
func Reports(e *rollback.Environment) []Report {
	c := e.Cutover
	if c == nil {
		return nil
	}
	var all []Report
	add := func(w *release.Report, r *release.Result) {
		if w == nil || len(w.Files) == 0 || !cutoverNames.MatchString(c.ID) {
			return
		}
		name := path.Base(w.Files[0])
		all = append(all, Report{Environment: e.Name, Cutover: c.ID, Item: w.Item, Name: strings.TrimSuffix(name, path.Ext(name)), Files: w.Files, Result: r})
	}
	for n, r := range c.Reached {
		add(r.Report, &c.Reached[n])
	}
	if c.Ended != nil {
		add(c.Ended.Report, nil)
	}
	return all
}

// ReportLine is a report in one line.
func ReportLine(r Report) string {
	verdict := ""
	if r.Result != nil {
		verdict = " " + string(r.Result.Verdict)
	}
	return r.Name + verdict + ": " + strings.Join(r.Files, ", ") + "; rollback-agent report " + r.Item
}

// report answers with the report of ?item=, the last one unless given, of ?cutover=, the last one unless given, with its document if ?form= is md
// or html.
func (s *server) report(c echo.Context, token Token) error {
	r, err := s.findReport(token, c.QueryParam("environment"), c.QueryParam("cutover"), c.QueryParam("item"))
	if err != nil {
		return err
	}
	switch form := c.QueryParam("form"); form {
	case "":
		if r.Environment == "" {
			return release.Problemf(release.Refused, "its documents are kept: --output md or html", "the state holds the numbers of the last cutover only, not of %s", r.Cutover)
		}
	case "md", "html":
		if r.Text, err = s.document(r, form); err != nil {
			return err
		}
	default:
		return release.Problemf(release.Invalid, "md or html", "a report has no form %q", form)
	}
	return c.JSON(http.StatusOK, r)
}

// reportPage shows the report in the path as it was written; with .md behind it as text.
func (s *server) reportPage(c echo.Context, token Token) error {
	item, plain := strings.CutSuffix(c.Param("item"), ".md")
	r, err := s.findReport(token, "", c.Param("cutover"), item)
	if err != nil {
		return err
	}
	form, kind := "html", "text/html; charset=utf-8"
	if plain {
		form, kind = "md", "text/plain; charset=utf-8"
	}
	text, err := s.document(r, form)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Security-Policy", reportPolicy)
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	return c.Blob(http.StatusOK, kind, []byte(text))
}

// findReport looks a report up in the state, by item or by name; what an earlier cutover left is known by its name only, and
// whose it is nobody knows: a token that is bound to some environments does not get it.
func (s *server) findReport(token Token, environment, cutover, item string) (Report, error) {
	state := s.Agent.View().of(token).State
	var known []string
	for _, name := range slices.Sorted(maps.Keys(state.Environments)) {
		if environment != "" && name != environment {
			continue
		}
		all := Reports(state.Environments[name])
		for _, r := range slices.Backward(all) {
			known = append(known, r.Item)
			if (cutover == "" || cutover == r.Cutover) && (item == "" || item == r.Item || item == r.Name) {
				return r, nil
			}
		}
	}
	if len(token.Environments) == 0 && cutoverNames.MatchString(cutover) && reportNames.MatchString(item) {
		return Report{Cutover: cutover, Item: item, Name: item}, nil
	}
	slices.Sort(known)
	hint := "written are: " + strings.Join(slices.Compact(known), ", ")
	if len(known) == 0 {
		hint = "`rollback-agent cutover status` shows when the next milestone is due; its report is written then"
	}
	return Report{}, release.Problemf(release.Refused, hint, "there is no report %s", cmp.Or(item, "yet"))
}

// document reads what was written. Files are not the agent's alone: a person may have moved them.
func (s *server) document(r Report, form string) (string, error) {
	content, err := s.Agent.View().Kept(r.Cutover + "/" + r.Name + "." + form)
	if errors.Is(err, fs.ErrNotExist) {
		return "", release.Problemf(release.Refused, "its numbers are in the ledger: rollback-agent report "+r.Item+" --output json", "the folder of reports holds no %s/%s.%s", r.Cutover, r.Name, form)
	}
	if err != nil {
		return "", err
	}
	return string(content), nil
}
