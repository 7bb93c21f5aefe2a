package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestSystemdAcceptsTheUnit asks systemd itself: no unknown directive in the unit nor in what may be added to it, and an exposure of at most 2.0.
func TestSystemdAcceptsTheUnit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("systemd is Linux's")
	}
	unit, err := os.ReadFile("systemd/rollback-agent.service")
	if err != nil {
		t.Fatal(err)
	}
	dropIn, err := os.ReadFile("systemd/gates-as-nobody.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "rollback-agent")
	path := filepath.Join(dir, "rollback-agent.service")
	for name, file := range map[string]struct {
		content string
		mode    os.FileMode
	}{
		program: {"#!/bin/sh\n", 0o755},
		path:    {strings.ReplaceAll(string(unit), "/usr/local/bin/rollback-agent", program), 0o644},
		filepath.Join(dir, "rollback-agent.service.d", "gates-as-nobody.conf"): {string(dropIn), 0o644},
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(file.content), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	if said, err := exec.Command("systemd-analyze", "verify", "--man=no", path).CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, said)
	}
	said, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", "systemd/rollback-agent.service").CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, said)
	}
}
