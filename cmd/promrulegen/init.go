package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"github.com/coclai/cutover/generator"
)

// errExists means that a draft would overwrite somebody's work.
var errExists = errors.New("is there already, and is not overwritten")

// draft is the init command with its arguments.
type draft struct {
	*settings
	document string
	files    []string
}

func (s *settings) drafting(app *kingpin.Application) (*draft, string) {
	d := &draft{settings: s}
	c := app.Command("init", "Draft the bindings of a runbook: a commented promrulegen.yaml to fill in.").
		HelpLong("  promrulegen init RUNBOOK.md                 writes promrulegen.yaml here, or the file that --config names\n" +
			"  promrulegen init RUNBOOK.md -               prints it\n\n" +
			"What only a person knows is CHANGE_ME, which generate refuses. A file that is there is never overwritten.")
	c.Arg("document", "The runbook.").Required().StringVar(&d.document)
	c.Arg("file", "The file to write; - prints.").StringsVar(&d.files)
	return d, c.FullCommand()
}

func (d *draft) run(env streams) error {
	path, printing := d.path()
	content, problems, err := generator.Draft(d.document, path)
	if err != nil {
		return err
	}
	problems.Render(env.err)
	if printing {
		_, err := env.out.Write(content)
		return err
	}
	if err := create(path, content); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "wrote %s: fill in every CHANGE_ME, then run `promrulegen generate --config %s`\n", path, path)
	return nil
}

// path is where the draft belongs, and whether it is printed instead: kingpin hands - over as an empty argument.
func (d *draft) path() (path string, printing bool) {
	if len(d.files) == 0 {
		return d.options().Config, false
	}
	if last := d.files[len(d.files)-1]; last != "" {
		return last, false
	}
	return d.options().Config, true
}

// create writes a file that must not be there yet. A crash in between leaves a part of a draft, which is nobody's work.
func create(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s %w", path, errExists)
	}
	if err != nil {
		return fmt.Errorf("write the draft: %w", err)
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
