package gitrepo

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// concealment takes what we sent to prove who we are out of what the server says: a hook, a proxy or an error page may echo it. It is made anew
// for each request, of what that request carried. Its zero value takes out nothing.
type concealment struct {
	secrets []string
	redact  func(string) string // takes out what others have given to the same server; nil takes out nothing
}

const (
	shortest = 4 // of anything shorter, what is left of the text would tell it
	trace    = 8 // characters at the end of a text that was cut, as the beginning of a secret
)

// conceal knows every form in which a password may come back: alone, as the header had it, and quoted.
func conceal(user, password string) concealment {
	var c concealment
	for _, s := range []string{password, base64.StdEncoding.EncodeToString([]byte(user + ":" + password))} {
		quoted := strconv.Quote(s)
		for _, form := range []string{s, quoted[1 : len(quoted)-1]} {
			if len(form) >= shortest {
				c.secrets = append(c.secrets, form)
			}
		}
	}
	slices.SortFunc(c.secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return c
}

// text is a text without them; nor does it end in the beginning of one, where it was cut.
func (c concealment) text(s string) string {
	if c.redact != nil {
		s = c.redact(s)
	}
	for _, secret := range c.secrets {
		s = strings.ReplaceAll(s, secret, "***")
	}
	for _, secret := range c.secrets {
		for n := len(secret) - 1; n >= trace; n-- {
			if strings.HasSuffix(s, secret[:n]) {
				return s[:len(s)-n] + "***"
			}
		}
	}
	return s
}

// err is an error whose text is without them.
func (c concealment) err(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if clean := c.text(text); clean != text {
		return &concealed{clean, err}
	}
	return err
}

// concealed is an error with another text. What it wraps is for errors.Is and As: its text is never shown.
type concealed struct {
	text  string
	cause error
}

// Error is the text without secrets.
func (c *concealed) Error() string { return c.text }

// Unwrap keeps the kind.
func (c *concealed) Unwrap() error { return c.cause }
