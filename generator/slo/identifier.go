package slo

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

// Identifier joins parts into a name for systems that take only lower-case letters, digits and hyphens: a DNS label (RFC 1123), as
// Kubernetes has it, or a Grafana uid. It is readable where it can be (checkout--production), and different for different parts: a
// part has no double hyphen, and what the alphabet or the limit (at least 16 characters) takes away is made up for by a hash.
func Identifier(limit int, parts ...string) string {
	name := strings.Join(parts, "--")
	if len(name) <= limit && !slices.ContainsFunc(parts, unclean) {
		return name
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	hash := hex.EncodeToString(sum[:5])
	slug := strings.Trim(foreign.ReplaceAllString(strings.ToLower(name), "-"), "-")
	slug = slug[:min(len(slug), limit-len(hash)-1)]
	return strings.TrimLeft(strings.TrimRight(slug, "-")+"-"+hash, "-")
}

var (
	foreign = regexp.MustCompile(`[^a-z0-9]+`)
	clean   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

func unclean(part string) bool { return !clean.MatchString(part) }
