package prom

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/coclai/cutover/generator/slo"
)

// mould is what an SLI compiles to, with gaps where its own words stand. Thousands of SLIs are a few forms with other names, so that each
// form is compiled once, and every further SLI of it is poured. What a word can be, so that another one in its place changes nothing but
// itself, is anonymous's to say; whoever has words that are not like that is compiled by itself.
type mould struct {
	text [][]byte // between the gaps
	gaps []int    // the word that belongs in each
}

// casting is a mould with the words for its gaps.
type casting struct {
	mould
	words []string
}

// cast is a text that is finished.
func cast(text []byte) casting { return casting{mould: mould{text: [][]byte{text}}} }

// size is how long the text is.
func (c casting) size() int {
	size := len(c.text[len(c.text)-1])
	for i, gap := range c.gaps {
		size += len(c.text[i]) + len(c.words[gap])
	}
	return size
}

// pour puts the text to the end of out.
func (c casting) pour(out []byte) []byte {
	for i, gap := range c.gaps {
		out = append(append(out, c.text[i]...), c.words[gap]...)
	}
	return append(out, c.text[len(c.text)-1]...)
}

// mouldOf takes the words out of a text.
func mouldOf(text []byte, words []string) mould {
	var quoted []string
	for _, w := range words {
		quoted = append(quoted, regexp.QuoteMeta(w))
	}
	var m mould
	rest := 0
	for _, at := range regexp.MustCompile(strings.Join(quoted, "|")).FindAllIndex(text, -1) {
		m.text, rest = append(m.text, text[rest:at[0]]), at[1]
		m.gaps = append(m.gaps, slices.Index(words, string(text[at[0]:at[1]])))
	}
	m.text = append(m.text, text[rest:])
	return m
}

func (m mould) equal(o mould) bool {
	return slices.Equal(m.gaps, o.gaps) && slices.EqualFunc(m.text, o.text, bytes.Equal)
}

// foundry has the moulds of one matrix, by form.
type foundry struct {
	matrix slo.Matrix
	known  sync.Map
}

// groups are the groups of one SLI, as they are written.
func (f *foundry) groups(s slo.SLI) casting {
	form, words, ok := anonymous(s, firstSigns)
	if !ok {
		return cast(groupsOf(f.matrix, s))
	}
	key, err := json.Marshal(form)
	if err != nil {
		return cast(groupsOf(f.matrix, s))
	}
	known, ok := f.known.Load(string(key))
	if !ok {
		known, _ = f.known.LoadOrStore(string(key), f.mould(s))
	}
	if m := known.(*mould); m != nil {
		return casting{*m, words}
	}
	return cast(groupsOf(f.matrix, s))
}

// mould makes a mould twice, with other signs in place of the words. If the two differ, something in the text only looks like a sign, or
// depends on what the words are: nil.
func (f *foundry) mould(s slo.SLI) *mould {
	first, words, _ := anonymous(s, firstSigns)
	second, others, _ := anonymous(s, secondSigns)
	one := mouldOf(groupsOf(f.matrix, first), firstSigns.of(len(words)))
	if !one.equal(mouldOf(groupsOf(f.matrix, second), secondSigns.of(len(others)))) {
		return nil
	}
	return &one
}

// signs stand for words: they are as plain, and nobody uses them.
type signs struct {
	letter string
	line   int
	item   string
}

var (
	firstSigns  = signs{"zz", 918273645, "918273.645"}
	secondSigns = signs{"qq", 827364519, "827364.519"}
)

// word is the sign for a word.
func (g signs) word(i int) string { return g.letter + strconv.Itoa(i) + g.letter }

// The words of every SLI, in this order; what follows are values of labels.
const (
	wordID = iota
	wordAlert
	wordTitle
	wordLine
	wordItem
	wordValues
)

// of are the signs of so many words.
func (g signs) of(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = g.word(i)
	}
	all[wordAlert], all[wordLine], all[wordItem] = slo.AlertName("", all[wordID]), strconv.Itoa(g.line), g.item
	return all
}

// anonymous is an SLI with signs for its words, and the words. Two SLIs of one form differ in their words only.
func anonymous(s slo.SLI, g signs) (form slo.SLI, words []string, ok bool) {
	if !isWord(s.ID) || !isWord(s.Title) || s.Line == 0 || !isNumber(s.Item) {
		return s, nil, false
	}
	v := values{signs: g, words: []string{s.ID, slo.AlertName("", s.ID), s.Title, strconv.Itoa(s.Line), s.Item}}
	s.ID, s.Title, s.Line, s.Item = g.word(wordID), g.word(wordTitle), g.line, g.item
	switch m := s.Measure; {
	case m.Ratio != nil:
		s.Measure.Ratio = &slo.RatioMeasure{Bad: v.hide(m.Ratio.Bad), Good: v.hide(m.Ratio.Good), Total: v.hide(m.Ratio.Total)}
	case m.Availability != nil:
		s.Measure.Availability = &slo.AvailabilityMeasure{Up: v.hide(m.Availability.Up)}
	case m.Latency != nil:
		l := *m.Latency
		l.Histogram.Matchers = v.hide(l.Histogram.Matchers)
		s.Measure.Latency = &l
	case m.Count != nil:
		s.Measure.Count = &slo.CountMeasure{Counter: v.hide(m.Count.Counter), Job: v.hide(m.Count.Job)}
	}
	return s, v.words, true
}

// values hide those of equality matchers: to everything that is made of a selector they are only carried along. Equal ones get one sign.
type values struct {
	signs
	words []string
}

// hide puts signs into a selector. The parser sorts matchers, so that values of one label that is matched twice have an order, too: those
// stay.
func (v *values) hide(selector string) string {
	var out strings.Builder
	rest := selector
	for {
		before, tail, found := strings.Cut(rest, `="`)
		end := endOfString(tail)
		if !found || end < 0 {
			return out.String() + rest
		}
		label := before[strings.LastIndexAny(before, "{,")+1:]
		value := tail[:end]
		if isValue(value) && isASCII(value) && !strings.HasSuffix(label, "!") && strings.Count(selector, label+`="`) == 1 {
			value = v.sign(value)
		}
		out.WriteString(before + `="` + value + `"`)
		rest = tail[end+1:]
	}
}

func (v *values) sign(value string) string {
	i := slices.Index(v.words[wordValues:], value)
	if i < 0 {
		i, v.words = len(v.words)-wordValues, append(v.words, value)
	}
	return v.word(wordValues + i)
}

// FormOf is a selector with signs for the values of its equality matchers, and those values. Selectors of one form differ in nothing else,
// also when Prometheus has read and printed them: Filled puts the values back.
func FormOf(selector string) (form string, words []string, ok bool) {
	if strings.Contains(selector, firstSigns.letter) {
		return selector, nil, false
	}
	v := values{signs: firstSigns, words: make([]string, wordValues)}
	form = v.hide(selector)
	return form, v.words[wordValues:], true
}

// Filled is a form with values for its signs.
func Filled(form string, values []string) string {
	for i, value := range values {
		form = strings.ReplaceAll(form, firstSigns.word(wordValues+i), value)
	}
	return form
}

// endOfString is where a quoted string ends that has begun; below 0 if it does not.
func endOfString(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
