package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed runbook.md promrulegen.yaml templates repository
var files embed.FS

// settings fill the templates in.
type settings struct {
	Folder                                       string
	AgentURL, AgentAddress                       string
	PrometheusURL                                string
	AlertmanagerURL                              string
	AlertmanagerAddress, ShopAddress             string
	GitURL, PagerURL                             string
	AlertmanagerToken, CIToken, Person, Approver string // secrets
	GitLogin                                     string // of the agent: user:password
	Moments                                      moments
}

// writeFiles puts the runbook and every configuration file into the folder, and the secrets, readable by nobody else.
func writeFiles(s settings) error {
	for from, to := range map[string]string{"runbook.md": "runbook.md", "promrulegen.yaml": "promrulegen.yaml",
		"templates/prometheus.yml": "prometheus.yml", "templates/agent.yaml": "agent.yaml"} {
		if err := writeTemplate(from, filepath.Join(s.Folder, to), s); err != nil {
			return err
		}
	}
	for name, secret := range map[string]string{"alertmanager": s.AlertmanagerToken, "ci": s.CIToken, "kim": s.Person, "lee": s.Approver, "git": s.GitLogin} {
		if err := os.WriteFile(filepath.Join(s.Folder, name+".token"), []byte(secret+"\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func writeTemplate(from, to string, s settings) error {
	text, err := files.ReadFile(from)
	if err != nil {
		return err
	}
	t, err := template.New(from).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, s); err != nil {
		return fmt.Errorf("fill in %s: %w", from, err)
	}
	return os.WriteFile(to, out.Bytes(), 0o644)
}

// copyRepository writes the deploy repository's first files. Embedded files have no mode: scripts get theirs back.
func copyRepository(to string) error {
	tree, err := fs.Sub(files, "repository")
	if err != nil {
		return err
	}
	if err := os.CopyFS(to, tree); err != nil {
		return err
	}
	scripts, err := filepath.Glob(filepath.Join(to, "scripts", "*.sh"))
	for _, s := range scripts {
		err = errors.Join(err, os.Chmod(s, 0o755))
	}
	return err
}
