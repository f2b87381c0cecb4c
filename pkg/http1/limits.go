package http1

// Limits bounds a request. A field that is zero means its default.
type Limits struct {
	MaxRequestLine int // bytes of the request line without CRLF; 8192; beyond it 414
	MaxHeaderLine  int // bytes of one field line without CRLF; 16384; beyond it 431
	MaxHeaderBytes int // bytes of all field lines with their CRLFs; 65536; beyond it 431
	MaxHeaders     int // number of field lines; 100; beyond it 431

	// MaxTrailerBytes bounds the trailer section of a chunked body; 2048. It is
	// not ParseHead's: give it to ChunkedReader.Reset.
	MaxTrailerBytes int

	// AllowNames lists field names, in lower case, that are kept although they
	// have other bytes than letters, digits and '-'.
	AllowNames []string
}

// MaxHead returns the largest number of bytes a head can take, the empty lines
// around it included: what a buffer must be able to hold.
func (l *Limits) MaxHead() int {
	return 2 + l.requestLine() + 2 + l.headerBytes() + 2
}

func (l *Limits) requestLine() int { return or(l.MaxRequestLine, 8192) }
func (l *Limits) headerLine() int  { return or(l.MaxHeaderLine, 16384) }
func (l *Limits) headerBytes() int { return or(l.MaxHeaderBytes, 65536) }
func (l *Limits) headers() int     { return or(l.MaxHeaders, 100) }

func (l *Limits) allows(name []byte) bool {
	for _, s := range l.AllowNames {
		if string(name) == s {
			return true
		}
	}
	return false
}

func or(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}
