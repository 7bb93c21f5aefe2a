package report

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// conventional is a subject as of conventionalcommits.org 1.0: type, scope, a mark for what breaks, description.
var conventional = regexp.MustCompile(`^(feat|fix|perf|refactor|revert|docs|test|tests|build|ci|chore|style|deps|security)(\([^()]{1,60}\))?(!)?: +(.+)$`)

// groups are the headings of the notes, in order, each with the types under it.
var groups = []struct {
	title string
	types []string
}{
	{"Features", []string{"feat"}}, {"Fixes", []string{"fix", "security"}}, {"Performance", []string{"perf"}}, {"Reverted", []string{"revert"}},
	{"Inside", []string{"refactor", "docs", "test", "tests", "build", "ci", "chore", "style", "deps"}}, {"Other changes", []string{""}},
}

const breaks = "What breaks"

// shownCommits is how many commits a group names.
const shownCommits = 60

// notes are the release notes as a draft: what lies between the stable tag and the release, by the log. Merges are folded into what they merged.
func (s Story) notes() []Section {
	l := s.Log
	if l == nil {
		l = &Log{Problem: "it was not asked for"}
	}
	about := Section{Title: "Release notes (draft)", Text: []string{fmt.Sprintf("From %s to %s. It is a draft: a person makes it final, and accepts it with this milestone.", tagged(*l), short(l.To))}}
	if l.Problem != "" {
		about.Text = []string{"The log could not be read: " + cut(l.Problem, 300)}
		about.List = []Line{{text("in a clone:"), coded("git log " + short(l.From) + ".." + short(l.To))}}
		return []Section{about}
	}
	if l.PutBack != "" {
		about.Text = append(about.Text, "Production was put back to it by incident "+cut(l.PutBack, 100)+": what the release that was taken back had brought comes with this one, and is told here.")
	}
	merges := 0
	byGroup, authors := map[string][]Line{}, map[string]int{}
	for _, c := range l.Commits {
		if c.Merge {
			merges++
			continue
		}
		authors[cut(c.Author, 80)]++
		group, said := placed(c)
		byGroup[group] = append(byGroup[group], Line{text(cut(said, 200)), text("– " + cut(c.Author, 80)), coded(short(c.ID))})
	}
	about.Text = append(about.Text, s.extent(*l, merges, authors))
	return append([]Section{about}, grouped(byGroup)...)
}

func tagged(l Log) string {
	if l.Tag == "" {
		return short(l.From)
	}
	return l.Tag + " (" + short(l.From) + ")"
}

// placed is the group of a commit, and what is said of it there.
func placed(c Commit) (group, said string) {
	m := conventional.FindStringSubmatch(c.Subject)
	kind, said, breaking := "", c.Subject, c.Breaking
	if m != nil {
		kind, said, breaking = m[1], m[4], breaking || m[3] == "!"
		if m[2] != "" {
			said = strings.Trim(m[2], "()") + ": " + said
		}
	}
	if breaking {
		return breaks, said
	}
	for _, g := range groups {
		if slices.Contains(g.types, kind) {
			return g.title, said
		}
	}
	return "", said
}

// extent says how much there is, by whom, and what was left out.
func (s Story) extent(l Log, merges int, authors map[string]int) string {
	if len(l.Commits) == 0 {
		return "Nothing lies between the two."
	}
	names := slices.Collect(maps.Keys(authors))
	slices.SortFunc(names, func(a, b string) int {
		if authors[a] != authors[b] {
			return authors[b] - authors[a]
		}
		return strings.Compare(a, b)
	})
	for n, name := range names {
		names[n] = fmt.Sprintf("%s (%d)", name, authors[name])
	}
	if left := len(names) - 20; left > 0 {
		names = append(names[:20], fmt.Sprintf("and %d more", left))
	}
	said := fmt.Sprintf("%s by %s; %s folded.", counted(len(l.Commits)-merges, "commit"), strings.Join(names, ", "), counted(merges, "merge"))
	if l.Cut {
		said += fmt.Sprintf(" There are more: only the last %d were read.", len(l.Commits))
	}
	return said
}

func grouped(by map[string][]Line) []Section {
	titles := []string{breaks}
	for _, g := range groups {
		titles = append(titles, g.title)
	}
	var all []Section
	for _, title := range titles {
		lines := by[title]
		if len(lines) == 0 {
			continue
		}
		if left := len(lines) - shownCommits; left > 0 {
			lines = append(lines[:shownCommits:shownCommits], line(fmt.Sprintf("and %d more", left)))
		}
		all = append(all, Section{Title: title, Under: true, List: lines})
	}
	return all
}
