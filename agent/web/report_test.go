package web

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// reported is a view of a cutover whose first milestone is written, and of an older cutover that has left a file.
func reported() View {
	const id = "cut-20260301T013000Z-bbbbbbbb"
	c := &release.Cutover{ID: id, Reached: []release.Result{
		{Item: "6.1", Verdict: release.Pass, Report: &release.Report{Item: "6.1", Files: []string{id + "/T+30m.md", id + "/T+30m.html"}}}, {Item: "6.2"}}}
	files := map[string]string{id + "/T+30m.html": "<!doctype html>all is well", id + "/T+30m.md": "# all is well", "cut-20250101T000000Z-aaaaaaaa/end.html": "the old one"}
	return View{State: rollback.State{Environments: map[string]*rollback.Environment{"checkout/production": {Name: "checkout/production", Cutover: c}, "checkout/staging": {Name: "checkout/staging"}}},
		Kept: func(name string) ([]byte, error) {
			if content, known := files[name]; known {
				return []byte(content), nil
			}
			return nil, fs.ErrNotExist
		}}
}

func TestAReportIsFoundByItsItemAndItsName(t *testing.T) {
	const id = "cut-20260301T013000Z-bbbbbbbb"
	server := serving(t, &memory{view: reported()})
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/api/v1/report":                             {200, `"item":"6.1"`},
		"/api/v1/report?item=T%2B30m":                {200, `"name":"T+30m"`},
		"/api/v1/report?item=6.1&form=md":            {200, `"text":"# all is well"`},
		"/api/v1/report?item=6.1&form=pdf":           {400, `has no form`},
		"/api/v1/report?item=6.2":                    {409, `written are: 6.1`},
		"/api/v1/report?item=6.2&form=md":            {409, `there is no report 6.2`},
		"/api/v1/report?environment=other":           {409, `there is no report yet`},
		"/reports/" + id + "/6.1":                    {200, "<!doctype html>all is well"},
		"/reports/" + id + "/T+30m":                  {200, "<!doctype html>all is well"},
		"/reports/" + id + "/6.1.md":                 {200, "# all is well"},
		"/reports/" + id + "/T+24h":                  {409, "holds no " + id + "/T+24h.html"},
		"/reports/" + id + "/..%2F..%2Fkey":          {409, "there is no report ..%2F..%2Fkey"},
		"/reports/..%2F..%2Fetc/passwd":              {409, "there is no report passwd"},
		"/reports/cut-../6.1":                        {409, "there is no report 6.1"},
		"/reports/" + id + "/.%2e":                   {409, "there is no report"},
		"/reports/" + id:                             {404, ""},
		"/":                                          {200, `<a href="/reports/` + id + `/6.1">T&#43;30m</a>`},
		"/reports/cut-20250101T000000Z-aaaaaaaa/end": {200, "the old one"},
		"/api/v1/report?cutover=cut-20250101T000000Z-aaaaaaaa&item=end": {409, "the state holds the numbers of the last cutover only"},
	} {
		response, body := send(t, server, sent{"GET", path, with(kimToken), ""})
		if response.StatusCode != want.status || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d %s, want %d with %s", path, response.StatusCode, body, want.status, want.text)
		}
		if response.StatusCode == 200 && strings.HasPrefix(path, "/reports/") && !strings.HasPrefix(response.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: no policy", path)
		}
	}
	if response, _ := send(t, server, sent{"GET", "/reports/" + id + "/6.1", nil, ""}); response.StatusCode != 401 {
		t.Errorf("without a token: %d", response.StatusCode)
	}
}
