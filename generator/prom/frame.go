package prom

import "bytes"

// appendFrame puts the frame of a group to the end of out: the group as it is written, with a sign for each word and number that is plainly
// text: in names of groups and alerts, labels, annotations outside of templates, and in strings that matchers compare with as they are.
// Everything else stays: keys, quotes, indentation, functions, operators, bounds, regular expressions. Groups of one frame are read alike.
func appendFrame(out, group []byte) []byte {
	for line := range bytes.Lines(group) {
		end := bytes.IndexByte(line, ':') + 2
		if end < 2 || end > len(line) {
			out = append(out, line...)
			continue
		}
		out = append(out, line[:end]...)
		switch value := line[end:]; string(bytes.TrimLeft(line[:end], " -")) {
		case "record: ", "interval: ", "query_offset: ", "for: ":
			out = append(out, value...)
		case "expr: ":
			out = appendExprFrame(out, value)
		default:
			out = appendTextFrame(out, value)
		}
	}
	return out
}

// appendTextFrame frames a scalar of text. A short one may be a word of YAML, and stays.
func appendTextFrame(out, text []byte) []byte {
	if len(text) <= longestWord+1 { // with its line feed
		return append(out, text...)
	}
	for {
		literal, tail, found := bytes.Cut(text, []byte("{{"))
		out = appendWords(out, literal)
		if !found {
			return out
		}
		action, rest, _ := bytes.Cut(tail, []byte("}}"))
		out = append(append(append(out, "{{"...), action...), "}}"...)
		text = rest
	}
}

// appendExprFrame frames an expression. One that YAML needs escapes for stays.
func appendExprFrame(out, expr []byte) []byte {
	if expr[0] == '"' || bytes.IndexByte(expr, '\\') >= 0 {
		return append(out, expr...)
	}
	for {
		before, tail, found := bytes.Cut(expr, []byte{'"'})
		out = append(out, before...)
		if !found {
			return out
		}
		literal, rest, _ := bytes.Cut(tail, []byte{'"'})
		out = append(out, '"')
		if bytes.HasSuffix(before, []byte{'='}) {
			out = appendWords(out, literal)
		} else {
			out = append(out, literal...)
		}
		out, expr = append(out, '"'), rest
	}
}

// appendWords puts one sign for words with single spaces between them, and one for each number.
func appendWords(out, text []byte) []byte {
	for i := 0; i < len(text); {
		if !inWord[text[i]] {
			out = append(out, text[i])
			i++
			continue
		}
		sign := byte('w')
		if text[i] >= '0' && text[i] <= '9' || text[i] == '-' {
			sign = '0'
		}
		for i++; i < len(text) && (inWord[text[i]] || sign == 'w' && text[i] == ' ' && i+1 < len(text) && inWord[text[i+1]]); i++ {
		}
		out = append(out, sign)
	}
	return out
}

// inWord are the bytes of words and numbers.
var inWord = func() (in [256]bool) {
	for c := range in {
		in[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c >= 0x80
	}
	return in
}()
