package static

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
)

const ten = "0123456789"

func TestRangesFollowRFC9110Section14(t *testing.T) {
	s := newSite(t, map[string]string{"a": ten, "empty": ""})
	for _, c := range []struct {
		section, value string
		status         int
		body           string
		contentRange   string
	}{
		{"14.1.2 first bytes", "bytes=0-3", 206, "0123", "bytes 0-3/10"},
		{"14.1.2 one byte", "bytes=5-5", 206, "5", "bytes 5-5/10"},
		{"14.1.2 open end", "bytes=7-", 206, "789", "bytes 7-9/10"},
		{"14.1.2 whole", "bytes=0-", 206, ten, "bytes 0-9/10"},
		{"14.1.2 end cut to size", "bytes=8-500", 206, "89", "bytes 8-9/10"},
		{"14.1.2 suffix", "bytes=-2", 206, "89", "bytes 8-9/10"},
		{"14.1.2 suffix longer than the file", "bytes=-99", 206, ten, "bytes 0-9/10"},
		{"14.1.2 huge numbers", "bytes=9-99999999999999999999999", 206, "9", "bytes 9-9/10"},
		{"14.1.2 huge suffix", "bytes=-99999999999999999999999", 206, ten, "bytes 0-9/10"},
		{"14.1 unit in any case", "BYTES=0-0", 206, "0", "bytes 0-0/10"},
		{"5.6.1 empty elements", "bytes=,0-0, ,", 206, "0", "bytes 0-0/10"},
		{"5.6.1 spaces", "bytes= 0-0 ", 206, "0", "bytes 0-0/10"},
		{"15.3.7.2 one of two satisfiable", "bytes=0-1,50-60", 206, "01", "bytes 0-1/10"},
		{"15.5.17 beyond the end", "bytes=10-", 416, "", "bytes */10"},
		{"15.5.17 all beyond", "bytes=10-11,20-", 416, "", "bytes */10"},
		{"15.5.17 no bytes", "bytes=-0", 416, "", "bytes */10"},
		{"15.5.17 beyond any file", "bytes=99999999999999999999-", 416, "", "bytes */10"},
		{"14.2 other unit", "lines=0-1", 200, ten, ""},
		{"14.2 no unit", "0-1", 200, ten, ""},
		{"14.1.1 no set", "bytes=", 200, ten, ""},
		{"14.1.1 no dash", "bytes=5", 200, ten, ""},
		{"14.1.1 only a dash", "bytes=-", 200, ten, ""},
		{"14.1.1 last before first", "bytes=5-4", 200, ten, ""},
		{"14.1.1 one bad spoils all", "bytes=0-1,5-4", 200, ten, ""},
		{"14.1.1 sign", "bytes=+1-2", 200, ten, ""},
		{"14.1.1 two dashes", "bytes=1-2-3", 200, ten, ""},
		{"14.1.1 minus", "bytes=--1", 200, ten, ""},
		{"14.1.1 space inside", "bytes=1 -2", 200, ten, ""},
		{"14.1.1 hex", "bytes=0x1-2", 200, ten, ""},
	} {
		if err := s.do("GET /a", "range: "+c.value); err != nil {
			t.Fatal(err)
		}
		k := s.k
		if k.head.Status != c.status || k.body.String() != c.body || s.field("content-range") != c.contentRange {
			t.Errorf("%s (%s): %d %q %q", c.section, c.value, k.head.Status, k.body.String(), s.field("content-range"))
		}
		if k.head.ContentLength != int64(len(c.body)) || !k.done {
			t.Errorf("%s: length %d, done %v", c.section, k.head.ContentLength, k.done)
		}
	}
	if err := s.do("GET /empty", "range: bytes=0-"); err != nil {
		t.Fatal(err)
	}
	s.want(200, "")
	if err := s.do("GET /a", "range: bytes=0-0", "range: bytes=1-1"); err != nil {
		t.Fatal(err)
	}
	s.want(200, ten)
}

func TestSeveralRangesMakeAMultipartBody(t *testing.T) {
	s := newSite(t, map[string]string{"a.txt": ten})
	if err := s.do("GET /a.txt", "range: bytes=0-1,4-4,-3"); err != nil {
		t.Fatal(err)
	}
	k := s.k
	kind, params, err := mime.ParseMediaType(s.field("content-type"))
	if err != nil || kind != "multipart/byteranges" || k.head.Status != 206 || s.field("content-range") != "" {
		t.Fatalf("%d %q, %v", k.head.Status, s.x.Response.Header.All(), err)
	}
	if k.head.ContentLength != int64(k.body.Len()) || !k.done {
		t.Errorf("length %d, sent %d", k.head.ContentLength, k.body.Len())
	}
	r := multipart.NewReader(&k.body, params["boundary"])
	for _, want := range []string{"01 bytes 0-1/10", "4 bytes 4-4/10", "789 bytes 7-9/10"} {
		p, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p)
		if got := string(body) + " " + p.Header.Get("Content-Range"); got != want || err != nil {
			t.Errorf("part %q, want %q, %v", got, want, err)
		}
		if p.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("part's type %q", p.Header.Get("Content-Type"))
		}
	}
	if _, err := r.NextRawPart(); err != io.EOF {
		t.Errorf("after the last part: %v", err)
	}
}

func TestAbusiveRangesGetTheWholeFile(t *testing.T) {
	s := newSite(t, map[string]string{"a": strings.Repeat(ten, 10)})
	whole := strings.Repeat(ten, 10)
	many := func(n int) string {
		var specs []string
		for i := range n {
			specs = append(specs, fmt.Sprintf("%d-%d", 2*i, 2*i))
		}
		return strings.Join(specs, ",")
	}
	for _, c := range []struct {
		value  string
		status int
	}{
		{many(16), 206},
		{many(17), 200},
		{many(1000), 200},
		{many(16) + ",500-", 200},          // unsatisfiable ones count too
		{"0-0,0-0,0-0", 206},               // two overlaps
		{"0-0,0-0,0-0,0-0", 200},           // three
		{"0-60,50-99", 200},                // more than the file
		{"0-49,50-99", 206},                // exactly the file
		{"0-,0-", 200},                     // twice the file
		{strings.Repeat("-1,", 16), 200},   // the same again and again
		{strings.Repeat("0-,", 1000), 200}, //
	} {
		if err := s.do("GET /a", "range: bytes="+c.value); err != nil {
			t.Fatal(err)
		}
		if s.k.head.Status != c.status || c.status == 200 && s.k.body.String() != whole {
			t.Errorf("%.40s: %d, %d bytes", c.value, s.k.head.Status, s.k.body.Len())
		}
	}
}

func FuzzRangesStayWithinTheFile(f *testing.F) {
	for _, v := range []string{"bytes=0-3", "bytes=-5", "bytes=1-,2-", "bytes=-0", "bytes=9-1", "bytes=99999999999999999999-", "bytes=0-0,0-0"} {
		f.Add([]byte(v), int64(10))
	}
	f.Fuzz(func(t *testing.T, v []byte, size int64) {
		if size < 0 {
			return
		}
		var set rangeSet
		verdict := parseRanges(v, size, &set)
		if verdict == rangesNone {
			return
		}
		var sum int64
		for _, r := range set.at[:set.n] {
			if r.from < 0 || r.n <= 0 || r.from > size-r.n {
				t.Fatalf("%q of %d: %+v", v, size, r)
			}
			sum += r.n
		}
		if wrong := map[rangeVerdict]bool{rangesOne: set.n != 1, rangesMany: set.n < 2 || sum > size, rangesUnsatisfiable: set.n != 0}; wrong[verdict] {
			t.Fatalf("%q of %d: verdict %d with %+v", v, size, verdict, set)
		}
	})
}
