package httpc

// isToken reports whether b is one (RFC 9110 section 5.6.2).
func isToken(b []byte) bool {
	for _, c := range b {
		if !tokenByte(c) {
			return false
		}
	}
	return len(b) > 0
}

func tokenByte(c byte) bool {
	switch {
	case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

// isText reports whether b has no control bytes but tabs (RFC 9110 section 5.5).
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// trim removes spaces and tabs around b.
func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// nextToken takes the next token off a comma-separated list, which may have
// empty elements (RFC 9110 section 5.6.1.2). tok is nil at the end of the list;
// ok is false for anything but tokens.
func nextToken(list []byte) (tok, rest []byte, ok bool) {
	for len(list) > 0 && (list[0] == ',' || isSpace(list[0])) {
		list = list[1:]
	}
	n := 0
	for n < len(list) && tokenByte(list[n]) {
		n++
	}
	if n == 0 {
		return nil, nil, len(list) == 0
	}
	tok, rest = list[:n], list[n:]
	for len(rest) > 0 && isSpace(rest[0]) {
		rest = rest[1:]
	}
	return tok, rest, len(rest) == 0 || rest[0] == ','
}

// number reads 1 to 18 decimal digits (RFC 9110 section 8.6), a size that no sum
// with another overflows.
func number(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
