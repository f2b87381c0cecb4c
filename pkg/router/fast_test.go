package router

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestCommonExpressionsRunWithoutRegexp(t *testing.T) {
	for expr, fast := range map[string]bool{
		`\.php$`: true, `\.(jpg|css|js)$`: true, `(?i)\.(jpe?g|css|js|woff2?)$`: true, `^/prefix`: true,
		`^/(conf|bin|inc)/`: true, `\.php(/|$)`: true, `/\.`: true, `/\.ht`: true, `^/files/.*\.php$`: true,
		`(?i)/(?:uploads|files)/.*\.php$`: true, `^/x$`: true, `^(.+\.php)(/.+)$`: true, ``: true, `^`: true, `$`: true,
		`^/a\.php[57]$`: true, `^/.+/$`: true, `(?i)^/[0-9]/`: true,

		`[^/]\.php(/|$)`: false, `^/\d+/\w+$`: false, `a+`: false, `.`: false, `é`: false, `a(?i)b`: false,
		`\bx`: false, `(?m)^a$`: false, `(?i)[ks]`: false, `.*^a`: false, `a{2}`: false,
	} {
		if got := newFastRegex(expr) != nil; got != fast {
			t.Errorf("%q fast: %v", expr, got)
		}
	}
}

func TestManyAlternativesAreLeftToRegexp(t *testing.T) {
	wide := "(" + strings.Repeat("(a|xy)", 7) + ")$"
	if newFastRegex(wide) != nil {
		t.Error("128 alternatives are taken apart")
	}
}

// equivalent checks f against package regexp for path.
func equivalent(t *testing.T, re *regexp.Regexp, f *fastRegex, path []byte) {
	t.Helper()
	if f.covers(path) && f.match(path) != re.Match(path) {
		t.Fatalf("%q on %q: fast %v, regexp %v", re, path, f.match(path), re.Match(path))
	}
}

// Every short text over a small alphabet against every kind of expression.
func TestFastExpressionsEqualRegexp(t *testing.T) {
	for _, expr := range []string{
		`ab$`, `^ab`, `^ab$`, `ab`, `^a.*b$`, `^a.+b$`, `a.*b`, `a.+b`, `.+b$`, `^.+b`, `^.*b`, `a.*$`, `a.+$`, `^.+$`, `.+`, `.*`,
		`a(b|$)`, `(^|b)a`, `(^a|b)b$`, `a?b$`, `^(a|ab)(b|/)$`, `(?i)AB$`, `(?i)^a.*S$`, `$`, `^`, `^$`, `a$b`, `a^b`, `(a|$)$`,
		`^(.+b)(/.+)$`, `.*.*a`, `.+.+a$`, `(.*a|b.+)$`, `^a*`, `a?`, `[ab]/$`, `\.*`, `a.*b.*a`, `a.+b.+a$`,
	} {
		re, f := regexp.MustCompile(expr), newFastRegex(expr)
		if f == nil {
			continue
		}
		eachText("abS/s\n\xc5\xbf", 4, func(path []byte) { equivalent(t, re, f, path) })
	}
}

// eachText calls fn with every text of up to n bytes of alphabet.
func eachText(alphabet string, n int, fn func([]byte)) {
	var walk func(b []byte)
	walk = func(b []byte) {
		fn(b)
		if len(b) == n {
			return
		}
		for i := range len(alphabet) {
			walk(append(b[:len(b):len(b)], alphabet[i]))
		}
	}
	walk(nil)
}

func FuzzFastRegexEqualsRegexp(f *testing.F) {
	for _, expr := range []string{
		`\.php$`, `(?i)\.(jpg|css|js)$`, `^/prefix`, `\.php(/|$)`, `^/files/.*\.php$`, `^(.+\.php)(/.+)$`, `(?i)ſ`, `(a|)(^|b)`, `(?s)a.*b`, `(?U)a.+b`,
	} {
		f.Add(expr, []byte("/files/a.php/x.JPG"))
		f.Add(expr, []byte("/\xff\n\xc5\xbf.pHp"))
	}
	f.Fuzz(func(t *testing.T, expr string, path []byte) {
		re, err := regexp.Compile(expr)
		if err != nil {
			return
		}
		fast := newFastRegex(expr)
		if fast == nil {
			return
		}
		equivalent(t, re, fast, path)
		for _, s := range fast.seqs { // the same with the literals in place
			var b []byte
			for _, p := range s.parts {
				b = append(append(b, path[:min(len(path), max(p.gap, 0))]...), p.lit...)
			}
			equivalent(t, re, fast, b)
			equivalent(t, re, fast, bytes.ToUpper(b))
			equivalent(t, re, fast, append(b, path...))
			equivalent(t, re, fast, append(bytes.Clone(path), b...))
		}
	})
}
