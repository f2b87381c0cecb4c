package router_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/router"
)

// simplest is the precedence written down without any index.
func simplest(list []router.Entry[string], path []byte) int {
	best, length := -1, -1
	for i, e := range list {
		switch e.Pattern.Kind() {
		case router.Exact:
			if e.Pattern.Match(path) {
				return i
			}
		case router.Prefix, router.PrefixFinal:
			if e.Pattern.Match(path) && len(e.Pattern.Text()) > length {
				best, length = i, len(e.Pattern.Text())
			}
		}
	}
	if best >= 0 && list[best].Pattern.Kind() == router.PrefixFinal {
		return best
	}
	for i, e := range list {
		if k := e.Pattern.Kind(); (k == router.Regex || k == router.RegexFold) && e.Pattern.Match(path) {
			return i
		}
	}
	return best
}

func check(t *testing.T, list []router.Entry[string], path []byte) {
	t.Helper()
	l, err := router.New(list)
	if err != nil {
		return // random patterns may repeat
	}
	want := simplest(list, path)
	if _, got, ok := l.Match(path); got != want || ok != (want >= 0) {
		t.Fatalf("%q goes to %d, want %d of %v", path, got, want, list)
	}
}

func TestRandomLocationsMatchAsTheRulesSay(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		b := []byte{'/'}
		for range rng.IntN(5) {
			b = append(b, "ab/"[rng.IntN(3)])
		}
		return string(b)
	}
	for range 5000 {
		var patterns []string
		seen := map[string]bool{}
		for range 1 + rng.IntN(12) {
			mark := []string{"", "= ", "^~ ", "~ ", "~* "}[rng.IntN(5)]
			p := mark + text()
			if id := strings.TrimPrefix(p, "^~ "); !seen[id] {
				seen[id] = true
				patterns = append(patterns, p)
			}
		}
		list := entries(t, patterns...)
		for range 8 {
			check(t, list, []byte(text()))
		}
	}
}

func FuzzMatchFollowsThePrecedence(f *testing.F) {
	f.Add("/\n= /a\n^~ /ab\n~ b$\n~* \\.PHP", "/ab/c.php")
	f.Add("/a\n/ab\n/abc\n= /abc", "/abc")
	f.Fuzz(func(t *testing.T, patterns, path string) {
		var list []router.Entry[string]
		for s := range strings.SplitSeq(patterns, "\n") {
			p, err := router.ParsePattern(s)
			if err == nil {
				list = append(list, router.Entry[string]{Pattern: p, Value: s})
			}
		}
		check(t, list, []byte(path))
	})
}

func FuzzHostMatchNeverPanics(f *testing.F) {
	f.Add("*.a.b\nw.*\n.x\n~^q\n*", "w.a.b")
	f.Fuzz(func(t *testing.T, names, host string) {
		var list []router.HostEntry[int]
		for s := range strings.SplitSeq(names, "\n") {
			if p, err := router.ParseHost(s); err == nil {
				list = append(list, router.HostEntry[int]{Host: p, Value: len(list)})
			}
		}
		h, err := router.NewHosts(list)
		if err != nil {
			return
		}
		v, i, ok := h.Match([]byte(host))
		if ok && (v != i || i >= len(list)) || !ok && i != -1 {
			t.Fatalf("%d %d %v", v, i, ok)
		}
	})
}

func TestMatchingAllocatesNothing(t *testing.T) {
	l := mustNew(t, "/", "= /x", "^~ /static/", `~ \.php(/|$)`, `~* \.(jpe?g|css)$`, `~ ^/u/.+/$`)
	paths := [][]byte{[]byte("/index.php"), []byte("/x"), []byte("/static/a"), []byte("/a.CSS"), []byte("/u/12/"), []byte("/none")}
	h := mustHosts(t, "*", "*.example.org", "www.*", `~^(aa|a)\.b$`)
	hosts := [][]byte{[]byte("a.example.org"), []byte("www.x.y"), []byte("aa.b"), []byte("q")}
	if n := testing.AllocsPerRun(200, func() {
		for _, p := range paths {
			l.Match(p)
		}
		for _, x := range hosts {
			h.Match(x)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMatchPrefix(b *testing.B) {
	for _, n := range []int{1, 50, 1000, 50000} {
		list := make([]string, 0, n)
		for i := range n {
			list = append(list, fmt.Sprintf("/customer-%05d/section-%d/", i*7919%100003, i%13))
		}
		l := mustNew(b, list...)
		path := []byte(list[n/2] + "page/index.html")
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, ok := l.Match(path); !ok {
					b.Fatal("no match")
				}
			}
		})
	}
}

func BenchmarkMatchRegex(b *testing.B) {
	for _, c := range []struct{ name, pattern string }{
		{"fast", `~ \.php(/|$)`}, {"fast-fold", `~* \.(jpe?g|gif|css|js|php)$`}, {"regexp", `~ [^/]\.php(/|$)`},
	} {
		l := mustNew(b, "/", c.pattern)
		path := []byte("/wp-content/plugins/some/thing/index.php")
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, i, _ := l.Match(path); i != 1 {
					b.Fatal("no match")
				}
			}
		})
	}
}

func BenchmarkMatchHost(b *testing.B) {
	names := []string{"*"}
	for i := range 1000 {
		names = append(names, fmt.Sprintf("*.customer%d.example.org", i))
	}
	h := mustHosts(b, names...)
	host := []byte("www.shop.customer77.example.org")
	b.ReportAllocs()
	for b.Loop() {
		if _, i, _ := h.Match(host); i != 78 {
			b.Fatal("no match")
		}
	}
}
