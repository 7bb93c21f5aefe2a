package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Signers are those whose signature makes a tag a target of a rollback. A Remote that has them takes no unsigned tag.
type Signers struct {
	ssh     []allowedSigner
	openpgp openpgp.EntityList
}

// allowedSigner is one line of an allowed signers file (ssh-keygen(1)).
type allowedSigner struct {
	principals    string
	namespaces    []string // patterns; empty: any
	after, before time.Time
	key           ssh.PublicKey
}

// ReadSigners reads the contents of an allowed signers file (as of git's gpg.ssh.allowedSignersFile) and of an OpenPGP keyring, armored
// or not; either may be nil. What it does not understand it refuses: half of a policy is none.
func ReadSigners(allowed, keyring []byte) (*Signers, error) {
	s := &Signers{}
	n := 0
	for line := range strings.Lines(string(allowed)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		signer, err := parseSigner(line)
		if err != nil {
			return nil, fmt.Errorf("allowed signers, line %d: %w", n, err)
		}
		s.ssh = append(s.ssh, signer)
	}
	if keyring != nil {
		var err error
		if s.openpgp, err = readKeyring(keyring); err != nil {
			return nil, fmt.Errorf("OpenPGP keyring: %w", err)
		}
	}
	if len(s.ssh)+len(s.openpgp) == 0 {
		return nil, errors.New("it names no signer")
	}
	return s, nil
}

func parseSigner(line string) (allowedSigner, error) {
	principals, rest, found := strings.Cut(strings.Replace(line, "\t", " ", 1), " ")
	if strings.HasPrefix(line, `"`) {
		principals, rest, found = strings.Cut(line[1:], `"`)
	}
	if !found || principals == "" {
		return allowedSigner{}, errors.New("want: principals [options] key-type key")
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(rest)))
	if err != nil {
		return allowedSigner{}, err
	}
	s := allowedSigner{principals: printable(principals), key: key}
	for _, o := range options {
		if err := s.option(o); err != nil {
			return allowedSigner{}, err
		}
	}
	return s, nil
}

func (s *allowedSigner) option(text string) (err error) {
	name, value, _ := strings.Cut(text, "=")
	value = strings.Trim(value, `"`)
	switch strings.ToLower(name) {
	case "namespaces":
		s.namespaces = strings.Split(value, ",")
		if strings.ContainsAny(value, `![\`) {
			err = fmt.Errorf("namespaces %q: only * and ? are understood", value)
		}
	case "valid-after":
		s.after, err = signerTime(value)
	case "valid-before":
		s.before, err = signerTime(value)
	default:
		err = fmt.Errorf("option %q is not understood", name)
	}
	return err
}

// signerTime reads ssh-keygen's dates: YYYYMMDD[HHMM[SS]], in the system's time zone unless a Z follows.
func signerTime(text string) (time.Time, error) {
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
		if t, err := time.Parse(layout+"Z", text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("date %q: want YYYYMMDD[HHMM[SS]][Z]", text)
}

// check says who signed message. As for git verify-tag, an SSH key must have been valid when the tag was made, by the tag's own date,
// and an OpenPGP key must be valid now.
func (s *Signers) check(message []byte, signature string, made time.Time) (string, error) {
	if !strings.HasPrefix(signature, sshArmor) {
		who, err := checkOpenPGP(s.openpgp, message, signature)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrSignature, err)
		}
		return who, nil
	}
	made = made.Truncate(time.Second)
	key, err := checkSSH(signsGit, message, signature)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSignature, err)
	}
	for _, one := range s.ssh {
		if bytes.Equal(one.key.Marshal(), key.Marshal()) && one.allows(signsGit, made) {
			return "ssh " + one.principals + " " + ssh.FingerprintSHA256(key), nil
		}
	}
	return "", fmt.Errorf("%w: %s is no allowed signer, or was none on %s", ErrSignature, ssh.FingerprintSHA256(key), made.UTC().Format(time.DateOnly))
}

// checkSSH is the key that made the signature; whether it may is another question.
func checkSSH(namespace string, message []byte, signature string) (ssh.PublicKey, error) {
	s, err := sshsig.Unarmor([]byte(signature))
	if err != nil {
		return nil, err
	}
	return s.PublicKey, sshsig.Verify(bytes.NewReader(message), s, s.PublicKey, s.HashAlgorithm, namespace)
}

func (s allowedSigner) allows(namespace string, at time.Time) bool {
	if !s.after.IsZero() && at.Before(s.after) || !s.before.IsZero() && !at.Before(s.before) {
		return false
	}
	return len(s.namespaces) == 0 || slices.ContainsFunc(s.namespaces, func(pattern string) bool {
		ok, err := path.Match(pattern, namespace)
		return ok && err == nil
	})
}
