package compress

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// TestWhatIsEncoded holds each condition against a page that is encoded without
// it. A row's fields take the place of the page's own.
func TestWhatIsEncoded(t *testing.T) {
	c := newCompressor(t, config())
	for _, row := range []struct {
		name     string
		status   int
		fields   string // name: value, separated by |
		size     int
		declared bool
		encoded  bool
		vary     string
	}{
		{"a page", 200, "", 1000, true, true, "Accept-Encoding"},
		{"a page of unknown length", 200, "", 1000, false, true, "Accept-Encoding"},
		{"an error page", 404, "", 1000, true, true, "Accept-Encoding"},
		{"a failure", 500, "", 1000, true, true, "Accept-Encoding"},
		{"a redirect with a long text", 302, "", 1000, true, true, "Accept-Encoding"},
		{"the shortest that is", 200, "", 100, true, true, "Accept-Encoding"},
		{"one byte less", 200, "", 99, true, false, ""},
		{"one byte less, not declared", 200, "", 99, false, false, ""},
		{"nothing", 200, "", 0, true, false, ""},
		{"nothing, not declared", 200, "", 0, false, false, ""},
		{"a part", 206, "Content-Range: bytes 0-999/5000", 1000, true, false, "Accept-Encoding"},
		{"a part by its field", 200, "Content-Range: bytes 0-999/5000", 1000, true, false, ""},
		{"encoded already", 200, "Content-Encoding: gzip", 1000, true, false, ""},
		{"encoded in a way", 200, "content-encoding: identity", 1000, true, false, ""},
		{"not to be transformed", 200, "Cache-Control: public, No-Transform", 1000, true, false, ""},
		{"not to be transformed, second field", 200, "Cache-Control: public|Cache-Control: no-transform", 1000, true, false, ""},
		{"cacheable", 200, "Cache-Control: max-age=60", 1000, true, true, "Accept-Encoding"},
		{"no type", 200, "Content-Type: ", 1000, true, false, ""},
		{"an image", 200, "Content-Type: image/png", 1000, true, false, ""},
		{"a listed type", 200, "Content-Type: application/json", 1000, true, true, "Accept-Encoding"},
		{"in capitals", 200, "Content-Type: Application/JSON ; charset=x", 1000, true, true, "Accept-Encoding"},
		{"one like it", 200, "Content-Type: application/jsonp", 1000, true, false, ""},
		{"a wildcard in the middle", 200, "Content-Type: application/rss+xml", 1000, true, true, "Accept-Encoding"},
		{"too short for the wildcard", 200, "Content-Type: application/xml", 1000, true, false, ""},
		{"a type without end", 200, "Content-Type: text/" + string(page(200)), 1000, true, false, ""},
		{"varying", 200, "Vary: Cookie", 1000, true, true, "Cookie, Accept-Encoding"},
		{"varying already", 200, "Vary: accept-encoding, Cookie", 1000, true, true, "accept-encoding, Cookie"},
		{"varying with everything", 200, "Vary: *", 1000, true, true, "*"},
	} {
		x := newExchange("gzip")
		x.Response.Status = row.status
		setFields(&x.Response.Header, row.fields)
		if row.declared {
			x.Response.ContentLength = int64(row.size)
		}
		body := page(row.size)
		s := run(t, c, x, body)
		h := &x.Response.Header
		encoded := string(h.Get("Content-Encoding")) == "gzip" && !bytes.Equal(s.body, body)
		if encoded != row.encoded || string(h.Get("Vary")) != row.vary {
			t.Errorf("%s: encoded %t, Vary %q", row.name, encoded, h.Get("Vary"))
		}
		if want := row.declared && !row.encoded; (x.Response.ContentLength == int64(row.size)) != want {
			t.Errorf("%s: Content-Length %d", row.name, x.Response.ContentLength)
		}
	}
}

func setFields(h *exchange.Header, fields string) {
	for i, f := range bytes.Split([]byte(fields), []byte("|")) {
		if name, value, ok := bytes.Cut(f, []byte(": ")); ok {
			if i == 0 {
				h.Del(string(name))
			}
			h.Add(name, value)
		}
	}
}

func TestWhoGetsWhichEncoding(t *testing.T) {
	c := newCompressor(t, config())
	for _, row := range []struct {
		accept, want string
		size         int
		vary         bool
	}{
		{"", "", 1000, true},
		{"gzip, br", "br", 1000, true},
		{"gzip, br;q=0.5", "gzip", 1000, true},
		{"deflate", "", 1000, true},
		{"gzip;q=2", "", 1000, true},
		{"gzip, br, zstd", "zstd", 1000, true},
		{"gzip, identity;q=0", "gzip", 5, true}, // refuses what is not encoded
		{"gzip, identity;q=0", "", 0, false},
		{"identity;q=0", "", 1000, true}, // nobody can help it
	} {
		for _, declared := range []bool{true, false} {
			x := newExchange(row.accept)
			if declared {
				x.Response.ContentLength = int64(row.size)
			}
			run(t, c, x, page(row.size))
			h := &x.Response.Header
			if got := string(h.Get("Content-Encoding")); got != row.want || h.Has("Vary") != row.vary {
				t.Errorf("%q, %d bytes, declared %t: %q, Vary %q", row.accept, row.size, declared, got, h.Get("Vary"))
			}
		}
	}
}

func TestAnHTTP10ClientGetsThePlainBody(t *testing.T) {
	x := newExchange("gzip")
	x.Request.Minor = 0
	s := run(t, newCompressor(t, config()), x, page(1000))
	if x.Response.Header.Has("Content-Encoding") || len(s.body) != 1000 {
		t.Errorf("%q, %d bytes", x.Response.Header.Get("Content-Encoding"), len(s.body))
	}
}

func TestHeadSaysWhatGetWouldSay(t *testing.T) {
	c := newCompressor(t, config())
	for _, size := range []int64{99, 5000, -1} {
		heads := map[string]string{}
		for _, method := range []string{"GET", "HEAD"} {
			x := newExchange("br")
			x.Request.Method = []byte(method)
			x.Response.ContentLength = size
			x.Response.Header.AddString("ETag", `"a"`)
			body := page(max(int(size), 1000))
			if size >= 0 {
				body = body[:size]
			}
			if method == "HEAD" {
				body = nil
			}
			run(t, c, x, body)
			heads[method] = fmt.Sprintf("%s, length %d", x.Response.Header.All(), x.Response.ContentLength)
			if c.Busy() != 0 {
				t.Errorf("%s: %d encoders in use", method, c.Busy())
			}
		}
		if heads["GET"] != heads["HEAD"] {
			t.Errorf("GET  %s\nHEAD %s", heads["GET"], heads["HEAD"])
		}
	}
}

func TestWhatDescribesTheBytesIsRemovedOrWeakened(t *testing.T) {
	c := newCompressor(t, config())
	for _, row := range []struct{ etag, want string }{
		{`"abc"`, `W/"abc"`}, {`W/"abc"`, `W/"abc"`}, {"abc", "abc"}, {"", ""},
	} {
		x := newExchange("gzip")
		h := &x.Response.Header
		for _, name := range []string{"Accept-Ranges", "Content-MD5", "Content-Digest", "Repr-Digest", "Digest"} {
			h.AddString(name, "x")
		}
		h.AddString("ETag", row.etag)
		run(t, c, x, page(1000))
		if got := string(h.Get("ETag")); got != row.want || h.Count("etag") != 1 {
			t.Errorf("%q became %q", row.etag, got)
		}
		if h.Len() != 4 { // Content-Type, ETag, Content-Encoding, Vary
			t.Errorf("left: %s", h.All())
		}
	}
}

func TestA304HasTheTagThatTheClientHas(t *testing.T) {
	c := newCompressor(t, config())
	for _, row := range []struct{ asked, etag, want, vary string }{
		{`W/"a"`, `"a"`, `W/"a"`, "Accept-Encoding"},
		{`"b", W/"a"`, `"a"`, `W/"a"`, "Accept-Encoding"},
		{`"a"`, `"a"`, `"a"`, ""},
		{`W/"b"`, `"a"`, `"a"`, ""},
		{`W/"a"`, `W/"a"`, `W/"a"`, ""},
		{`W/"a"`, "", "", ""},
		{"*", `"a"`, `"a"`, ""},
	} {
		x := newExchange("gzip")
		x.Response.Header.Del("Content-Type")
		x.Request.Header.AddString("if-none-match", row.asked)
		x.Response.Status = 304
		if row.etag != "" {
			x.Response.Header.AddString("ETag", row.etag)
		}
		run(t, c, x, nil)
		h := &x.Response.Header
		if string(h.Get("ETag")) != row.want || string(h.Get("Vary")) != row.vary || h.Has("Content-Encoding") {
			t.Errorf("%s: ETag %q, Vary %q", row.asked, h.Get("ETag"), h.Get("Vary"))
		}
	}
}

func TestA304AndAPartVaryAsTheWholeResponseDoes(t *testing.T) {
	c := newCompressor(t, config())
	for _, row := range []struct {
		status            int
		name, value, vary string
	}{
		{304, "Content-Type", "text/html", "Accept-Encoding"},
		{304, "Content-Type", "image/png", ""},
		{304, "Cache-Control", "no-transform", ""},
		{304, "Content-Encoding", "br", ""},
		{206, "Content-Type", "text/html", "Accept-Encoding"},
		{206, "Content-Type", "image/png", ""},
		{206, "Cache-Control", "no-transform", ""},
		{206, "Content-Encoding", "br", ""},
	} {
		x := newExchange("gzip")
		x.Response.Status = row.status
		x.Response.Header.Set([]byte(row.name), []byte(row.value))
		run(t, c, x, nil)
		if got := string(x.Response.Header.Get("Vary")); got != row.vary {
			t.Errorf("%d with %s: %s: Vary %q", row.status, row.name, row.value, got)
		}
	}
}

func TestAnUnknownCodingIsAnErrorThatNamesIt(t *testing.T) {
	cfg := config()
	cfg.Encodings = []string{"gzip", "deflate"}
	if _, err := New(cfg); err == nil || !bytes.Contains([]byte(err.Error()), []byte(`"deflate"`)) {
		t.Error(err)
	}
	cfg.Encodings = make([]string, 9)
	if _, err := New(cfg); err == nil {
		t.Error("nine codings were taken")
	}
}

func TestEveryLevelOfEveryCodingDecodes(t *testing.T) {
	for _, l := range []Level{Fast, Default, Best} {
		cfg := config()
		cfg.Level = l
		c := newCompressor(t, cfg)
		for _, coding := range codings {
			for _, n := range []int{100, 70_000, 200_000} {
				s := run(t, c, newExchange(coding), page(n))
				if got, err := decode(coding, s.body); err != nil || len(got) != n {
					t.Errorf("%s, level %d: %v, %d bytes of %d", coding, l, err, len(got), n)
				}
			}
		}
	}
}
