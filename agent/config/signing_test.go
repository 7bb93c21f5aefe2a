package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/config"
)

func TestWhatIsPutBackAndWhoSigns(t *testing.T) {
	content := strings.NewReplacer("paths: []", "paths: [services/checkout/, web]", "signing_key_file: ''", "signing_key_file: agent.key",
		"stable_tags: {signers_file: ''}", "stable_tags: {signers_file: signers, openpgp_keyring_file: ring, refuse: [stable-1], not_before: 2026-03-01}\n      marker_tags: true").Replace(full)
	dir := folder(t, content, nil)
	for name, mode := range map[string]os.FileMode{"agent.key": 0o600, "signers": 0o644, "ring": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("keys of "+name), mode); err != nil {
			t.Fatal(err)
		}
	}
	c, list := config.Load(filepath.Join(dir, "agent.yaml"))
	if len(list) > 0 {
		t.Fatal(list)
	}
	git := c.Environments[0].Git
	if diff := cmp.Diff([]string{"services/checkout", "web"}, git.Paths); diff != "" {
		t.Error(diff)
	}
	if string(git.SigningKey) != "keys of agent.key" || string(git.StableTags.Signers) != "keys of signers" || string(git.StableTags.Keyring) != "keys of ring" || !git.MarkerTags {
		t.Errorf("%+v", git)
	}
	if tags := git.StableTags; len(tags.Refuse) != 1 || tags.Refuse[0] != "stable-1" || !tags.Floor.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", tags)
	}
	if masked := string(c.Masked()); strings.Contains(masked, "keys of") || !strings.Contains(masked, "agent.key") {
		t.Errorf("shown:\n%s", masked)
	}
	for name, mode := range map[string]os.FileMode{"agent.key": 0o644, "signers": 0o666} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	want := "agent.yaml:21:25: agent.key is open to everybody (mode 0644)\nagent.yaml:22:35: signers can be written by others (mode 0666)"
	if diff := cmp.Diff(want, problems(dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
