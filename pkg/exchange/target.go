package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
)

// ErrBadTarget: the request target is not one we serve (400). The errors
// SetTarget returns wrap it and say what was wrong without quoting the client.
var ErrBadTarget = errors.New("malformed request target")

// ErrBadAuthority: the host or port a client named is malformed (400). The
// errors SetAuthority returns wrap it and do not quote the client.
var ErrBadAuthority = errors.New("malformed host")

var (
	errHostEmpty = fmt.Errorf("%w: empty", ErrBadAuthority)
	errHostLong  = fmt.Errorf("%w: too long", ErrBadAuthority)
	errHostByte  = fmt.Errorf("%w: forbidden byte", ErrBadAuthority)
	errHostLabel = fmt.Errorf("%w: empty label", ErrBadAuthority)
	errHostIPv6  = fmt.Errorf("%w: bad IPv6 address", ErrBadAuthority)
	errHostPort  = fmt.Errorf("%w: bad port", ErrBadAuthority)

	errTargetForm    = fmt.Errorf("%w: not in origin form", ErrBadTarget)
	errTargetStar    = fmt.Errorf("%w: asterisk without OPTIONS", ErrBadTarget)
	errTargetByte    = fmt.Errorf("%w: byte that must be percent-encoded", ErrBadTarget)
	errTargetEscape  = fmt.Errorf("%w: bad percent-encoding", ErrBadTarget)
	errTargetControl = fmt.Errorf("%w: encoded control byte", ErrBadTarget)
	errTargetClimbs  = fmt.Errorf("%w: path climbs above the root", ErrBadTarget)
)

// SetTarget takes a request target in origin form (RFC 9112 section 3.2.1),
// or "*" when Request.Method is OPTIONS already (section 3.2.4), and fills
// Request.Target, Path and Query. raw is kept, never written to, and must live
// as long as the exchange; Path aliases it when there is nothing to decode and
// comes from Alloc otherwise. Query is nil without '?'. "*" gets the path "/".
//
// The path is decoded once; dot segments are resolved and slashes merged after
// that, so that an encoded slash or dot hides nothing, as nginx does. A path
// that climbs above its root, a bad escape and an encoded control byte are
// errors, where nginx refuses only NUL among the last. A backslash is an
// ordinary byte. Of the raw bytes that RFC 3986 forbids, "<>\^`{|} are let
// through as nginx does because browsers send some of them in queries; '#',
// space, control bytes and, unlike nginx, bytes above 0x7f are errors. The
// query is checked for raw bytes only and stays as it is.
//
// Every error wraps ErrBadTarget (400) and leaves the request as it was.
func (x *Exchange) SetTarget(raw []byte) error {
	if len(raw) == 1 && raw[0] == '*' {
		return x.setAsterisk(raw)
	}
	if len(raw) == 0 || raw[0] != '/' {
		return errTargetForm
	}
	end, plain := scanPath(raw)
	if !validTarget(raw[end:]) {
		return errTargetByte
	}
	path := raw[:end:end]
	if !plain {
		var err error
		if path, err = x.decodePath(path); err != nil {
			return err
		}
	}
	r := &x.Request
	r.Target, r.Path, r.Query = raw, path, nil
	if end < len(raw) {
		r.Query = raw[end+1:]
	}
	return nil
}

func (x *Exchange) setAsterisk(raw []byte) error {
	r := &x.Request
	if string(r.Method) != "OPTIONS" {
		return errTargetStar
	}
	r.Target, r.Path, r.Query = raw, x.CopyString("/"), nil
	return nil
}

// Classes of bytes in a raw target.
const (
	targetBad byte = iota
	targetPlain
	targetSlash
	targetPercent
	targetQuery
)

// targetClass is constant.
var targetClass = makeTargetClass()

func makeTargetClass() (t [256]byte) {
	for c := '!'; c <= '~'; c++ {
		t[c] = targetPlain
	}
	t['#'] = targetBad
	t['/'] = targetSlash
	t['%'] = targetPercent
	t['?'] = targetQuery
	return t
}

// scanPath returns where the path in raw ends: at '?', at the end of raw or,
// for the caller to find, at a forbidden byte. plain says that the path is its
// own decoded form.
func scanPath(raw []byte) (end int, plain bool) {
	plain = true
	for i, c := range raw {
		switch targetClass[c] {
		case targetSlash:
			plain = plain && !needsResolving(raw[i+1:])
		case targetPercent:
			plain = false
		case targetQuery, targetBad:
			return i, plain
		}
	}
	return len(raw), plain
}

// needsResolving reports whether the segment that b begins with is empty but
// not the last, or a dot segment.
func needsResolving(b []byte) bool {
	if len(b) == 0 || b[0] != '/' && b[0] != '.' {
		return false
	}
	if b[0] == '/' {
		return true
	}
	b = b[1:]
	if len(b) > 0 && b[0] == '.' {
		b = b[1:]
	}
	return len(b) == 0 || b[0] == '/' || b[0] == '?'
}

func validTarget(b []byte) bool {
	for _, c := range b {
		if targetClass[c] == targetBad {
			return false
		}
	}
	return true
}

// decodePath returns p decoded and resolved in memory of the exchange.
func (x *Exchange) decodePath(p []byte) ([]byte, error) {
	dst := x.Alloc(len(p))
	n := 0
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c == '%' {
			if i+2 >= len(p) {
				return nil, errTargetEscape
			}
			hi, lo := unhex(p[i+1]), unhex(p[i+2])
			if hi > 15 || lo > 15 {
				return nil, errTargetEscape
			}
			c = hi<<4 | lo
			if c < ' ' || c == 0x7f {
				return nil, errTargetControl
			}
			i += 2
		}
		dst[n] = c
		n++
	}
	return resolvePath(dst[:n])
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= lower(c) && lower(c) <= 'f':
		return lower(c) - 'a' + 10
	}
	return 0xff
}

// resolvePath removes dot segments and merges slashes in place. Slashes are
// merged first, so that ".." behind "//" removes a named segment.
func resolvePath(p []byte) ([]byte, error) {
	w := 0 // p[:w] is done and does not end in a slash
	for i := 0; i < len(p); {
		next := len(p)
		if n := bytes.IndexByte(p[i+1:], '/'); n >= 0 {
			next = i + 1 + n
		}
		seg := p[i+1 : next]
		named := false
		switch string(seg) {
		case "", ".":
		case "..":
			if w == 0 {
				return nil, errTargetClimbs
			}
			w = bytes.LastIndexByte(p[:w], '/')
		default:
			named = true
			w += copy(p[w:], p[i:next])
		}
		if next == len(p) && !named {
			p[w] = '/'
			w++
		}
		i = next
	}
	return p[:w], nil
}

// maxAuthority bounds host[:port]: a DNS name has 253 bytes at most.
const maxAuthority = 255 + len(":65535")

// SetAuthority takes host[:port] as a Host field, an absolute-form target or
// :authority names it and fills Request.Authority and Host. raw is kept, never
// written to, and must live as long as the exchange; Host aliases it when it is
// lower case already and comes from Alloc otherwise.
//
// The host is a name, an IPv4 address or an IPv6 address in brackets, which
// Host keeps. Of the registered names of RFC 3986 section 3.2.2 those without
// percent-encoding and sub-delimiters are let through: no DNS name has them,
// and applications print hosts into pages. Empty labels but the last, user
// information, IPv6 zones and an empty port are errors; the port is 1 to 65535
// in at most five digits.
//
// An empty raw is an error: a caller to whom no authority is fine does not
// call. Every error wraps ErrBadAuthority (400) and leaves the request as it
// was.
func (x *Exchange) SetAuthority(raw []byte) error {
	if len(raw) == 0 {
		return errHostEmpty
	}
	if len(raw) > maxAuthority {
		return errHostLong
	}
	n, err := hostLen(raw)
	if err != nil {
		return err
	}
	if n < len(raw) && !validPort(raw[n:]) {
		return errHostPort
	}
	x.Request.Authority = raw
	x.Request.Host = x.lowerHost(bytes.TrimSuffix(raw[:n:n], []byte(".")))
	return nil
}

// hostLen returns the length of the host that raw begins with.
func hostLen(raw []byte) (int, error) {
	if raw[0] == '[' {
		return bracketLen(raw)
	}
	label := 0
	for i, c := range raw {
		switch {
		case c == ':':
			return i, checkName(i)
		case c == '.':
			if label == 0 {
				return 0, errHostLabel
			}
			label = 0
		case !nameByte(c):
			return 0, errHostByte
		default:
			label++
		}
	}
	return len(raw), checkName(len(raw))
}

// checkName looks at the length of a name. (A dot behind an empty label was
// refused before, so that only the root label may be empty.)
func checkName(n int) error {
	if n == 0 {
		return errHostEmpty
	}
	if n > 255 {
		return errHostLong
	}
	return nil
}

func nameByte(c byte) bool {
	return 'a' <= lower(c) && lower(c) <= 'z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '~'
}

// bracketLen is hostLen for an IPv6 address in brackets.
func bracketLen(raw []byte) (int, error) {
	n := bytes.IndexByte(raw, ']')
	if n < 0 || bytes.IndexByte(raw[:n], '%') >= 0 {
		return 0, errHostIPv6
	}
	if a, err := netip.ParseAddr(string(raw[1:n])); err != nil || !a.Is6() {
		return 0, errHostIPv6
	}
	return n + 1, nil
}

// validPort looks at what follows the host, colon included.
func validPort(b []byte) bool {
	if b[0] != ':' || len(b) < 2 || len(b) > 6 {
		return false
	}
	port := 0
	for _, c := range b[1:] {
		if c < '0' || c > '9' {
			return false
		}
		port = port*10 + int(c-'0')
	}
	return 1 <= port && port <= 65535
}

func (x *Exchange) lowerHost(b []byte) []byte {
	for i, c := range b {
		if c != lower(c) {
			b = x.Copy(b)
			for ; i < len(b); i++ {
				b[i] = lower(b[i])
			}
			break
		}
	}
	return b
}
