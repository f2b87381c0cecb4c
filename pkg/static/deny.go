package static

import (
	"fmt"
	"path"
	"strings"
)

// Deny is a set of file names that must not be served because they would show
// an application's source text.
type Deny struct {
	anywhere []string // ".php" of ".php*": anywhere in the name
	exts     []string // ".inc": the extension, also of a backup
	globs    []string // "composer.*": the whole name
}

// DefaultDeny returns the patterns that a gateway for PHP should start from.
func DefaultDeny() []string { return []string{".php*", ".phtml", ".phar", ".phps", ".inc"} }

// NewDeny compiles patterns, which know no case:
//
//	.ext    names that end in .ext, and backups of them: .ext~ .ext.bak .ext.1 …
//	.ext*   names with .ext anywhere: .ext .ext5 .ext~ .ext.old .ext-2024 …
//	other   the whole name, with the wildcards of path.Match
//
// It returns an error that names the pattern it does not understand.
func NewDeny(patterns []string) (*Deny, error) {
	d := &Deny{}
	for _, p := range patterns {
		low := strings.ToLower(p)
		stem := strings.TrimSuffix(low, "*")
		switch {
		case low == "" || stem == "." || strings.Contains(low, "/"):
			return nil, fmt.Errorf("static: bad deny pattern %q", p)
		case low[0] != '.' || strings.ContainsAny(stem, `*?[\`):
			if _, err := path.Match(low, "x"); err != nil {
				return nil, fmt.Errorf("static: bad deny pattern %q", p)
			}
			d.globs = append(d.globs, low)
		case stem != low:
			d.anywhere = append(d.anywhere, stem)
		default:
			d.exts = append(d.exts, low)
		}
	}
	return d, nil
}

// Match reports whether the last segment of path is denied.
func (d *Deny) Match(path []byte) bool { return d.match(path, "") }

// match looks at the name that was asked for and at the one it leads to, which
// a symlink may have made another.
func (d *Deny) match(rel []byte, real string) bool {
	if d == nil {
		return false
	}
	var buf [256]byte
	name := lowerBase(buf[:0], rel)
	if d.matchName(name) {
		return true
	}
	return real != "" && !sameFold(name, real) && d.matchName(lowerBase(buf[:0], real))
}

// lowerBase appends the last segment of p in lower case.
func lowerBase[T string | []byte](dst []byte, p T) []byte {
	end := len(p)
	for end > 0 && p[end-1] == '/' {
		end--
	}
	start := end
	for start > 0 && p[start-1] != '/' {
		start--
	}
	for i := start; i < end; i++ {
		dst = append(dst, lowerByte(p[i]))
	}
	return dst
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// sameFold reports whether real's last segment is name but for case.
func sameFold(name []byte, real string) bool {
	start := len(real) - len(name)
	if len(name) == 0 || start < 1 || real[start-1] != '/' {
		return false
	}
	for i, c := range name {
		if lowerByte(real[start+i]) != c {
			return false
		}
	}
	return true
}

func (d *Deny) matchName(name []byte) bool {
	for _, s := range d.anywhere {
		if indexOf(name, s) >= 0 {
			return true
		}
	}
	for _, s := range d.exts {
		if hasExt(name, s) {
			return true
		}
	}
	for _, g := range d.globs {
		if ok, _ := path.Match(g, string(name)); ok { // checked by NewDeny
			return true
		}
	}
	return false
}

func indexOf(name []byte, s string) int {
	for i := 0; i+len(s) <= len(name); i++ {
		if string(name[i:i+len(s)]) == s {
			return i
		}
	}
	return -1
}

// hasExt reports whether name ends in ext, or in ext and marks of a backup.
func hasExt(name []byte, ext string) bool {
	for at := 0; ; {
		i := indexOf(name[at:], ext)
		if i < 0 {
			return false
		}
		at += i + len(ext)
		if isBackup(name[at:]) {
			return true
		}
	}
}

// isBackup reports whether rest, what follows an extension, is nothing or only
// what editors and people append to the names of copies.
func isBackup(rest []byte) bool {
	if len(rest) == 0 {
		return true
	}
	switch rest[0] {
	case '~', '#', '-', '_', ' ', ',', '(', '+', '@', ';':
		return true
	case '.':
	default:
		return false
	}
	word := strings.TrimRight(string(rest[1:]), "~#.0123456789")
	switch word {
	case "", "bak", "back", "backup", "bkp", "old", "orig", "original", "save", "sav", "saved", "copy",
		"swp", "swo", "swn", "tmp", "temp", "dist", "disabled", "off", "rej", "new", "prev", "txt":
		return true
	}
	return false
}

// IsDotPath reports whether a segment of path begins with a dot, which is how
// .git, .env and .htaccess are kept from being served. The one exception is a
// first segment ".well-known" (RFC 8615).
func IsDotPath(path []byte) bool {
	const wellKnown = "/.well-known"
	if len(path) > 0 && path[0] == '.' {
		return true
	}
	if len(path) >= len(wellKnown) && string(path[:len(wellKnown)]) == wellKnown &&
		(len(path) == len(wellKnown) || path[len(wellKnown)] == '/') {
		path = path[len(wellKnown):]
	}
	return indexOf(path, "/.") >= 0
}
