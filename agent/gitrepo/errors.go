package gitrepo

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Kind says why an operation did not succeed. A Kind is itself an error, so a
// caller asks errors.Is(err, gitrepo.ErrTagMoved), or maps [KindOf] once.
type Kind string

// Error is the kind's text.
func (k Kind) Error() string { return string(k) }

// Every kind of error this package returns. Invalid input, an unreadable
// credentials file and the like carry no kind.
const (
	ErrAuth        Kind = "the remote refused the credentials"                 // HTTP 401, 403; ssh: none of the keys
	ErrIdentity    Kind = "the remote cannot show that it is who it should be" // TLS certificate, ssh host key
	ErrNotFound    Kind = "no repository at this address"                      // HTTP 404, 410
	ErrUnavailable Kind = "the remote did not answer"                          // network, timeout, HTTP 429, 5xx and other statuses
	ErrRedirected  Kind = "the remote redirected"                              // any 3xx: never followed, credentials stay here
	ErrNotGit      Kind = "the answer is not git's"                            // an empty 200, a login page, a proxy
	ErrEnded       Kind = "the remote's git ended without a whole answer"      // over ssh: its words follow
	ErrContradicts Kind = "the remote's report and its refs contradict each other"
	ErrNoV2        Kind = "the remote does not speak git protocol version 2" // and cannot do what is asked without
	ErrSHA256      Kind = "the repository uses sha256 object ids"
	ErrNoAtomic    Kind = "the remote cannot update two refs atomically" // and several agents share a ledger: see [Remote.Begin]
	ErrTooLarge    Kind = "the answer is too large"
	ErrBadPack     Kind = "the remote sent a bad pack" // malformed, or not the object asked for
	ErrRefused     Kind = "the remote refused"         // a hook, a policy, upload-pack's ERR line
	ErrNoRef       Kind = "no such branch"
	ErrNoCommit    Kind = "no such commit" // unknown to the remote, or not a commit
	ErrTagMissing  Kind = "the tag is gone"
	ErrTagMoved    Kind = "the tag moved"                      // other object than pinned
	ErrTagMismatch Kind = "the tag object contradicts its ref" // other name or target, nested, not a commit
	ErrExists      Kind = "the ref exists already"
	ErrInvalid     Kind = "not a valid name" // of a branch, tag, environment or object: nothing was asked of the remote
	ErrUnsigned    Kind = "the tag is not signed"
	ErrSignature   Kind = "the tag's signature is not good"              // bad, or of nobody allowed to sign
	ErrForbidden   Kind = "the tag is one that must not be gone back to" // see [Floor]
	ErrBadTree     Kind = "the tree is not as git makes them"
	ErrPath        Kind = "the path cannot be restored" // leads through a file, link or submodule, or holds nothing on either side
	ErrFenced      Kind = "another agent's term has begun on the remote"
	ErrLocked      Kind = "another lock record stands" // other than the one given
)

// KindOf is the first Kind in err's chain, or "" when it has none.
func KindOf(err error) Kind {
	var k Kind
	errors.As(err, &k)
	return k
}

// StatusError is an HTTP status with no better kind; it is an [ErrUnavailable].
type StatusError struct {
	Code       int           // HTTP status code
	RetryAfter time.Duration // from Retry-After in seconds; zero when absent
}

// Error names the status; the body is left out, it is rarely meant for us.
func (e *StatusError) Error() string {
	return fmt.Sprintf("HTTP %d %s", e.Code, http.StatusText(e.Code))
}

// Unwrap makes every StatusError an ErrUnavailable.
func (e *StatusError) Unwrap() error { return ErrUnavailable }

// maxText bounds what is kept of a remote's text. A hook may print megabytes.
const maxText = 2000

// ansi matches terminal escape sequences (ECMA-48 CSI and OSC): a hook's text
// ends up in pages and terminals, where it must not move the cursor or the title.
var ansi = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)?)")

// printable makes a remote's text safe to show: valid UTF-8, no control
// characters but newline, at most maxText bytes.
func printable(s string) string {
	s = ansi.ReplaceAllString(strings.ToValidUTF8(s, "?"), "")
	s = strings.Map(func(c rune) rune {
		if c == '\n' || !unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return c
		}
		return -1
	}, s)
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return strings.TrimSpace(s)
}
