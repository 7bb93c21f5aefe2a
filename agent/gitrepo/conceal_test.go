package gitrepo_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

// TestWhatTheServerEchoesOfOurCredentialsIsNotTold: a hook, a proxy or an error page has them from the request.
func TestWhatTheServerEchoesOfOurCredentialsIsNotTold(t *testing.T) {
	const password = `pa55-"word\of-the-agent`
	header := base64.StdEncoding.EncodeToString([]byte("agent:" + password))
	echo := "you are agent:" + password + ", you sent " + header
	line := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	answer := func(kind, body string) gittest.Fault {
		return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write([]byte(body))
		}
	}
	const result = "application/x-git-receive-pack-result"
	status := line("unpack "+echo+"\n") + line("ng refs/heads/main "+echo+"\n") + "0000"
	for name, fault := range map[string]gittest.Fault{
		"a content type":     answer("text/"+header, ""),
		"a line of an error": answer(result, line("ERR "+echo)),
		"no line of git's":   answer(result, header),
		"a redirect":         gittest.Redirect("http://127.0.0.1:1/login/" + header + "/of/" + password),
		"a report":           answer(result, line("\x01"+status)+line("\x02"+echo+"\n")+"0000"),
		"a text that is cut": answer(result, line("ERR "+strings.Repeat("x", 2000-12)+password)),
	} {
		g := newRig(t)
		p := g.rollback(t, nil)
		path := filepath.Join(t.TempDir(), "credentials")
		write(t, path, "agent:"+password+"\n")
		between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // it asks nobody who he is
			if strings.Contains(r.URL.Path+r.URL.RawQuery, gittest.Push) {
				fault(w, r, g.Server)
				return
			}
			r.Header.Del("Authorization")
			g.ServeHTTP(w, r)
		}))
		t.Cleanup(between.Close)
		out, err := openWith(t, gitrepo.Config{URL: between.URL + "/repo.git", CredentialsFile: path}).Push(context.Background(), p)
		told := fmt.Sprintf("%s %v %q %+v", out.Text, err, out.Text, err)
		for _, secret := range []string{password, fmt.Sprintf("%q", password), header, password[:9], header[:9]} {
			if strings.Contains(told, strings.Trim(secret, `"`)) {
				t.Errorf("%s: %s is told: %.300s", name, secret, told)
			}
		}
		if !strings.Contains(told, "***") && name != "no line of git's" {
			t.Errorf("%s: nothing was taken out of %.300s", name, told)
		}
		if err != nil && name == "a redirect" && gitrepo.KindOf(err) != gitrepo.ErrRedirected {
			t.Errorf("%s: kind %q", name, gitrepo.KindOf(err))
		}
	}
}
