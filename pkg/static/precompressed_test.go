package static

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/docroot"
	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// newPacked returns a site with a file and its encoded forms, as far as named.
func newPacked(t *testing.T, suffixes ...string) *site {
	t.Helper()
	files := map[string]string{"a.css": "body{}"}
	for _, suffix := range suffixes {
		files["a.css"+suffix] = "packed " + suffix
	}
	s := newSite(t, files)
	var err error
	if s.opt.Precompressed, err = NewPrecompressed([]string{"br", "zstd", "gzip"}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheEncodedFormThatTheClientLikesIsSent(t *testing.T) {
	for _, row := range []struct {
		there, accept, body, coding string
		vary                        bool
	}{
		{".br .zst .gz", "gzip, br, zstd", "packed .br", "br", true},
		{".br .zst .gz", "gzip, zstd", "packed .zst", "zstd", true},
		{".br .zst .gz", "gzip, br;q=0.5", "packed .gz", "gzip", true},
		{".br .zst .gz", "x-gzip", "packed .gz", "gzip", true},
		{".br .zst .gz", "", "body{}", "", true},
		{".br .zst .gz", "identity", "body{}", "", true},
		{".br .zst .gz", "br;q=2", "body{}", "", true},
		{".gz", "gzip, br, zstd", "packed .gz", "gzip", true},
		{".gz", "br, zstd", "body{}", "", true},
		{"", "gzip, br, zstd", "body{}", "", false},
		{".bz2 .GZ", "gzip, bzip2", "body{}", "", false},
	} {
		s := newPacked(t, strings.Fields(row.there)...)
		if err := s.do("GET /a.css", "accept-encoding: "+row.accept); err != nil {
			t.Fatal(err)
		}
		s.want(200, row.body)
		if s.field("content-encoding") != row.coding || (s.field("vary") == "Accept-Encoding") != row.vary {
			t.Errorf("%s for %q: %q, Vary %q", row.there, row.accept, s.field("content-encoding"), s.field("vary"))
		}
		if s.field("content-type") != "text/css; charset=utf-8" || s.k.head.ContentLength != int64(len(row.body)) {
			t.Errorf("%s, length %d", s.field("content-type"), s.k.head.ContentLength)
		}
	}
}

func TestAnEncodedFormThatIsOlderThanTheFileIsNotSent(t *testing.T) {
	for _, row := range []struct {
		age  time.Duration
		sent bool
	}{{0, true}, {-time.Hour, true}, {time.Nanosecond, false}, {time.Hour, false}} {
		s := newPacked(t, ".gz")
		at := mtime.Add(-row.age)
		if err := os.Chtimes(s.dir+"/a.css.gz", at, at); err != nil {
			t.Fatal(err)
		}
		if err := s.do("GET /a.css", "accept-encoding: gzip"); err != nil {
			t.Fatal(err)
		}
		if got := s.field("content-encoding") == "gzip"; got != row.sent || (s.field("vary") != "") != row.sent {
			t.Errorf("older by %v: encoded %t, Vary %q", row.age, got, s.field("vary"))
		}
	}
}

func TestEveryFormHasAStrongTagOfItsOwn(t *testing.T) {
	s := newPacked(t)
	for _, suffix := range []string{".br", ".gz"} {
		s.plant("a.css"+suffix, "body{}") // no difference but the name
	}
	tags := map[string]string{}
	for _, coding := range []string{"", "br", "gzip"} {
		if err := s.do("GET /a.css", "accept-encoding: "+coding); err != nil {
			t.Fatal(err)
		}
		tag := s.field("etag")
		if tag[0] != '"' || tags[tag] != "" {
			t.Errorf("%q: %s", coding, tag)
		}
		tags[tag] = coding + "."
		if err := s.do("GET /a.css", "accept-encoding: "+coding, "if-none-match: "+tag); err != nil {
			t.Fatal(err)
		}
		s.want(304, "")
		if s.field("etag") != tag || s.field("vary") != "Accept-Encoding" || s.field("content-encoding") != "" {
			t.Errorf("304: %s, Vary %q, %q", s.field("etag"), s.field("vary"), s.field("content-encoding"))
		}
		if err := s.do("GET /a.css", "accept-encoding: br;q=0.1, zstd", "if-none-match: "+tag); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 304, false: 200}[coding == "br"]; s.k.head.Status != want {
			t.Errorf("the tag of %q for another form: %d", coding, s.k.head.Status)
		}
	}
}

func TestHeadAndRangesAreThoseOfTheEncodedForm(t *testing.T) {
	s := newPacked(t, ".gz")
	if err := s.do("HEAD /a.css", "accept-encoding: gzip"); err != nil {
		t.Fatal(err)
	}
	s.want(200, "")
	if s.k.head.ContentLength != int64(len("packed .gz")) || s.field("content-encoding") != "gzip" {
		t.Errorf("%d, %q", s.k.head.ContentLength, s.field("content-encoding"))
	}
	if err := s.do("GET /a.css", "accept-encoding: gzip", "range: bytes=7-8"); err != nil {
		t.Fatal(err)
	}
	s.want(206, ".g")
	if s.field("content-range") != "bytes 7-8/10" || s.field("content-encoding") != "gzip" || s.field("vary") == "" {
		t.Errorf("%q, %q", s.field("content-range"), s.field("content-encoding"))
	}
	if err := s.do("GET /a.css", "accept-encoding: gzip", "range: bytes=0-0,2-2"); err != nil {
		t.Fatal(err)
	}
	s.want(200, "packed .gz")
}

func TestALargeEncodedFormGoesBySendfile(t *testing.T) {
	s := newPacked(t)
	large := strings.Repeat("x", sendfileMin)
	s.plant("a.css.gz", large)
	k := &fileSink{sink: sink{t: t}}
	if err := s.doTo(k, "GET /a.css", "accept-encoding: gzip"); err != nil {
		t.Fatal(err)
	}
	if len(k.sent) != 1 || k.body.String() != large {
		t.Errorf("%d calls, %d bytes", len(k.sent), k.body.Len())
	}
}

// TestAnEncodedFormIsNoWayAroundTheRules is about names and links that lead to
// what must not be shown.
func TestAnEncodedFormIsNoWayAroundTheRules(t *testing.T) {
	s := newPacked(t)
	s.plant("secret.php", "<?php secret")
	s.plant("b.inc", "source")
	s.plant("b.inc.gz", "packed source")
	for link, target := range map[string]string{"a.css.gz": "secret.php", "a.css.br": "/etc/hostname"} {
		if err := os.Symlink(target, s.dir+"/"+link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(s.dir+"/a.css.zst", 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.opt.Deny, err = NewDeny(DefaultDeny()); err != nil {
		t.Fatal(err)
	}
	if err := s.do("GET /a.css", "accept-encoding: *"); err != nil {
		t.Fatal(err)
	}
	s.want(200, "body{}")
	if s.field("vary") != "" {
		t.Errorf("Vary %q", s.field("vary"))
	}
	if err := s.do("GET /b.inc", "accept-encoding: *"); !errors.Is(err, ErrDenied) {
		t.Errorf("%v", err)
	}
	if err := s.do("GET /nothing.css", "accept-encoding: *"); !errors.Is(err, docroot.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestAnEncodedFormIsNoWayToADotfile(t *testing.T) {
	s := newPacked(t)
	s.plant(".env", "secret")
	for _, dir := range []string{".git", ".v2"} {
		if err := os.Mkdir(s.dir+"/"+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.plant(".git/pack", "secret")
	s.plant("packed.bin", "packed")
	s.plant(".v2/b.css", "body{}")
	s.plant(".v2/b.css.gz", "packed")
	for link, target := range map[string]string{"a.css.br": ".env", "a.css.zst": ".git/pack", "a.css.gz": "packed.bin", "v2": ".v2"} {
		if err := os.Symlink(target, s.dir+"/"+link); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct{ target, accept, body string }{
		{"/a.css", "br", "body{}"},
		{"/a.css", "zstd", "body{}"},
		{"/a.css", "br, zstd, gzip", "packed"}, // a link like any
		{"/v2/b.css", "gzip", "packed"},        // beside the file that a link leads to
	} {
		if err := s.do("GET "+row.target, "accept-encoding: "+row.accept); err != nil {
			t.Fatal(err)
		}
		s.want(200, row.body)
	}
}

func TestALinkThatTurnsToADotfileGivesWayToTheFile(t *testing.T) {
	s := newPacked(t)
	s.plant(".env", "secret")
	s.plant("packed.bin", "packed")
	root, err := docroot.New(s.dir, docroot.Options{Valid: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	s.root = root
	for i, target := range []string{"packed.bin", ".env"} {
		if err := os.Remove(s.dir + "/a.css.gz"); i > 0 && err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, s.dir+"/a.css.gz"); err != nil {
			t.Fatal(err)
		}
		if err := s.do("GET /a.css", "accept-encoding: gzip"); err != nil {
			t.Fatal(err)
		}
		s.want(200, []string{"packed", "body{}"}[i])
	}
}

// TestAFormThatGoesAwayGivesWayToTheFile has the root remember what is not there
// any more, or is of an earlier state.
func TestAFormThatGoesAwayGivesWayToTheFile(t *testing.T) {
	for name, change := range map[string]func(s *site) error{
		"removed":  func(s *site) error { return os.Remove(s.dir + "/a.css.gz") },
		"denied":   func(s *site) error { return os.Chmod(s.dir+"/a.css.gz", 0) },
		"replaced": func(s *site) error { return os.Chtimes(s.dir+"/a.css.gz", mtime, mtime.Add(-time.Hour)) },
	} {
		if name == "denied" && os.Getuid() == 0 {
			continue // root reads everything
		}
		s := newPacked(t, ".gz")
		root, err := docroot.New(s.dir, docroot.Options{Valid: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		s.root = root
		for range 2 {
			if err := s.do("GET /a.css", "accept-encoding: gzip"); err != nil {
				t.Fatal(name, err)
			}
			if err := change(s); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
		s.want(200, "body{}")
		if s.field("content-encoding") != "" || strings.Contains(s.field("etag"), "gz") {
			t.Errorf("%s: %q, %s", name, s.field("content-encoding"), s.field("etag"))
		}
		root.Close()
	}
}

func TestOtherMethodsAndErrorPagesGetTheFileItself(t *testing.T) {
	s := newPacked(t, ".gz")
	s.opt.Status = 404
	if err := s.do("GET /a.css", "accept-encoding: gzip"); err != nil {
		t.Fatal(err)
	}
	s.want(404, "body{}")
	s.opt.Status, s.opt.AnyMethod = 0, true
	if err := s.do("POST /a.css", "accept-encoding: gzip"); err != nil {
		t.Fatal(err)
	}
	s.want(200, "body{}")
}

func TestACodingWithoutAnEndingIsAnError(t *testing.T) {
	if _, err := NewPrecompressed([]string{"gzip", "deflate"}); err == nil || !strings.Contains(err.Error(), "deflate") {
		t.Error(err)
	}
	if p, err := NewPrecompressed(nil); p != nil || err != nil {
		t.Error(p, err)
	}
}

// BenchmarkNoEncodedForm is what looking for three forms costs when there is
// none.
func BenchmarkNoEncodedForm(b *testing.B) {
	for _, row := range []struct {
		name    string
		codings []string
	}{{"not looked for", nil}, {"looked for", []string{"br", "zstd", "gzip"}}} {
		b.Run(row.name, func(b *testing.B) {
			dir := b.TempDir()
			if err := os.WriteFile(dir+"/a.css", []byte("body{}"), 0o644); err != nil {
				b.Fatal(err)
			}
			root, err := docroot.New(dir, docroot.Options{Valid: time.Hour})
			if err != nil {
				b.Fatal(err)
			}
			defer root.Close()
			p, err := NewPrecompressed(row.codings)
			if err != nil {
				b.Fatal(err)
			}
			s := &site{srv: New(Config{}), root: root, opt: Options{Precompressed: p}}
			benchmarkHead(b, s)
		})
	}
}

func benchmarkHead(b *testing.B, s *site) {
	s.x = exchange.New()
	b.ReportAllocs()
	for b.Loop() {
		s.k = &sink{}
		if err := s.doTo(s.k, "HEAD /a.css", "accept-encoding: gzip, br"); err != nil {
			b.Fatal(err)
		}
	}
}
