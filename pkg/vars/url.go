package vars

// AppendURL is Append for text that becomes part of a URL: values that are
// decoded text ($uri, the script's and the file's name, groups) are
// percent-encoded, so that a client cannot add parameters to a query or split a
// header with them. Values that are encoded already ($args, $request_uri) and
// all others are taken as they are.
func (t *Template) AppendURL(dst []byte, e *Env) []byte {
	for i := range t.parts {
		p := &t.parts[i]
		switch {
		case p.value == nil:
			dst = append(dst, p.lit...)
		case p.plain:
			start := len(dst)
			dst = escapeTail(p.value(dst, e, p.arg), start)
		default:
			dst = p.value(dst, e, p.arg)
		}
	}
	return dst
}

// AppendEscaped appends a decoded path, percent-encoded so that no reader can
// take it for anything else.
func AppendEscaped(dst, path []byte) []byte {
	return escapeTail(append(dst, path...), len(dst))
}

// escapeTail percent-encodes dst[start:] in place, growing dst as needed.
func escapeTail(dst []byte, start int) []byte {
	extra := 0
	for _, c := range dst[start:] {
		if !urlPlain(c) {
			extra += 2
		}
	}
	if extra == 0 {
		return dst
	}
	from := len(dst)
	for range extra {
		dst = append(dst, 0)
	}
	for to := len(dst); to > from; {
		from--
		c := dst[from]
		if urlPlain(c) {
			to--
			dst[to] = c
			continue
		}
		to -= 3
		dst[to], dst[to+1], dst[to+2] = '%', upperHex[c>>4], upperHex[c&15]
	}
	return dst
}

const upperHex = "0123456789ABCDEF"

// urlPlain reports whether c means itself both in a path and in the value of a
// query's parameter (RFC 3986 section 3.3, without what forms give a meaning).
func urlPlain(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '/', '-', '.', '_', '~', ':', ',', '@', '!', '*':
		return true
	}
	return false
}
