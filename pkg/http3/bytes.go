package http3

// odd marks a token byte that the names of ordinary fields do not have.
const odd = 2

// tokenByte maps a byte of a token (RFC 9110 section 5.6.2) to 1, or to odd
// unless it is a letter, a digit or '-'; other bytes to zero. It is constant.
var tokenByte = makeTokenByte()

func makeTokenByte() (t [256]uint8) {
	for _, c := range []byte("!#$%&'*+.^_`|~") {
		t[c] = odd
	}
	for c := '0'; c <= '9'; c++ {
		t[c] = 1
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c] = 1
		t[c-'a'+'A'] = 1
	}
	t['-'] = 1
	return t
}

func isToken[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if tokenByte[s[i]] == 0 {
			return false
		}
	}
	return len(s) > 0
}

// ordinary reports whether a name has letters, digits and '-' only: as CGI
// variables others would be taken for other fields.
func ordinary(name string) bool {
	for i := 0; i < len(name); i++ {
		if tokenByte[name[i]] != 1 {
			return false
		}
	}
	return true
}

// checkField looks at the bytes of a request field (RFC 9114 section 4.2 and
// 10.3): a lower-case token and a value without control bytes or space around.
func checkField(name, value string) error {
	plain := name
	if len(name) > 0 && name[0] == ':' {
		plain = name[1:]
	}
	if !isToken(plain) {
		return bad("malformed field name")
	}
	for i := 0; i < len(plain); i++ {
		if 'A' <= plain[i] && plain[i] <= 'Z' {
			return bad("upper case in a field name")
		}
	}
	if !validValue(value) {
		return bad("control byte in a field value")
	}
	if n := len(value); n > 0 && (isSpace(value[0]) || isSpace(value[n-1])) {
		return bad("space around a field value")
	}
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func validValue[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
