package deploy_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestGoingBackWithoutTheAgent types what RECOVER.md says for the night on which the agent is down, in a clone of a real repository.
func TestGoingBackWithoutTheAgent(t *testing.T) {
	manual, err := os.ReadFile("RECOVER.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(manual), "## The agent is down")
	_, block, _ := strings.Cut(section, "```\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatal("no commands")
	}
	dir := t.TempDir()
	script := `set -eu
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
git init -q --bare -b production server.git
git clone -q server.git work 2>/dev/null
cd work
git checkout -q -b production
echo good > version; git add version; git commit -qm good; git tag -am stable stable
echo bad > version; git commit -qam bad; bad=$(git rev-parse HEAD)
git push -q origin production stable
` + strings.ReplaceAll(block, "TAG", "stable") + `
git fetch -q origin
[ "$(git rev-parse origin/production^)" = "$bad" ] && [ "$(git rev-parse 'origin/production^{tree}')" = "$(git rev-parse 'stable^{tree}')" ]
`
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}
