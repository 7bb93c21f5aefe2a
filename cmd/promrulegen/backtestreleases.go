package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/backtest"
)

// beforeAll is what the first release goes back to: an agent pins what production ran, and the past does not tell what that was.
var beforeAll = release.Pin{Ref: "refs/tags/what-ran-before-it", Commit: "what ran before it", Tree: "what ran before it"}

// deployed are the releases given, in order of T0, each with the one before it as its target. Those after the range are left out, and
// of those before it all but the last, which is what was out when it began.
func (b *backtesting) deployed(s backtest.Span) ([]release.Release, error) {
	var all []release.Release
	for _, text := range b.releases {
		one, err := releaseOf(text)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if b.git != "" {
		tagged, err := taggedReleases(b.git, b.tags)
		if err != nil {
			return nil, fmt.Errorf("read the tags of %s: %w", b.git, err)
		}
		if len(tagged) == 0 {
			return nil, fmt.Errorf("no tag of %s is like %q", b.git, b.tags)
		}
		all = append(all, tagged...)
	}
	slices.SortStableFunc(all, func(a, b release.Release) int { return a.T0.Compare(b.T0) })
	target := beforeAll
	for i := range all {
		own := all[i].Target
		all[i].Target, all[i].By = target, "backtest"
		target = own
	}
	return within(all, s), nil
}

func within(all []release.Release, s backtest.Span) []release.Release {
	all = slices.DeleteFunc(all, func(r release.Release) bool { return r.T0.After(s.To) })
	for len(all) > 1 && !all[1].T0.After(s.From) {
		all = all[1:]
	}
	return all
}

// releaseOf reads T0=TIME,sha=COMMIT[,tag=NAME]. Its Target is itself as a pin, for the release that follows.
func releaseOf(text string) (release.Release, error) {
	fields := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok || !slices.Contains([]string{"T0", "sha", "tag"}, name) || fields[name] != "" {
			return release.Release{}, fmt.Errorf("--release %q: %q is none of T0=TIME, sha=COMMIT and tag=NAME", text, part)
		}
		fields[name] = value
	}
	t0, err := time.Parse(time.RFC3339, fields["T0"])
	if err != nil {
		return release.Release{}, fmt.Errorf("--release %q: T0 is a time such as 2026-11-02T10:00:00Z", text)
	}
	sha := fields["sha"]
	if len(sha) < 7 || len(sha) > 40 || strings.Trim(sha, "0123456789abcdef") != "" {
		return release.Release{}, fmt.Errorf("--release %q: sha is a commit, 7 to 40 hexadecimal digits", text)
	}
	name := fields["tag"]
	if name == "" {
		name = sha
	}
	return pinned(release.Release{Commit: sha, Tree: "tree of " + sha, T0: t0.UTC()}, name), nil
}

func pinned(r release.Release, name string) release.Release {
	r.Target = release.Pin{Ref: "refs/tags/" + name, Object: r.Commit, Commit: r.Commit, Tree: r.Tree, At: r.T0}
	return r
}
