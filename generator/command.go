package generator

import "strings"

// command is a command line as it is run: without a shell.
type command struct {
	env  map[string]string
	argv []string
}

// commandError says which character a command cannot have.
type commandError struct {
	offset        int // in characters
	message, hint string
}

// splitCommand splits a line into words as POSIX's shell does (XCU 2.2 Quoting, 2.6.5 Field Splitting), with assignments in front.
// Whatever would need the shell itself (expansions, pipes, redirections, patterns) is refused: without one, it would mean something else.
func splitCommand(line string) (command, *commandError) {
	s := splitter{text: []rune(line)}
	if err := s.split(); err != nil {
		return command{}, err
	}
	c := command{env: map[string]string{}}
	for i, w := range s.words {
		name, value, assigns := strings.Cut(w.text, "=")
		if !assigns || w.quotedName || !isVariable(name) {
			c.argv = texts(s.words[i:])
			return c, nil
		}
		c.env[name] = value
	}
	return command{}, &commandError{0, "there is no command", "write a program and its arguments"}
}

type word struct {
	text       string
	quotedName bool // a quote before the first "=": not an assignment
}

func texts(words []word) []string {
	var list []string
	for _, w := range words {
		list = append(list, w.text)
	}
	return list
}

func isVariable(name string) bool {
	if name == "" || (name[0] >= '0' && name[0] <= '9') {
		return false
	}
	return strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// splitter reads one line.
type splitter struct {
	text  []rune
	pos   int
	words []word
	now   strings.Builder
	open  bool // a word has begun; quotes alone begin one: ''
	quote bool // the word has had a quote before any "="
}

func (s *splitter) split() *commandError {
	for ; s.pos < len(s.text); s.pos++ {
		if err := s.character(s.text[s.pos]); err != nil {
			return err
		}
	}
	s.end()
	return nil
}

func (s *splitter) character(c rune) *commandError {
	switch {
	case c == ' ' || c == '\t' || c == '\n':
		s.end()
		return nil
	case c == '\'':
		return s.single()
	case c == '"':
		return s.double()
	case c == '\\':
		return s.escape()
	case strings.ContainsRune("|&;<>()$`*?[]{}~#!", c):
		return &commandError{s.pos, string(c) + " means something to a shell only", "put it between single quotes, or the command into a script"}
	}
	s.add(c)
	return nil
}

func (s *splitter) add(c rune) {
	s.open = true
	s.now.WriteRune(c)
}

func (s *splitter) end() {
	if s.open {
		s.words = append(s.words, word{s.now.String(), s.quote})
	}
	s.now.Reset()
	s.open, s.quote = false, false
}

func (s *splitter) beginQuote() {
	s.open = true
	s.quote = s.quote || !strings.Contains(s.now.String(), "=")
}

func (s *splitter) single() *commandError {
	s.beginQuote()
	start := s.pos
	for s.pos++; s.pos < len(s.text); s.pos++ {
		if s.text[s.pos] == '\'' {
			return nil
		}
		s.add(s.text[s.pos])
	}
	return &commandError{start, "the quote is not closed", ""}
}

func (s *splitter) double() *commandError {
	s.beginQuote()
	start := s.pos
	for s.pos++; s.pos < len(s.text); s.pos++ {
		c := s.text[s.pos]
		switch {
		case c == '"':
			return nil
		case c == '$' || c == '`':
			return &commandError{s.pos, string(c) + " is expanded by a shell, also between double quotes", "use single quotes"}
		case c == '\\' && s.escapable():
			s.pos++
			c = s.text[s.pos]
		}
		s.add(c)
	}
	return &commandError{start, "the quote is not closed", ""}
}

// escapable says whether a backslash between double quotes escapes what follows; before anything else it stands for itself.
func (s *splitter) escapable() bool {
	return s.pos+1 < len(s.text) && strings.ContainsRune("$`\"\\", s.text[s.pos+1])
}

func (s *splitter) escape() *commandError {
	if s.pos+1 == len(s.text) {
		return &commandError{s.pos, "nothing follows the backslash", ""}
	}
	s.beginQuote()
	s.pos++
	s.add(s.text[s.pos])
	return nil
}
