package http2_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/http2"
	"github.com/fcgigw/fcgigw/test/harness"
)

// headLimits are small, for tests to exceed them.
var headLimits = http1.Limits{
	MaxRequestLine: 200, MaxHeaderLine: 300, MaxHeaderBytes: 1000, MaxHeaders: 12,
	MaxTrailerBytes: 100, AllowNames: []string{"x_known"},
}

// headRow is a request head and what becomes of it: the handler's view of it
// (see describe), a status, or the code of a reset.
type headRow struct {
	name   string
	fields []string
	want   string
}

func headRows() []headRow {
	long := strings.Repeat("x", 500)
	get := func(more ...string) []string { return request("GET", "/", more...) }
	rows := []headRow{
		{"plain", request("GET", "/a?b=c"), "GET /a?b=c @example.org host: example.org"},
		{"fields", get("x-a", "1", "accept", "*/*"), "GET / @example.org x-a: 1 accept: */* host: example.org"},
		{"asterisk", request("OPTIONS", "*"), "204"},
		{"any scheme", []string{":method", "GET", ":scheme", "foo+1", ":authority", "h", ":path", "/"}, "GET / @h host: h"},
		{"pseudo order", []string{":path", "/", ":authority", "h", ":scheme", "https", ":method", "GET"}, "GET / @h host: h"},
		{"Host alone", []string{":method", "GET", ":scheme", "http", ":path", "/", "host", "H"}, "GET / @h host: H"},
		{"Host equal", get("host", "EXAMPLE.org"), "GET / @example.org host: example.org"},
		{"Host differs", get("host", "other.org"), "400"},
		{"Host twice", get("host", "example.org", "host", "example.org"), "400"},
		{"no authority", []string{":method", "GET", ":scheme", "http", ":path", "/"}, "400"},
		{"empty authority", []string{":method", "GET", ":scheme", "http", ":authority", "", ":path", "/"}, "400"},
		{"user in the authority", []string{":method", "GET", ":scheme", "http", ":authority", "u@h", ":path", "/"}, "400"},
		{"one cookie", get("cookie", "a=b"), "GET / @example.org host: example.org cookie: a=b"},
		{"cookie crumbs", get("cookie", "a=b", "x-a", "1", "cookie", "c=d", "cookie", "e"), "GET / @example.org x-a: 1 host: example.org cookie: a=b; c=d; e"},
		{"te", get("te", "trailers"), "GET / @example.org host: example.org"},
		{"underscore", get("x_a", "1", "x.b", "2", "x_known", "3"), "GET / @example.org x_known: 3 host: example.org"},
		{"httpoxy", get("proxy", "evil"), "GET / @example.org host: example.org"},
		{"tab in a value", get("x-a", "1\t2"), "GET / @example.org x-a: 1\t2 host: example.org"},
		{"trailer announced", get("trailer", "x-a"), "GET / @example.org host: example.org"},
		{"length of nothing", get("content-length", "0"), "GET / @example.org content-length: 0 host: example.org"},

		{"expectation", get("expect", "100-continue"), "GET / @example.org host: example.org"},
		{"other expectation", get("expect", "200-ok"), "417"},
		{"TRACE", request("TRACE", "/"), "405"},
		{"CONNECT", []string{":method", "CONNECT", ":authority", "h:80"}, "405"},
		{"method too long", request(strings.Repeat("X", 40), "/"), "501"},
		{"target too long", request("GET", "/"+long), "414"},
		{"field too long", get("x-a", long), "431"},
		{"too many bytes", get("x-a", long[:250], "x-b", long[:250], "x-c", long[:250], "x-d", long[:250], "x-e", long[:250]), "431"},
		{"too many fields", get(strings.Split(strings.Repeat("x-a,1,", 13)+"x-b,2", ",")...), "431"},
		{"path climbs", request("GET", "/../x"), "400"},
		{"path with a fragment", request("GET", "/a#b"), "400"},
		{"absolute target", request("GET", "http://h/"), "400"},
		{"asterisk for GET", request("GET", "*"), "400"},
		{"NUL in the path", request("GET", "/%00"), "400"},
	}
	for name, fields := range map[string][]string{
		"no method":             {":scheme", "http", ":authority", "h", ":path", "/"},
		"no scheme":             {":method", "GET", ":authority", "h", ":path", "/"},
		"no path":               {":method", "GET", ":scheme", "http", ":authority", "h"},
		"empty path":            request("GET", ""),
		"empty method":          request("", "/"),
		"method no token":       request("G T", "/"),
		"bad scheme":            {":method", "GET", ":scheme", "1x", ":authority", "h", ":path", "/"},
		"method twice":          append([]string{":method", "GET"}, get()...),
		"path twice":            append([]string{":path", "/"}, get()...),
		"authority twice":       append([]string{":authority", "example.org"}, get()...),
		"unknown pseudo":        append([]string{":x", "y"}, get()...),
		"status":                append([]string{":status", "200"}, get()...),
		"pseudo behind a field": {":method", "GET", "x-a", "1", ":scheme", "http", ":authority", "h", ":path", "/"},
		"upper case":            get("X-A", "1"),
		"empty name":            get("", "1"),
		"space in a name":       get("x a", "1"),
		"colon in a name":       get("x:a", "1"),
		"LF in a value":         get("x-a", "1\n2"),
		"CR in a value":         get("x-a", "1\r2"),
		"NUL in a value":        get("x-a", "1\x002"),
		"space before a value":  get("x-a", " 1"),
		"space behind a value":  get("x-a", "1\t"),
		"connection":            get("connection", "close"),
		"keep-alive":            get("keep-alive", "x"),
		"proxy-connection":      get("proxy-connection", "x"),
		"transfer-encoding":     get("transfer-encoding", "chunked"),
		"upgrade":               get("upgrade", "h2c"),
		"te gzip":               get("te", "gzip"),
		"te list":               get("te", "trailers, gzip"),
		"length twice":          get("content-length", "0", "content-length", "0"),
		"bad length":            get("content-length", "+0"),
		"length without body":   get("content-length", "1"),
		"CONNECT with a path":   append([]string{":authority", "h"}, ":method", "CONNECT", ":path", "/"),
		"CONNECT without":       {":method", "CONNECT"},
		"protocol without":      append([]string{":protocol", "websocket"}, get()...),
		"protocol no token":     {":method", "CONNECT", ":protocol", "a b", ":scheme", "http", ":authority", "h", ":path", "/"},
		"protocol, no path":     {":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "h"},
	} {
		rows = append(rows, headRow{name, fields, "PROTOCOL_ERROR"})
	}
	return rows
}

func TestHeadsMeanOneThingOrAreRefused(t *testing.T) {
	r := start(t, http2.Config{Limits: headLimits}, exchange.HandlerFunc(describe), nil)
	c := connect(t, r)
	id := uint32(1)
	for _, row := range headRows() {
		c.headers(id, true, row.fields...)
		if got := outcome(c.ended(id)); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
		id += 2
	}
	c.get(id, "/last") // the connection and its table have survived it all
	if got := outcome(c.ended(id)); got != "GET /last @example.org host: example.org" {
		t.Error(got)
	}
}

// outcome is an answer in the form of headRow.want.
func outcome(a *answer) string {
	switch {
	case a.get(":status") == "200" && a.ended:
		head, _, _ := strings.Cut(string(a.body), "\n\n")
		return strings.ReplaceAll(head, "\n", " ")
	case a.ended:
		return a.get(":status")
	case a.reset != nil:
		return a.reset.String()
	}
	return "nothing"
}

func TestRefusedRequestsAreReported(t *testing.T) {
	r := start(t, http2.Config{}, exchange.HandlerFunc(describe), nil)
	c := connect(t, r)
	c.headers(1, true, request("TRACE", "/")...)
	a := c.ended(1)
	if a.get(":status") != "405" || a.get("allow") == "" || string(a.body) != "method not served\n" {
		t.Errorf("%+v", a)
	}
	harness.Eventually(t, "report", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.refused) == 1 && r.refused[0] == "405 method not served"
	})
}

func TestTrailersAreCheckedAndDropped(t *testing.T) {
	r := start(t, http2.Config{Limits: headLimits}, exchange.HandlerFunc(describe), nil)
	c := connect(t, r)
	rows := []struct {
		end    bool
		fields []string
		want   string
	}{
		{true, []string{"x-checksum", "1"}, "body"},
		{false, []string{"x-checksum", "1"}, "PROTOCOL_ERROR"},
		{true, []string{":path", "/"}, "PROTOCOL_ERROR"},
		{true, []string{"X", "1"}, "PROTOCOL_ERROR"},
		{true, []string{"connection", "close"}, "PROTOCOL_ERROR"},
		{true, []string{"x", strings.Repeat("y", 200)}, "ENHANCE_YOUR_CALM"},
	}
	for i, row := range rows {
		id := uint32(2*i + 1)
		c.headers(id, false, request("POST", "/")...)
		c.data(id, false, []byte("body"))
		c.headers(id, row.end, row.fields...)
		a := c.ended(id)
		got := outcome(a)
		if a.ended {
			_, got, _ = strings.Cut(string(a.body), "\n\n4 ")
			if _, rest, ok := strings.Cut(string(a.body), " "); ok && got == "" {
				got = rest[len(rest)-4:]
			}
		}
		if got != row.want {
			t.Errorf("%v: %q, want %q", row.fields, got, row.want)
		}
		if strings.Contains(string(a.body), "checksum") {
			t.Error("a trailer became a field")
		}
	}
}

func TestLengthsAreHeldAgainstBodies(t *testing.T) {
	r := start(t, http2.Config{}, exchange.HandlerFunc(describe), nil)
	c := connect(t, r)
	id := uint32(1)
	for _, row := range []struct {
		length string
		parts  []string
		want   bool
	}{
		{"4", []string{"body"}, true},
		{"4", []string{"bo", "", "dy"}, true},
		{"4", []string{"bo", "dy", ""}, true},
		{"5", []string{"body"}, false},
		{"3", []string{"body"}, false},
		{"3", []string{"bo", "dy"}, false},
		{"4", []string{""}, false},
	} {
		c.headers(id, false, request("POST", "/", "content-length", row.length)...)
		for i, p := range row.parts {
			c.data(id, i == len(row.parts)-1, []byte(p))
		}
		a := c.ended(id)
		if row.want && !strings.HasSuffix(string(a.body), "\n"+row.length+" "+strings.Join(row.parts, "")) ||
			!row.want && outcome(a) != "PROTOCOL_ERROR" {
			t.Errorf("%v: %s %q", row, outcome(a), a.body)
		}
		id += 2
	}
}

func TestHeadsComeInManyFrames(t *testing.T) {
	r := start(t, http2.Config{}, exchange.HandlerFunc(describe), nil)
	c := connect(t, r)
	block := c.block(request("GET", "/", "x-a", strings.Repeat("a", 30))...)
	c.ok(c.fr.WriteHeaders(xhttp2.HeadersFrameParam{
		StreamID: 1, BlockFragment: block[:1], EndStream: true, PadLength: 7,
		Priority: xhttp2.PriorityParam{StreamDep: 9, Weight: 3},
	}))
	for i := 1; i < 10; i++ {
		c.ok(c.fr.WriteContinuation(1, false, block[i:i+1]))
	}
	c.ok(c.fr.WriteContinuation(1, true, block[10:]))
	if got := outcome(c.ended(1)); !strings.Contains(got, "x-a: aaaaaa") {
		t.Error(got)
	}
}

func TestPaddingOfABodyIsNotPartOfIt(t *testing.T) {
	r := start(t, http2.Config{}, exchange.HandlerFunc(describe), nil)
	c := connect(t, r)
	c.headers(1, false, request("POST", "/")...)
	c.ok(c.fr.WriteDataPadded(1, false, []byte("bo"), make([]byte, 255)))
	c.ok(c.fr.WriteDataPadded(1, true, []byte("dy"), make([]byte, 1)))
	if a := c.ended(1); !strings.HasSuffix(string(a.body), "4 body") && !strings.HasSuffix(string(a.body), "-1 body") {
		t.Errorf("%q", a.body)
	}
}

func TestBodiesThatCameWithTheirHeadAreBuffered(t *testing.T) {
	got := make(chan string, 1)
	h := func(x *exchange.Exchange) {
		b, ok := x.Request.Body.Buffered()
		got <- fmt.Sprint(string(b), ok, x.Request.ContentLength)
		small(x)
	}
	r := start(t, http2.Config{}, exchange.HandlerFunc(h), nil)
	c := dial(t, r)
	// Everything in one write, so that the server reads it at once.
	w := newClient(t, c.nc)
	var all strings.Builder
	w.fr = xhttp2.NewFramer(&all, nil)
	all.WriteString(xhttp2.ClientPreface)
	_ = w.fr.WriteSettings()
	_ = w.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: w.block(request("POST", "/")...)})
	_ = w.fr.WriteData(1, true, []byte("body"))
	c.raw([]byte(all.String()))
	c.ended(1)
	if s := <-got; s != "bodytrue 4" {
		t.Error(s)
	}
}

func TestResponsesOfEveryKindArriveAsTheyWereMeant(t *testing.T) {
	h := func(x *exchange.Exchange) {
		_, _ = io.Copy(io.Discard, x.Request.Body)
		r := &x.Response
		r.Header.AddString("X-Kind", string(x.Request.Path))
		switch string(x.Request.Path) {
		case "/204":
			r.Status = 204
		case "/304":
			r.Status, r.ContentLength = 304, 5
		case "/pieces":
			_ = x.Sink.Start(r)
			for range 100 {
				if x.Sink.Write([]byte("0123456789"), false) != nil {
					return
				}
			}
			_ = x.Sink.Write(nil, true)
			return
		case "/hints":
			var hints exchange.Header
			hints.AddString("Link", "</a.css>")
			_ = x.Sink.Interim(103, &hints)
		case "/short-late", "/long-late":
			r.ContentLength = 8
			_ = x.Sink.Start(r)
			_ = x.Sink.Write([]byte("part"), false)
			if x.Sink.Write([]byte(x.Request.Path[1:4]), string(x.Request.Path) == "/short-late") == nil &&
				x.Sink.Write([]byte("xx"), true) == nil {
				t.Error("a wrong length was taken")
			}
			return
		case "/short":
			r.ContentLength = 10
		case "/long":
			r.ContentLength = 2
		case "/abort":
			_ = x.Sink.Start(r)
			_, _ = x.Sink.TryWrite([]byte("part"), false)
			x.Sink.Abort()
			return
		case "/nothing":
			return
		case "/panic":
			panic("on purpose")
		case "/panic-late":
			_ = x.Sink.Start(r)
			_, _ = x.Sink.TryWrite([]byte("part"), false)
			panic("on purpose")
		case "/bad":
			r.Header.AddString("X-Bad", "a\nb")
		}
		if err := x.Sink.Start(r); err != nil {
			t.Error(err)
		}
		if x.Sink.Write([]byte("body!"), true) != nil && !x.Sink.Started() {
			r.Reset()
			r.Status = 502
			_ = x.Sink.Start(r)
			_ = x.Sink.Write(nil, true)
		}
	}
	r := start(t, http2.Config{ServerHeader: "test"}, exchange.HandlerFunc(h), nil)
	c := connect(t, r)
	rows := []struct{ method, path, want string }{
		{"GET", "/", "200 len=5 body!"},
		{"HEAD", "/", "200 len= "},
		{"GET", "/204", "204 len= "},
		{"GET", "/304", "304 len= "},
		{"GET", "/pieces", "200 len= " + strings.Repeat("0123456789", 100)},
		{"GET", "/hints", "200 len=5 body! [[header field \":status\" = \"103\" header field \"link\" = \"</a.css>\"]]"},
		{"GET", "/short", "502 len=0 "}, // nothing was sent yet
		{"GET", "/long", "502 len=0 "},
		{"GET", "/short-late", "INTERNAL_ERROR"},
		{"GET", "/long-late", "INTERNAL_ERROR"},
		{"GET", "/abort", "INTERNAL_ERROR"},
		{"GET", "/nothing", "INTERNAL_ERROR"},
		{"GET", "/panic", "500 len=15 internal error\n"},
		{"GET", "/panic-late", "INTERNAL_ERROR"},
		{"GET", "/bad", "502 len=0 "},
	}
	for i, row := range rows {
		id := uint32(2*i + 1)
		c.headers(id, true, request(row.method, row.path)...)
		a := c.ended(id)
		got := fmt.Sprintf("%s len=%s %s", a.get(":status"), a.get("content-length"), a.body)
		if a.reset != nil {
			got = a.reset.String()
		} else if a.get("server") != "test" {
			t.Errorf("%s: no server", row.path)
		} else if _, err := http.ParseTime(a.get("date")); err != nil {
			t.Errorf("%s: %v", row.path, err)
		}
		if len(a.interim) > 0 {
			got += " " + fmt.Sprint(a.interim)
		}
		if got != row.want {
			t.Errorf("%s %s: %q, want %q", row.method, row.path, got, row.want)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.panics) != 2 {
		t.Errorf("%d panics", len(r.panics))
	}
}
