package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/coclai/cutover/agent/rollback"
)

// sees says whether an environment is the token's business: each is, of a token that is bound to none.
func (t Token) sees(environment string) bool {
	return len(t.Environments) == 0 || slices.Contains(t.Environments, environment)
}

// about is the environment that a request of the token is about; it need not be named by a token that is bound to one.
func (t Token) about(environment string) (string, error) {
	if environment == "" && len(t.Environments) == 1 {
		return t.Environments[0], nil
	}
	if environment == "" && len(t.Environments) > 1 {
		return "", refuse(http.StatusBadRequest, "no environment is named", "one of "+strings.Join(t.Environments, ", "))
	}
	if !t.sees(environment) {
		return "", refuse(http.StatusForbidden, "token "+t.Name+" is bound to "+strings.Join(t.Environments, ", "),
			"add the environment to its `environments` in the agent's file")
	}
	return environment, nil
}

// unbound refuses what concerns all environments to a token that is bound to some.
func (t Token) unbound() error {
	if len(t.Environments) == 0 {
		return nil
	}
	return refuse(http.StatusForbidden, "token "+t.Name+" is bound to "+strings.Join(t.Environments, ", ")+", and this concerns all environments",
		"use a token without `environments` in the agent's file")
}

// of is the part of the view that is the token's business. Of a body that could not be read nobody knows whose it is.
func (v View) of(t Token) View {
	if len(t.Environments) == 0 {
		return v
	}
	v.State.Environments = maps.Clone(v.State.Environments)
	maps.DeleteFunc(v.State.Environments, func(name string, _ *rollback.Environment) bool { return !t.sees(name) })
	v.State.Quarantined, v.State.Unread = 0, nil
	v.Degraded = slices.DeleteFunc(slices.Clone(v.Degraded), func(line string) bool {
		name, _, _ := strings.Cut(line, ": ")
		return !t.sees(name)
	})
	all := v.Entries
	v.Entries = func(ctx context.Context, environment string, limit int) ([]rollback.Entry, error) {
		return t.entries(ctx, all, environment, limit)
	}
	return v
}

// entries are those of the token's environments, or of the one that is named, newest first.
func (t Token) entries(ctx context.Context, read Entries, environment string, limit int) ([]rollback.Entry, error) {
	if environment != "" {
		if _, err := t.about(environment); err != nil {
			return nil, err
		}
		return read(ctx, environment, limit)
	}
	var found []rollback.Entry
	for _, name := range t.Environments {
		some, err := read(ctx, name, limit)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	slices.SortFunc(found, func(a, b rollback.Entry) int { return int(b.Seq - a.Seq) })
	return found[:min(limit, len(found))], nil
}
