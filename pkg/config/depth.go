package config

import "strings"

// maxNesting bounds how deep tables and arrays nest. The parser takes memory in
// proportion to the square of the depth, so that a small file of nothing but
// dots could take all there is.
const maxNesting = 32

// tooDeep returns the offset at which text nests beyond maxNesting, or -1. It
// knows TOML's strings and comments, and nothing else.
func tooDeep(text string) int {
	dots, open := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '#':
			i = endOfLine(text, i) - 1
		case '"', '\'':
			i = endOfString(text, i) - 1
		case '.':
			dots++
		case '[', '{':
			open++
			dots = 0
		case ']', '}':
			open = max(open-1, 0)
			dots = 0
		case '\n', '=', ',':
			dots = 0
		}
		if dots > maxNesting || open > maxNesting {
			return i
		}
	}
	return -1
}

func endOfLine(text string, at int) int {
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(text)
}

// endOfString returns the offset behind the string that begins at at.
func endOfString(text string, at int) int {
	quote := text[at : at+1]
	if strings.HasPrefix(text[at:], strings.Repeat(quote, 3)) {
		quote = text[at : at+3]
	}
	for i := at + len(quote); i < len(text); i++ {
		switch {
		case quote[0] == '"' && text[i] == '\\':
			i++
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote)
		case len(quote) == 1 && text[i] == '\n': // not closed: the parser will say so
			return i
		}
	}
	return len(text)
}
