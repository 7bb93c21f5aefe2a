package cmd_test

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// Sizes above which a reader loses the thread. CONTRIBUTING.md states them.
const (
	maxFile       = 400 // lines
	maxMain       = 60  // lines of a main.go
	maxFunction   = 80
	p90Function   = 45
	maxMedian     = 12
	maxParams     = 5
	maxInterfaces = 6 // in all
	maxMethods    = 3 // of an interface
)

func TestFilesStayReadable(t *testing.T) {
	for _, s := range sources(t) {
		limit := maxFile
		if path.Base(s.path) == "main.go" {
			limit = maxMain
		}
		if n := strings.Count(s.text, "\n"); n > limit {
			t.Errorf("%s: %d lines, more than %d", s.path, n, limit)
		}
	}
}

func TestFunctionsStayReadable(t *testing.T) {
	var lengths []int
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := s.files.Position(f.End()).Line - s.files.Position(f.Pos()).Line + 1
			lengths = append(lengths, n)
			if n > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", s.line(f.Pos()), f.Name.Name, n, maxFunction)
			}
			if p := f.Type.Params.NumFields(); p > maxParams {
				t.Errorf("%s: %s takes %d parameters, more than %d", s.line(f.Pos()), f.Name.Name, p, maxParams)
			}
		}
	}
	slices.Sort(lengths)
	if m := lengths[len(lengths)/2]; m > maxMedian {
		t.Errorf("the median function has %d lines, more than %d", m, maxMedian)
	}
	if p := lengths[len(lengths)*9/10]; p > p90Function {
		t.Errorf("a tenth of all functions has %d lines and more, more than %d", p, p90Function)
	}
}

func TestInterfacesAreFewAndSmall(t *testing.T) {
	var found []string
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			i, ok := spec.Type.(*ast.InterfaceType)
			if !ok {
				return true
			}
			found = append(found, s.line(spec.Pos())+" "+spec.Name.Name)
			if m := i.Methods.NumFields(); m > maxMethods {
				t.Errorf("%s: %s has %d methods, more than %d", s.line(spec.Pos()), spec.Name.Name, m, maxMethods)
			}
			return true
		})
	}
	if len(found) > maxInterfaces {
		t.Errorf("%d interfaces, more than %d:\n%s", len(found), maxInterfaces, strings.Join(found, "\n"))
	}
}

func TestExportedNamesAreExplained(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			for _, name := range unexplained(d) {
				t.Errorf("%s: %s has no doc comment", s.line(name.Pos()), name.Name)
			}
		}
	}
}

// unexplained lists the exported names of a declaration without a comment of their own or of their group.
func unexplained(d ast.Decl) []*ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Doc == nil {
			return unexplainedSpecs(d.Specs)
		}
	}
	return nil
}

func unexplainedSpecs(specs []ast.Spec) []*ast.Ident {
	var names []*ast.Ident
	for _, spec := range specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Doc == nil {
				names = append(names, spec.Name)
			}
		case *ast.ValueSpec:
			if spec.Doc == nil && spec.Comment == nil {
				names = append(names, spec.Names...)
			}
		}
	}
	return slices.DeleteFunc(names, func(n *ast.Ident) bool { return !n.IsExported() })
}
