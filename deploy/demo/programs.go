package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// programs are the paths of everything the story runs.
type programs struct{ promrulegen, agent, prometheus, promtool, alertmanager string }

// moduleRoot is the folder of the go.mod that the demo belongs to.
func moduleRoot(ctx context.Context) (string, error) {
	file, err := command(ctx, ".", nil, "go", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	if file == "" || file == os.DevNull {
		return "", fmt.Errorf("run the demo inside its repository: there is no go.mod here or above")
	}
	return filepath.Dir(file), nil
}

// find looks for a program on PATH and where `make tools` puts it.
func find(root, name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	path := filepath.Join(root, ".tools", "bin", name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is neither on PATH nor in .tools/bin: run `make tools`", name)
	}
	return path, nil
}

// findAll finds what is not built here.
func findAll(root string) (p programs, err error) {
	for name, into := range map[string]*string{"prometheus": &p.prometheus, "promtool": &p.promtool, "alertmanager": &p.alertmanager} {
		if *into, err = find(root, name); err != nil {
			return p, err
		}
	}
	return p, nil
}

// build compiles our two programs into folder.
func (p *programs) build(ctx context.Context, root, folder string) error {
	p.promrulegen, p.agent = filepath.Join(folder, "promrulegen"), filepath.Join(folder, "rollback-agent")
	_, err := command(ctx, root, nil, "go", "build", "-o", folder, "./cmd/promrulegen", "./cmd/rollback-agent")
	return err
}
