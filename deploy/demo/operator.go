package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// operator uses rollback-agent's commands and its API, as CI or as a person.
type operator struct {
	program, folder string
	agent           address
	token           string // of the person, for the API
	line            *timeline
}

// as runs a command of rollback-agent with somebody's token, and shows it with its answer.
func (o operator) as(ctx context.Context, who string, args ...string) error {
	return o.gist(ctx, who, whole, args...)
}

// gist shows of the answer what matters.
func (o operator) gist(ctx context.Context, who string, of gist, args ...string) error {
	answer, err := o.quietly(ctx, who, args...)
	if err != nil && !isNo(err) {
		of = whole
	}
	o.line.quote(who, "rollback-agent "+quoted(args), of(answer))
	return err
}

// quietly runs a command of rollback-agent with somebody's token.
func (o operator) quietly(ctx context.Context, who string, args ...string) (answer string, err error) {
	env := []string{"ROLLBACK_AGENT_URL=" + o.agent.url(), "ROLLBACK_AGENT_TOKEN_FILE=" + filepath.Join(o.folder, who+".token")}
	return command(ctx, o.folder, env, append([]string{o.program}, args...)...)
}

// refused runs a command that must say no: exit status 1, neither 0 nor 2.
func (o operator) refused(ctx context.Context, who string, args ...string) error {
	err := o.gist(ctx, who, first, args...)
	if isNo(err) {
		return nil
	}
	return fmt.Errorf("rollback-agent %s should have said no with exit status 1: %v", quoted(args), err)
}

// isNo says whether a command ended with exit status 1.
func isNo(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	return ok && exit.ExitCode() == 1
}

// cutover is the last one, as the agent tells it.
func (o operator) cutover(ctx context.Context) (*release.Cutover, error) {
	answer, err := o.quietly(ctx, "kim", "cutover", "status", "--output", "json")
	if err != nil {
		return nil, err
	}
	var told struct {
		Cutover *release.Cutover `json:"cutover"`
	}
	err = json.Unmarshal([]byte(answer), &told)
	if err == nil && told.Cutover == nil {
		err = fmt.Errorf("the agent tells of no cutover: %s", answer)
	}
	return told.Cutover, err
}

// history is the whole ledger, newest first.
func (o operator) history(ctx context.Context) ([]rollback.Entry, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.agent.url()+"/api/v1/history?limit=1000", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+o.token)
	var answer struct {
		Entries []rollback.Entry `json:"entries"`
	}
	return answer.Entries, askJSON(request, &answer)
}

// await waits for the oldest entry of a kind that is wanted, and reads its body.
func await[Body any](ctx context.Context, o operator, kind rollback.Kind, wanted func(Body) bool) (entry rollback.Entry, body Body, err error) {
	err = until(ctx, "an entry "+string(kind)+" in the agent's history", func() (bool, error) {
		entries, err := o.history(ctx)
		if err != nil {
			return false, err
		}
		for n := len(entries) - 1; n >= 0; n-- {
			var b Body
			if entry = entries[n]; entry.Kind != kind {
				continue
			}
			if err := json.Unmarshal(entry.Body, &b); err != nil {
				return false, fmt.Errorf("read entry %d: %w", entry.Seq, err)
			}
			if wanted(b) {
				body = b
				return true, nil
			}
		}
		return false, nil
	})
	return entry, body, err
}

// quoted is a command line as it would be typed.
func quoted(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		if strings.ContainsAny(a, " ;") {
			words[i] = "'" + a + "'"
		}
	}
	return strings.Join(words, " ")
}
