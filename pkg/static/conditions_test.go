package static

import (
	"strings"
	"testing"
	"time"
)

const (
	before = "Wed, 04 Mar 2026 05:06:06 GMT"
	after  = "Wed, 04 Mar 2026 05:06:08 GMT"
)

// TAG in a field stands for the file's entity tag.
func TestPreconditionsFollowRFC9110Section13(t *testing.T) {
	s := newSite(t, map[string]string{"a": "hello"})
	if err := s.do("GET /a"); err != nil {
		t.Fatal(err)
	}
	tag := s.field("etag")
	for _, c := range []struct {
		section, fields string
		status          int
	}{
		{"13.1.1 tag matches", "if-match: TAG", 200},
		{"13.1.1 any", "if-match: *", 200},
		{"13.1.1 in a list", `if-match: "x", TAG`, 200},
		{"13.1.1 in a second field", `if-match: "x"|if-match: TAG`, 200},
		{"13.1.1 no match", `if-match: "x"`, 412},
		{"13.1.1 weak never matches", "if-match: W/TAG", 412},
		{"13.1.1 malformed", "if-match: x", 412},
		{"13.1.1 empty", "if-match: ", 412},
		{"13.1.2 tag matches", "if-none-match: TAG", 304},
		{"13.1.2 weak comparison", "if-none-match: W/TAG", 304},
		{"13.1.2 any", "if-none-match: *", 304},
		{"13.1.2 in a list", `if-none-match: "x" ,W/"y",, TAG`, 304},
		{"13.1.2 a comma within a tag", `if-none-match: "x,y", TAG`, 304},
		{"13.1.2 no match", `if-none-match: "x"`, 200},
		{"13.1.2 part of the tag", `if-none-match: "` + tag[2:], 200},
		{"13.1.2 unquoted", "if-none-match: " + strings.Trim(tag, `"`), 200},
		{"13.1.2 after garbage", `if-none-match: "x" y TAG`, 200},
		{"13.1.2 no comma between tags", `if-none-match: "x"TAG`, 200},
		{"13.1.2 unterminated", `if-none-match: "x`, 200},
		{"13.1.2 empty", "if-none-match: ", 200},
		{"13.1.3 same date", "if-modified-since: " + mtimeText, 304},
		{"13.1.3 later date", "if-modified-since: " + after, 304},
		{"13.1.3 earlier date", "if-modified-since: " + before, 200},
		{"13.1.3 no date", "if-modified-since: yesterday", 200},
		{"5.6.7 RFC 850 date", "if-modified-since: Wednesday, 04-Mar-26 05:06:07 GMT", 304},
		{"5.6.7 asctime date", "if-modified-since: Wed Mar  4 05:06:07 2026", 304},
		{"5.6.7 wrong zone", "if-modified-since: Wed, 04 Mar 2026 05:06:07 CET", 200},
		{"13.1.3 ignored beside If-None-Match", `if-none-match: "x"|if-modified-since: ` + after, 200},
		{"13.1.4 same date", "if-unmodified-since: " + mtimeText, 200},
		{"13.1.4 later date", "if-unmodified-since: " + after, 200},
		{"13.1.4 earlier date", "if-unmodified-since: " + before, 412},
		{"13.1.4 no date", "if-unmodified-since: yesterday", 200},
		{"13.1.4 ignored beside If-Match", "if-match: TAG|if-unmodified-since: " + before, 200},
		{"13.2.2 order: If-Match fails first", `if-match: "x"|if-none-match: TAG`, 412},
		{"13.2.2 order: then If-None-Match", "if-match: TAG|if-none-match: TAG", 304},
		{"13.2.2 before ranges", "if-none-match: TAG|range: bytes=0-0", 304},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			fields := strings.Split(strings.ReplaceAll(c.fields, "TAG", tag), "|")
			if err := s.do(method+" /a", fields...); err != nil {
				t.Fatal(err)
			}
			if got := s.k.head.Status; got != c.status || !s.k.done {
				t.Errorf("%s %s (%s): %d, want %d", method, c.section, c.fields, got, c.status)
			}
		}
	}
}

func TestNotModifiedRepeatsValidatorsOnly(t *testing.T) {
	s := newSite(t, map[string]string{"a.txt": "hello"})
	s.opt.Expires = time.Minute
	if err := s.do("GET /a.txt", "if-none-match: *"); err != nil {
		t.Fatal(err)
	}
	s.want(304, "")
	if s.field("etag") == "" || s.field("last-modified") != mtimeText || s.field("cache-control") != "max-age=60" {
		t.Errorf("%q", s.x.Response.Header.All())
	}
	if s.x.Response.Header.Has("content-type") || s.x.Response.Header.Has("accept-ranges") {
		t.Errorf("%q", s.x.Response.Header.All())
	}
}

func TestIfRangeFollowsRFC9110Section13_1_5(t *testing.T) {
	s := newSite(t, map[string]string{"a": "hello"})
	if err := s.do("GET /a"); err != nil {
		t.Fatal(err)
	}
	tag := s.field("etag")
	young := mtime.Add(500 * time.Millisecond)
	for _, c := range []struct {
		value  string
		now    time.Time
		status int
	}{
		{"TAG", time.Time{}, 206},
		{"W/TAG", time.Time{}, 200},
		{`"x"`, time.Time{}, 200},
		{"TAG, TAG", time.Time{}, 200},
		{"*", time.Time{}, 200},
		{"", time.Time{}, 200},
		{mtimeText, time.Time{}, 206},
		{"Wed Mar  4 05:06:07 2026", time.Time{}, 206},
		{after, time.Time{}, 200}, // exact match only, unlike If-Unmodified-Since
		{before, time.Time{}, 200},
		{mtimeText, young, 200}, // section 8.8.2.2: the date is not strong yet
		{"TAG|if-range: TAG", time.Time{}, 200},
	} {
		s.srv.now = time.Now
		if !c.now.IsZero() {
			s.srv.now = func() time.Time { return c.now }
		}
		fields := strings.Split(strings.ReplaceAll("range: bytes=1-2|if-range: "+c.value, "TAG", tag), "|")
		if err := s.do("GET /a", fields...); err != nil {
			t.Fatal(err)
		}
		want := map[int]string{200: "hello", 206: "el"}[c.status]
		if s.k.head.Status != c.status || s.k.body.String() != want {
			t.Errorf("If-Range: %s: %d %q, want %d", c.value, s.k.head.Status, s.k.body.String(), c.status)
		}
	}
}

func FuzzTagListTerminatesAndFindsOnlyWholeTags(f *testing.F) {
	for _, s := range []string{"", "*", `"a"`, `W/"a", "b"`, `"a`, `,,"a-1"`, `"a-1"x`, `W/`, `"`, `""`} {
		f.Add([]byte(s))
	}
	const etag = `"a-1"`
	f.Fuzz(func(t *testing.T, list []byte) {
		strong := matchList(list, []byte(etag), true)
		weak := matchList(list, []byte(etag), false)
		if strong && !weak {
			t.Errorf("%q matches strongly but not weakly", list)
		}
		star := strings.Trim(string(list), " \t") == "*"
		if weak && !star && !strings.Contains(string(list), etag) {
			t.Errorf("%q matches", list)
		}
	})
}
