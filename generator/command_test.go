package generator

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lines are commands that need no shell. What they mean is what a shell takes them to mean.
var lines = []string{
	`bash scripts/release_preflight.sh`,
	`A=hard B_2=1 bash scripts/x.sh`,
	`rg -n "todo!\\(|unimplemented!\\(" crates`,
	`rg -n "TODO" crates --glob '!**/tests/fixtures/**'`,
	`printf 'it'"'"'s' "a \"b\" \c" d\ e f\'g`,
	`x '' "" a=b 'A'=c`,
	`rg "fn\(a\)" src`,
	`A='x y' B="p\\q" cmd --flag="v w" tab	end`,
	`echo 안녕 "두 단어"`,
}

func TestSplitCommandAgreesWithTheShell(t *testing.T) {
	for _, line := range lines {
		t.Run(line, func(t *testing.T) {
			c, err := splitCommand(line)
			if err != nil {
				t.Fatalf("%+v", err)
			}
			if diff := cmp.Diff(shellWords(t, line), c.argv); diff != "" {
				t.Errorf("words (-shell +ours):\n%s", diff)
			}
			for name, value := range c.env {
				if got := shellValue(t, line, name); got != value {
					t.Errorf("%s is %q, to the shell %q", name, value, got)
				}
			}
		})
	}
}

// shellWords has a shell split the line, the command being a function that prints its words.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	return strings.Split(strings.TrimSuffix(shell(t, line, `printf '%s\0' "$command" "$@"`), "\x00"), "\x00")
}

func shellValue(t *testing.T, line, name string) string {
	t.Helper()
	return shell(t, line, `printf %s "$`+name+`"`)
}

func shell(t *testing.T, line, body string) string {
	t.Helper()
	var functions strings.Builder
	for _, name := range []string{"bash", "rg", "printf_", "x", "cmd", "echo"} {
		functions.WriteString(name + "() { command=" + name + "; show \"$@\"; }\n")
	}
	if name := strings.Fields(line)[0]; name == "printf" { // it is what we print with
		line = "printf_" + strings.TrimPrefix(line, "printf")
		body = strings.ReplaceAll(body, `"$command"`, "printf")
	}
	out, err := exec.Command("bash", "-c", "show() { "+body+"; }\n"+functions.String()+line).Output()
	if err != nil {
		t.Fatalf("bash: %v", err)
	}
	return string(out)
}

func TestSplitCommandRefusesWhatOnlyAShellUnderstands(t *testing.T) {
	for line, offset := range map[string]int{
		"a | b":       2,
		"a && b":      2,
		"a > f":       2,
		"a $HOME":     2,
		`a "$HOME"`:   3,
		"a `b`":       2,
		"a *.go":      2,
		"a {b,c}":     2,
		"cd x; a":     4,
		"a ~/b":       2,
		`a "b`:        2,
		"a 'b":        2,
		`가 "나" 'b`:    6,
		`a \`:         2,
		"":            0,
		"A=1":         0,
		"a # comment": 2,
	} {
		c, err := splitCommand(line)
		if err == nil {
			t.Errorf("%q: taken as %q", line, c.argv)
			continue
		}
		if err.offset != offset {
			t.Errorf("%q: blamed at %d, want %d", line, err.offset, offset)
		}
	}
}
