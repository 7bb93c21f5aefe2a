package generator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/coclai/cutover/generator/alertmanager"
	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// Options name the sources.
type Options struct {
	Config  string    // path of promrulegen.yaml
	Runbook string    // path of a runbook to read in place of the one that the file names, "" for that one
	Names   slo.Names // in place of those of the file, "" for these
}

// Sources are the three files that people write, as read.
type Sources struct {
	Document runbook.Document
	Bindings runbook.Bindings
	Base     alertmanager.Base
}

// Parse reads the sources. A file that the bindings name and that is not there is a diagnostic; one that the options name is an error,
// since no line of a source is to blame.
func Parse(o Options) (Sources, diag.List, error) {
	var s Sources
	content, err := os.ReadFile(o.Config)
	if err != nil {
		return Sources{}, nil, fmt.Errorf("read the bindings: %w", err)
	}
	var problems diag.List
	s.Bindings, problems = runbook.ParseBindings(o.Config, content)
	if o.Names != "" {
		s.Bindings.Names = diag.Text{Value: string(o.Names)}
	}
	more, err := s.readDocument(o)
	problems.Add(more...)
	problems.Add(s.readBase(o)...)
	return s, problems, err
}

func (s *Sources) readDocument(o Options) (diag.List, error) {
	path := o.Runbook
	if path == "" {
		path = beside(o.Config, s.Bindings.Runbook.Value)
	}
	if path == "" {
		return nil, nil // Resolve says that the key is missing
	}
	content, err := os.ReadFile(path)
	if err != nil && o.Runbook != "" {
		return nil, fmt.Errorf("read the runbook: %w", err)
	}
	if err != nil {
		return diag.List{s.Bindings.Diagnostic(s.Bindings.Runbook, "cannot read the runbook: "+cause(err),
			"the path is taken from the folder of this file")}, nil
	}
	var problems diag.List
	s.Document, problems = s.Bindings.Vocabulary().Parse(path, content)
	problems.Add(s.Bindings.CheckVocabulary(s.Document)...)
	return problems, nil
}

func (s *Sources) readBase(o Options) diag.List {
	named := s.Bindings.Alertmanager.Base
	if named.Value == "" {
		return nil
	}
	content, err := os.ReadFile(beside(o.Config, named.Value))
	if err != nil {
		return diag.List{s.Bindings.Diagnostic(named, "cannot read the Alertmanager configuration: "+cause(err),
			"the path is taken from the folder of this file")}
	}
	s.Base, err = alertmanager.ReadBase(content)
	if err != nil {
		return diag.List{s.Bindings.Diagnostic(named, err.Error(), "try `amtool check-config "+named.Value+"`")}
	}
	return nil
}

// beside is a path that a file names, seen from where we stand.
func beside(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

// cause is an error without the path, which the diagnostic shows.
func cause(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err.Error()
	}
	return err.Error()
}
