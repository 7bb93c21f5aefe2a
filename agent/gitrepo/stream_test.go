package gitrepo

import (
	"io"
	"strings"
	"testing"
)

// endedInput is the input of a command that has read what it wanted and is gone.
type endedInput struct{ io.Writer }

func (endedInput) Close() error { return io.EOF }

// TestACommandThatEndsFirstHasAnswered: git may end at the request's last flush, before its input is closed; what it has said is whole.
func TestACommandThatEndsFirstHasAnswered(t *testing.T) {
	s := &stream{in: endedInput{io.Discard}, out: strings.NewReader("0000" + "0008ok\n\n0000"), said: &complaints{},
		wait: func() error { return nil }, stop: func() {}}
	a, err := s.exchange(request{service: uploadPack, body: []byte("0000"), limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(a)
	if err != nil || string(got) != "0008ok\n\n0000" {
		t.Errorf("%q, %v", got, err)
	}
}
