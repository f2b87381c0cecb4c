package fcgi

// AppendRecord appends one record. The content must not be longer than
// MaxContent; it panics otherwise, for a cut length would let content be read
// as records.
//
// PARAMS records are padded to a multiple of eight as section 3.3 suggests;
// the others are not: php-fpm takes the padding of PARAMS with the content,
// but fetches that of STDIN by a read(2) of its own.
func AppendRecord(dst []byte, t Type, id uint16, content []byte) []byte {
	if len(content) > MaxContent {
		panic("fcgi: record content too long")
	}
	var pad uint8
	if t == TypeParams {
		pad = uint8(-len(content) & 7)
	}
	dst = AppendHeader(dst, Header{Type: t, ID: id, Len: uint16(len(content)), Pad: pad})
	dst = append(dst, content...)
	return append(dst, "\x00\x00\x00\x00\x00\x00\x00"[:pad]...)
}

// AppendStream appends data as as many records as it needs, none for empty
// data, and does not end the stream: AppendStreamEnd does. PARAMS are split
// between pairs: the specification lets a pair straddle records, but php-fpm
// takes every record by itself. Only a pair longer than a record straddles.
func AppendStream(dst []byte, t Type, id uint16, data []byte) []byte {
	for len(data) > 0 {
		n := min(len(data), MaxContent)
		if t == TypeParams && n < len(data) {
			n = cutParams(data, n, true)
		}
		dst = AppendRecord(dst, t, id, data[:n])
		data = data[n:]
	}
	return dst
}

// AppendStreamEnd appends the empty record that ends a stream (section 3.3).
func AppendStreamEnd(dst []byte, t Type, id uint16) []byte {
	return AppendHeader(dst, Header{Type: t, ID: id})
}

// wholePairs returns the length of the pairs at the start of params that fit
// n bytes; 0 when not even the first does, or when it is malformed.
func wholePairs(params []byte, n int) int {
	fit := 0
	for {
		_, _, rest, err := NextPair(params[fit:])
		next := len(params) - len(rest)
		if err != nil || next > n {
			return fit
		}
		fit = next
	}
}
