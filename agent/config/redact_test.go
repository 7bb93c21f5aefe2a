package config_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/config"
)

func TestEverySecretIsTakenOutInEveryForm(t *testing.T) {
	line := strings.Repeat("b3BlbnNzaC1rZXktdjE", 3)
	c := config.Config{Storage: config.Storage{DSN: `postgres://agent:p%40ss-of-the-db@db.example.org/rollback`}}
	c.Web.Tokens = []config.Token{{Secrets: []config.Secret{`a-token-with-a-"quote"`, "the-old-token-of-the-same"}}}
	c.Environments = []config.Environment{{Announce: config.Announce{Webhook: "https://chat.example.org/services/T0/B0/the-secret-part"}, Git: config.Git{
		Credentials: "agent:the-password-for-git", SigningKey: config.Secret("-----BEGIN OPENSSH PRIVATE KEY-----\n" + line + "\n-----END OPENSSH PRIVATE KEY-----\n"),
		Transport: config.Transport{Key: config.Secret("-----BEGIN EC PRIVATE KEY-----\r\n" + line + "push\r\n-----END EC PRIVATE KEY-----\r\n")},
		Read:      config.ReadAccess{Credentials: "a-token-to-read-with", Key: config.Secret(line + "read\n")}}}}
	for _, secret := range []string{
		"postgres://agent:p%40ss-of-the-db@db.example.org/rollback", "p%40ss-of-the-db", "p@ss-of-the-db", `a-token-with-a-"quote"`, `a-token-with-a-\"quote\"`,
		"the-old-token-of-the-same", "https://chat.example.org/services/T0/B0/the-secret-part", "/services/T0/B0/the-secret-part", "agent:the-password-for-git",
		"the-password-for-git", base64.StdEncoding.EncodeToString([]byte("agent:the-password-for-git")), "a-token-to-read-with",
		base64.StdEncoding.EncodeToString([]byte("x-access-token:a-token-to-read-with")), line, line + "read", line + "push",
	} {
		if got := c.Redact("before " + secret + " after"); got != "before *** after" {
			t.Errorf("%s: %s", secret, got)
		}
	}
	for dsn, secret := range map[config.Secret]string{"host=db user=agent password=hunter2 dbname=x": "hunter2", "host=db password = 'two words'": "two words"} {
		if got := (config.Config{Storage: config.Storage{DSN: dsn}}).Redact("no: " + secret); got != "no: ***" {
			t.Errorf("%s: %s", secret, got)
		}
	}
	if got := (config.Config{}).Redact("nothing is secret"); got != "nothing is secret" {
		t.Error(got)
	}
}

// TestTheKeysThatReachTheRemoteAreTakenOut: they are read again for every connection, and what was in the files when they were loaded is known.
func TestTheKeysThatReachTheRemoteAreTakenOut(t *testing.T) {
	line := strings.Repeat("b3BlbnNzaC1rZXktdjE", 3)
	for _, git := range []string{
		"{url: https://example.org/x.git, branch: b, tls: {certificate_file: cert, key_file: key}}",
		"{url: 'ssh://git@example.org/x.git', branch: b, ssh: {key_file: key, known_hosts_file: hosts}}",
	} {
		dir := folder(t, replaced(t, minimal, anyRemote, "git: "+git), nil)
		keys(t, dir)
		if err := os.WriteFile(filepath.Join(dir, "key"), []byte("-----BEGIN PRIVATE KEY-----\n"+line+"\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := load(t, dir).Redact("a gate says " + line); got != "a gate says ***" {
			t.Errorf("%s: %s", git, got)
		}
	}
}
