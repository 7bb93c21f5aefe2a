package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhoMayHoldAFile(t *testing.T) {
	service := holder{user: 990, group: 990, groups: []uint32{990, 65532}}
	member := holder{user: 1000, group: 100} // of a group that many are in
	root := holder{}
	for name, c := range map[string]struct {
		who            holder
		what           custody
		open, readable string
	}{
		"root's, the agent's group reads":         {service, custody{user: 0, group: 990, mode: 0o640}, "", ""},
		"a pod's secret: fsGroup reads":           {service, custody{user: 0, group: 65532, mode: 0o440}, "", ""},
		"the agent's own":                         {service, custody{user: 990, group: 990, mode: 0o600}, "", ""},
		"open to a user's own group, as by umask": {service, custody{user: 990, group: 990, mode: 0o660}, "", ""},
		"another user's":                          {service, custody{user: 1001, group: 990, mode: 0o600}, "belongs to user 1001", ""},
		"written by everybody":                    {service, custody{user: 0, group: 0, mode: 0o602}, "can be written by others (mode 0602)", ""},
		"written by root's group":                 {service, custody{user: 0, group: 0, mode: 0o620}, "can be written by others (mode 0620)", ""},
		"written by a group of many":              {member, custody{user: 1000, group: 100, mode: 0o664}, "can be written by others", "open to everybody"},
		"read by everybody":                       {service, custody{user: 0, group: 990, mode: 0o644}, "", "open to everybody (mode 0644)"},
		"read by a group that we are not in":      {service, custody{user: 0, group: 50, mode: 0o640}, "", "read by group 50"},
		"root looks for whom it will be":          {root, custody{user: 0, group: 990, mode: 0o640}, "", ""},
		"root, and a user's":                      {root, custody{user: 990, group: 990, mode: 0o600}, "belongs to user 990", ""},
	} {
		for _, got := range []struct {
			ask  func(custody) (string, string)
			want string
		}{{c.who.open, c.open}, {c.who.readable, c.readable}} {
			problem, fix := got.ask(c.what)
			if (problem == "") != (got.want == "") || !strings.Contains(problem, got.want) || (fix == "") != (problem == "") {
				t.Errorf("%s: %q (%q), want %q", name, problem, fix, got.want)
			}
		}
	}
}

func TestAFolderInWhichOthersCanExchangeAFileIsRefused(t *testing.T) {
	h := holder{user: 990, group: 990}
	for name, c := range map[string]struct {
		what custody
		want bool
	}{
		"closed":                   {custody{mode: fs.ModeDir | 0o755}, true},
		"as /tmp":                  {custody{mode: fs.ModeDir | fs.ModeSticky | 0o777}, true},
		"sticky, and a stranger's": {custody{user: 1001, mode: fs.ModeDir | fs.ModeSticky | 0o777}, false},
		"open":                     {custody{mode: fs.ModeDir | 0o777}, false},
		"a stranger's":             {custody{user: 1001, mode: fs.ModeDir | 0o755}, false},
	} {
		if problem, _ := h.openFolder(c.what, c.what.device); (problem == "") != c.want {
			t.Errorf("%s: %q", name, problem)
		}
	}
}

// TestWhatOthersCanExchangeIsNotRead sets modes of real files; each is refused with what to type.
func TestWhatOthersCanExchangeIsNotRead(t *testing.T) {
	for _, c := range []struct {
		name, path string
		mode       fs.FileMode
		hint       string
	}{
		{"the file", "etc/agent.yaml", 0o666, "chmod go-w etc/agent.yaml"},
		{"its folder", "etc", fs.ModeDir | 0o777, "chmod go-w etc"},
		{"a folder above", "", fs.ModeDir | 0o777, "chmod go-w "},
		{"a folder of what it is a link to", "data", fs.ModeDir | 0o777, "chmod go-w data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			top := filepath.Join(t.TempDir(), "top")
			if err := os.MkdirAll(filepath.Join(top, "etc"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(top, "data"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(top, "data", "agent.yaml"), []byte("version: 1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("../data/agent.yaml", filepath.Join(top, "etc", "agent.yaml")); err != nil { // as Kubernetes mounts it
				t.Fatal(err)
			}
			if _, list := Load(filepath.Join(top, "etc", "agent.yaml")); strings.Contains(list.Error(), "written") {
				t.Fatal(list)
			}
			if err := os.Chmod(filepath.Join(top, c.path), c.mode); err != nil {
				t.Fatal(err)
			}
			_, list := Load(filepath.Join(top, "etc", "agent.yaml"))
			if len(list) != 1 || !strings.Contains(list[0].Message, "can be written by others (mode 0") ||
				strings.ReplaceAll(list[0].Hint+"/", top+"/", "") != strings.TrimSuffix(c.hint, "/")+"/" && c.path != "" {
				t.Errorf("%+v", list)
			}
		})
	}
}
