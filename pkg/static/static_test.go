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

func TestGetSendsTheFileWithItsFields(t *testing.T) {
	s := newSite(t, map[string]string{"a.HTML": "hello"})
	s.opt.Expires = time.Hour + 900*time.Millisecond
	s.opt.Headers = []exchange.Field{{Name: []byte("X-Extra"), Value: []byte("1")}}
	if err := s.do("GET /a.HTML"); err != nil {
		t.Fatal(err)
	}
	s.want(200, "hello")
	if s.k.head.ContentLength != 5 || s.k.writes != 1 {
		t.Errorf("length %d, %d writes", s.k.head.ContentLength, s.k.writes)
	}
	for name, want := range map[string]string{
		"content-type": "text/html; charset=utf-8", "last-modified": mtimeText, "accept-ranges": "bytes",
		"cache-control": "max-age=3600", "x-extra": "1",
	} {
		if got := s.field(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if tag := s.field("etag"); len(tag) < 5 || tag[0] != '"' || !strings.HasSuffix(tag, `-5"`) {
		t.Errorf("ETag: %s", tag)
	}
}

func TestHeadSendsTheSameFieldsAndNoBody(t *testing.T) {
	s := newSite(t, map[string]string{"a.txt": "hello"})
	if err := s.do("GET /a.txt"); err != nil {
		t.Fatal(err)
	}
	tag := s.field("etag")
	if err := s.do("HEAD /a.txt", "range: bytes=0-1"); err != nil {
		t.Fatal(err)
	}
	s.want(200, "")
	if s.k.head.ContentLength != 5 || s.field("etag") != tag {
		t.Errorf("length %d, tag %s", s.k.head.ContentLength, s.field("etag"))
	}
}

func TestOtherMethodsAreNotAllowed(t *testing.T) {
	s := newSite(t, map[string]string{"a": "hello"})
	for _, m := range []string{"POST", "PUT", "DELETE", "OPTIONS", "get", "X"} {
		if err := s.do(m + " /a"); err != nil {
			t.Fatal(err)
		}
		s.want(405, "")
		if s.field("allow") != "GET, HEAD" || s.k.head.ContentLength != 0 {
			t.Errorf("%s: Allow %q", m, s.field("allow"))
		}
	}
	s.opt.AnyMethod = true
	if err := s.do("POST /a", "if-none-match: *", "range: bytes=0-0"); err != nil {
		t.Fatal(err)
	}
	s.want(200, "hello")
}

func TestWhatCannotBeServedIsAnErrorAndNothingIsSent(t *testing.T) {
	s := newSite(t, map[string]string{"a.php": "<?php", "real.php": "<?php secret"})
	for _, err := range []error{
		os.Mkdir(s.dir+"/dir", 0o755),
		os.Symlink("/etc/passwd", s.dir+"/out"),
		os.Symlink("real.php", s.dir+"/logo.txt"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if s.opt.Deny, err = NewDeny(DefaultDeny()); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		"/none": docroot.ErrNotExist, "/dir": ErrDirectory, "/dir/": ErrDirectory, "/out": docroot.ErrForbidden,
		"/a.php": ErrDenied, "/A.PHP": docroot.ErrNotExist, "/logo.txt": ErrDenied, "/../x": docroot.ErrForbidden,
	} {
		for _, method := range []string{"GET ", "POST "} {
			if err := s.do(method + path); err != want || s.k.started || s.k.aborted || s.x.Response.Header.Len() != 0 {
				t.Errorf("%s: %v, want %v; started %v", path, err, want, s.k.started)
			}
		}
	}
}

func TestFieldsAlreadySetTakeThePlaceOfOurs(t *testing.T) {
	s := newSite(t, map[string]string{"a.html": "0123456789"})
	s.opt.Expires = time.Minute
	s.opt.Headers = []exchange.Field{
		{Name: []byte("cache-control"), Value: []byte("no-store")},
		{Name: []byte("Content-Type"), Value: []byte("image/x-own")},
	}
	if err := s.do("GET /a.html"); err != nil {
		t.Fatal(err)
	}
	h := &s.x.Response.Header
	if h.Count("cache-control") != 1 || s.field("cache-control") != "no-store" || h.Count("content-type") != 1 || s.field("content-type") != "image/x-own" {
		t.Errorf("%q", h.All())
	}
	if err := s.do("GET /a.html", "range: bytes=0-1,4-5"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.k.body.String(), "image/x-own") || h.Count("content-type") != 1 {
		t.Errorf("%q", s.k.body.String())
	}
}

func TestErrorPageIsSentWholeWithItsStatusAndNoValidators(t *testing.T) {
	s := newSite(t, map[string]string{"404.html": "gone"})
	s.opt.Status = 404
	for _, m := range []string{"GET", "POST"} {
		if err := s.do(m+" /404.html", "range: bytes=0-0", "if-none-match: *"); err != nil {
			t.Fatal(err)
		}
		s.want(404, "gone")
		if s.field("etag") != "" || s.field("last-modified") != "" || s.field("content-type") == "" {
			t.Errorf("%q", s.x.Response.Header.All())
		}
	}
}

func TestETagsOfDifferentFilesDiffer(t *testing.T) {
	s := newSite(t, map[string]string{"a": "x"})
	seen := map[string]string{}
	// Without a separator the hex of the second pair is that of the first.
	for name, c := range map[string]struct {
		ns   int64
		size int64
	}{"a": {0x123, 0x45}, "b": {0x1234, 0x5}, "c": {0x123, 0x5}, "d": {0x12345, 0}} {
		s.plant(name, "")
		at := time.Unix(0, c.ns)
		if err := errors.Join(os.Truncate(s.dir+"/"+name, c.size), os.Chtimes(s.dir+"/"+name, at, at)); err != nil {
			t.Fatal(err)
		}
		if err := s.do("GET /" + name); err != nil {
			t.Fatal(err)
		}
		tag := s.field("etag")
		if other, dup := seen[tag]; dup {
			t.Errorf("%s and %s both have %s", name, other, tag)
		}
		seen[tag] = name
	}
}

func TestTimeInTheFutureIsNotSent(t *testing.T) {
	s := newSite(t, map[string]string{"a": "x"})
	s.srv.now = func() time.Time { return mtime.Add(-time.Hour) }
	if err := s.do("GET /a"); err != nil {
		t.Fatal(err)
	}
	if got := s.field("last-modified"); got != "Wed, 04 Mar 2026 04:06:07 GMT" {
		t.Errorf("Last-Modified: %s", got)
	}
}

func TestNotModifiedAllocatesNothing(t *testing.T) {
	s := newSite(t, map[string]string{"a.css": "x"})
	root, err := docroot.New(s.dir, docroot.Options{Valid: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	s.root, s.opt.Expires = root, time.Hour
	if s.opt.Deny, err = NewDeny(DefaultDeny()); err != nil {
		t.Fatal(err)
	}
	if err := s.do("GET /a.css"); err != nil {
		t.Fatal(err)
	}
	k := &sink{t: t}
	x, rel, get := s.x, []byte("/a.css"), []byte("GET")
	name, tag := []byte("if-none-match"), []byte(s.field("etag"))
	n := testing.AllocsPerRun(100, func() {
		x.Reset()
		*k = sink{t: t}
		x.Sink, x.Request.Method = k, get
		x.Request.Header.Add(name, tag)
		if err := s.srv.Serve(x, root, rel, &s.opt); err != nil || k.head.Status != 304 {
			t.Fatal(err, k.head.Status)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
