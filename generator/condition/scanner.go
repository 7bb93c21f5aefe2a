package condition

import (
	"regexp"
	"strings"
	"unicode"
)

// token is a piece of the text with its meaning. Start and end count characters; glued means that no space stands before it.
type token struct {
	entry
	text       string
	start, end int
	glued      bool
}

// scanner cuts a text into tokens. It never fails: what it does not know becomes a token of kind unknown.
type scanner struct {
	raw    []rune
	text   []rune // with full-width forms made plain, so that offsets still fit the text
	pos    int
	tokens []token
}

const phraseWords = 5 // "greater than or equal to" is the longest phrase

func scan(text string) []token {
	s := &scanner{raw: []rune(text), text: []rune(text)}
	for i, r := range s.raw {
		s.text[i] = plain(r)
	}
	for s.pos < len(s.text) {
		s.next()
	}
	return s.tokens
}

// plain maps full-width ASCII (＞ ％ （ 5) and unusual spaces to what they stand for.
func plain(r rune) rune {
	if r >= '！' && r <= '～' {
		return r - '！' + '!'
	}
	if small, ok := smallForms[r]; ok {
		return small
	}
	if unicode.IsSpace(r) || r == '\u00a0' || r == '\u3000' {
		return ' '
	}
	return r
}

// smallForms are the half-height signs of Unicode's "Small Form Variants".
var smallForms = map[rune]rune{'﹤': '<', '﹥': '>', '﹦': '=', '﹪': '%', '﹙': '(', '﹚': ')'}

func (s *scanner) next() {
	r := s.text[s.pos]
	switch {
	case r == ' ':
		s.pos++
	case isDigit(r) || s.strayPoint():
		s.number()
	case isInvisible(s.raw[s.pos]):
		s.add(entry{kind: malformed}, s.pos+1)
	case isHangul(r):
		s.hangul(s.while(s.pos, isHangul))
	case unicode.IsLetter(r) || r == '_':
		s.phrase()
	default:
		s.sign()
	}
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isHangul(r rune) bool { return unicode.Is(unicode.Hangul, r) }

func isLetter(r rune) bool { return (unicode.IsLetter(r) || r == '_') && !isHangul(r) }

func (s *scanner) while(from int, is func(rune) bool) int {
	for from < len(s.text) && is(s.text[from]) {
		from++
	}
	return from
}

// add makes a token of the text from pos to end.
func (s *scanner) add(e entry, end int) {
	s.tokens = append(s.tokens, token{
		entry: e, text: string(s.text[s.pos:end]), start: s.pos, end: end, glued: s.pos > 0 && s.text[s.pos-1] != ' ',
	})
	s.pos = end
}

// number reads digits[.digits], in groups of three if need be; with more dots it is the number of a thing, and 5xx is a word.
func (s *scanner) number() {
	end := s.numberEnd()
	text := string(s.text[s.pos:end])
	e := numeral(text)
	if classEnd := end + 2; len(text) == 1 && strings.EqualFold(s.upTo(end, classEnd), "xx") {
		e, end = statusClass(text), classEnd
	}
	s.add(e, end)
	if end+1 < len(s.text) && s.text[end] == '-' && isLetter(s.text[end+1]) {
		s.pos++ // 5-minute
	}
}

// numberEnd goes over digits, points, commas, and the thin spaces that typographers put between groups of three digits.
func (s *scanner) numberEnd() int {
	numeric := func(r rune) bool { return isDigit(r) || r == '.' || r == ',' }
	end := s.while(s.pos, numeric)
	for end < len(s.raw) && isThin(s.raw[end]) && s.while(end+1, isDigit) == end+4 {
		end = s.while(end+1, numeric)
	}
	for s.text[end-1] == '.' || s.text[end-1] == ',' {
		end--
	}
	return end
}

// strayPoint says whether a number begins here with a point, as in .5%, or with a comma that separates nothing.
func (s *scanner) strayPoint() bool {
	r := s.text[s.pos]
	if r != '.' && r != ',' || s.pos+1 == len(s.text) || !isDigit(s.text[s.pos+1]) {
		return false
	}
	return r == '.' || s.pos == 0 || s.text[s.pos-1] == ' '
}

func isThin(r rune) bool { return r == '\u2009' || r == '\u202f' }

// isInvisible is true of what a reader of the page cannot see, or sees on the character before: strokes through a number, direction
// marks, spaces without width. Emoji are made with two of them.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me, unicode.Co) && r != '\ufe0f' && r != '\u200d'
}

// grouped is a number with separators of thousands: 1,000 and not 1,00, which is read by nobody the same way.
var grouped = regexp.MustCompile(`^[1-9][0-9]{0,2}((,[0-9]{3})+|( [0-9]{3})+)(\.[0-9]+)?$`)

func numeral(text string) entry {
	if strings.ContainsAny(text, ", ") {
		if !grouped.MatchString(text) {
			return entry{kind: malformed}
		}
		text = strings.NewReplacer(",", "", " ", "").Replace(text)
	}
	switch {
	case text[0] == '.' || strings.Contains(text, ".."):
		return entry{kind: malformed}
	case strings.Count(text, ".") > 1:
		return entry{kind: version}
	}
	return entry{kind: number, value: text}
}

// statusClass is what 5xx says about the events.
func statusClass(digit string) entry {
	switch digit {
	case "2", "3":
		return good
	case "4", "5":
		return bad
	}
	return entry{kind: noun}
}

func (s *scanner) upTo(from, to int) string {
	return string(s.text[min(from, len(s.text)):min(to, len(s.text))])
}

// wordEnd is where the word at from ends: letters and digits, with hyphens, dots and underscores inside.
func (s *scanner) wordEnd(from int) int {
	inside := func(i int) bool {
		r := s.text[i]
		if isLetter(r) || isDigit(r) {
			return true
		}
		if (r == '\'' || r == '’') && s.upTo(i+1, i+2) == "t" {
			return true // isn't
		}
		return (r == '-' || r == '.') && i+1 < len(s.text) && (isLetter(s.text[i+1]) || isDigit(s.text[i+1]))
	}
	for from < len(s.text) && inside(from) {
		from++
	}
	return from
}

// quantileWord is p50 and above: P1 and P2 are how urgent an incident is.
var quantileWord = regexp.MustCompile(`^[pP]([5-9][0-9](\.[0-9]{1,4})?)$`)

// phrase reads the longest known sequence of words, or one word.
func (s *scanner) phrase() {
	end := s.wordEnd(s.pos)
	if letters := s.while(s.pos, isLetter); letters < end && s.afterNumber() && isDigit(s.text[letters]) {
		if e := s.single(string(s.text[s.pos:letters])); e.kind == unitOf {
			s.add(e, letters) // the h of 1h30m
			return
		}
	}
	first := string(s.text[s.pos:end])
	found, foundEnd := s.single(first), end
	for range phraseWords - 1 {
		start := s.while(end, func(r rune) bool { return r == ' ' })
		if start == end || start == len(s.text) || !isLetter(s.text[start]) {
			break
		}
		end = s.wordEnd(start)
		phrase := strings.Join(strings.Fields(strings.ToLower(string(s.text[s.pos:end]))), " ")
		if e, ok := english[phrase]; ok {
			found, foundEnd = e, end
		}
	}
	s.add(found, foundEnd)
}

// single looks up one word. Units of one letter are lower case: 5M is not five minutes.
func (s *scanner) single(text string) entry {
	if m := quantileWord.FindStringSubmatch(text); m != nil {
		return entry{kind: quantile, value: m[1]}
	}
	if len(text) == 1 && text != strings.ToLower(text) && text != "A" {
		return entry{}
	}
	if strings.HasSuffix(text, "n't") || strings.HasSuffix(text, "n’t") {
		return entry{kind: negation}
	}
	return english[strings.ToLower(text)]
}

// afterNumber says whether a number ends here.
func (s *scanner) afterNumber() bool {
	last := len(s.tokens) - 1
	return last >= 0 && s.tokens[last].kind == number && s.tokens[last].end == s.pos
}

// hangul cuts a run into stems and particles; where that does not come out even, the run is one unknown word.
func (s *scanner) hangul(end int) {
	cuts, ok := s.cut(s.pos, end)
	if !ok {
		s.add(entry{kind: hangulKind(string(s.text[s.pos:end]))}, end)
		return
	}
	for _, cut := range cuts {
		s.add(korean[string(s.text[s.pos:cut])], cut)
	}
}

// hangulKind tells negations and broken comparisons from words of prose: "초과하지" must not be skipped.
func hangulKind(run string) kind {
	for _, root := range refusals {
		if strings.Contains(run, root) {
			return negation
		}
	}
	for stem, e := range korean {
		if e.kind == afterwards && strings.HasPrefix(run, stem) {
			return trap
		}
	}
	return unknown
}

const longestStem = 5 // 이동윈도우, 베이스라인

// cut finds the ends of known stems that fill text[from:end], longest first. It works from the end, since trying every way from the
// front takes exponential time on a run like 이이이이….
func (s *scanner) cut(from, end int) ([]int, bool) {
	next := make([]int, end-from) // the end of the stem that begins here, 0 where none leads to the end
	for i := end - 1; i >= from; i-- {
		for to := i + 1; to <= min(i+longestStem, end); to++ {
			_, known := korean[string(s.text[i:to])]
			if known && (to == end || next[to-from] > 0) {
				next[i-from] = to
			}
		}
	}
	var cuts []int
	for i := from; i < end; i = next[i-from] {
		if next[i-from] == 0 {
			return nil, false
		}
		cuts = append(cuts, next[i-from])
	}
	return cuts, true
}

// sign reads the longest known sign; any other character is punctuation of prose.
func (s *scanner) sign() {
	for length := 3; length > 0; length-- {
		if e, ok := signs[s.upTo(s.pos, s.pos+length)]; ok && s.pos+length <= len(s.text) {
			s.add(e, s.pos+length)
			return
		}
	}
	s.add(entry{}, s.pos+1)
}
