package http1

import (
	"errors"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// headRows are whole heads.
var headRows = []headRow{
	{"RFC 9112 2.2 one empty line before", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / @h"},
	{"RFC 9112 2.2 not two", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
	{"RFC 9112 2.2 bare LF before", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
	{"RFC 9112 2.2 bare CR before", "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
	{"RFC 9112 2.2 space before", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
	{"RFC 9112 2.2 byte order mark", "\xef\xbb\xbfGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
	{"RFC 9112 2.2 space before the fields", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "400"},
	{"RFC 9112 2.2 LF only", "GET / HTTP/1.1\nHost: h\n\n", "400"},
	{"RFC 9112 2.2 LF CR LF", "GET / HTTP/1.1\nHost: h\r\n\r\n", "400"},
	{"RFC 9112 2.2 bare CR for the first line end", "GET / HTTP/1.1\rXHost: h\r\n\r\n", "400"},
	{"RFC 9112 2.2 the rest", "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /2", `GET / @h rest="GET /2"`},
	{"RFC 9112 9.3.2 pipelined", "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: i\r\n\r\n", `GET / @h rest="GET / HTTP/1.1\r\nHost: i\r\n\r\n"`},
	{"RFC 9112 6 body that looks like an end", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n\r\n\r\n", `POST / @h len=4 rest="\r\n\r\n"`},
	{"RFC 9112 2.2 nothing", "", "incomplete"},
	{"RFC 9112 2.2 half an empty line", "\r", "incomplete"},
	{"RFC 9112 2.2 an empty line", "\r\n", "incomplete"},
	{"RFC 9112 3.2 no end", "GET / HTTP/1.1\r\nHost: h\r\n", "incomplete"},
	{"RFC 9112 3.2 no fields", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close"},
	{"RFC 9112 2.2 TLS on a clear port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"},
	{"S38 PROXY protocol v1", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
	{"S38 PROXY protocol v2", "\r\n\r\n\x00\r\nQUIT\n", "400"},

	{"S35 none", "GET / HTTP/1.1\r\n\r\n", "400"},
	{"S35 none, absolute form", "GET http://ex.test/ HTTP/1.1\r\n\r\n", "400"},
	{"S35 two", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
	{"S35 two alike", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "400"},
	{"S35 list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400"},
	{"S35 empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400"},
	{"S35 bytes", "GET / HTTP/1.1\r\nHost: a\"b<c>\r\n\r\n", "400"},
	{"S35 port", "GET / HTTP/1.1\r\nHost: x:99999\r\n\r\n", "400"},
	{"S35 user information", "GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", "400"},
	{"S35 path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", "400"},
	{"S35 bad beside a good target", "GET http://ex.test/ HTTP/1.1\r\nHost: a b\r\n\r\n", "400"},
	{"S35 target wins", "GET http://ex.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n", "GET / @ex.test absolute"},
	{"RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: WWW.Ex.test.:8080\r\n\r\n", "GET / @WWW.Ex.test.:8080"},
	{"RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: [2001:DB8::1]:8080\r\n\r\n", "GET / @[2001:DB8::1]:8080"},
}

func TestHeadsAreReadStrictly(t *testing.T) {
	runRows(t, headRows, func(s string) string { return s })
	n := len(requestLineRows) + len(fieldRows) + len(field10Rows) + len(headRows)
	if n < 150 {
		t.Errorf("only %d heads are tested", n)
	}
}

func parseString(t *testing.T, raw string) (*exchange.Exchange, *Meta) {
	t.Helper()
	x, m := exchange.New(), new(Meta)
	if _, err := ParseHead([]byte(raw), new(Limits), x, m); err != nil {
		t.Fatal(err)
	}
	return x, m
}

func TestAuthorityOfTheTargetReplacesHost(t *testing.T) {
	x, m := parseString(t, "GET http://Ex.test.:81/ HTTP/1.1\r\nX: y\r\nHost: evil.test\r\n\r\n")
	if got := string(x.Request.Header.Get("host")); got != "Ex.test.:81" || x.Request.Header.Count("host") != 1 {
		t.Errorf("Host is %q", got)
	}
	if string(x.Request.Host) != "ex.test" || !m.HasHost {
		t.Errorf("host %q, has %v", x.Request.Host, m.HasHost)
	}
}

func TestLengthOfZeroIsToldFromNone(t *testing.T) {
	x, _ := parseString(t, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
	if r := &x.Request; r.ContentLength != 0 || string(r.Header.Get("content-length")) != "0" {
		t.Errorf("%d, field %q", r.ContentLength, r.Header.Get("content-length"))
	}
	x, _ = parseString(t, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
	if x.Request.Header.Has("content-length") {
		t.Error("a chunked body has a length")
	}
}

func TestHTTP10WithoutHostHasNone(t *testing.T) {
	x, m := parseString(t, "GET / HTTP/1.0\r\n\r\n")
	if m.HasHost || x.Request.Authority != nil || x.Request.Host != nil {
		t.Errorf("host %q", x.Request.Host)
	}
}

func TestListedOddNamesAreKept(t *testing.T) {
	lim := &Limits{AllowNames: []string{"x_foo"}}
	got := render(t, "GET / HTTP/1.1\r\nHost: h\r\nX_Foo: 1\r\nX_Bar: 2\r\n\r\n", lim)
	if got != "GET / @h x_foo:1 dropped=1" {
		t.Error(got)
	}
}

func TestMetaOfOneHeadDoesNotReachTheNext(t *testing.T) {
	x, m := exchange.New(), new(Meta)
	first := "POST http://h/ HTTP/1.1\r\nHost: h\r\nConnection: close, upgrade, x\r\nUpgrade: u\r\n" +
		"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\nA_B: c\r\n\r\n"
	if _, err := ParseHead([]byte(first), new(Limits), x, m); err != nil {
		t.Fatal(err)
	}
	x.Reset()
	if _, err := ParseHead([]byte("GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n"), new(Limits), x, m); err != nil {
		t.Fatal(err)
	}
	if got := renderRequest(x, m); got != "GET / @h x:y" {
		t.Error(got)
	}
}

func TestHeadMayComeByteByByteAndMove(t *testing.T) {
	const head = "\r\nPOST /a?b HTTP/1.1\r\nHost: H\r\nX-A: b\r\nContent-Length: 3\r\n\r\n"
	x, m := exchange.New(), new(Meta)
	for n := range len(head) {
		x.Reset()
		if used, err := ParseHead([]byte(head[:n]), new(Limits), x, m); used != 0 || !errors.Is(err, ErrIncomplete) {
			t.Fatalf("%d bytes: used %d, %v", n, used, err)
		}
	}
	x.Reset()
	used, err := ParseHead([]byte(head+"abc"), new(Limits), x, m)
	if used != len(head) || err != nil {
		t.Fatalf("used %d, %v", used, err)
	}
	if got := renderRequest(x, m); got != "POST /a ?b @H x-a:b len=3" {
		t.Error(got)
	}
}

func TestScanOfAnIncompleteHeadGoesOnWhereItEnded(t *testing.T) {
	x, m := exchange.New(), new(Meta)
	head := []byte("GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("y", 1000))
	if _, err := ParseHead(head, new(Limits), x, m); !errors.Is(err, ErrIncomplete) {
		t.Fatal(err)
	}
	if m.scan != len(head)-3 || m.line != strings.Index(string(head), "X:") {
		t.Errorf("scan %d, line %d of %d", m.scan, m.line, len(head))
	}
	m.Restart()
	if _, err := ParseHead(head[:3], new(Limits), x, m); !errors.Is(err, ErrIncomplete) {
		t.Fatal(err)
	}
}

func TestShorterBufferBeginsAnotherHead(t *testing.T) {
	x, m := exchange.New(), new(Meta)
	for _, part := range []string{"GET /a/long/path HTTP/1.1\r\nHost", "GET"} {
		if _, err := ParseHead([]byte(part), new(Limits), x, m); !errors.Is(err, ErrIncomplete) {
			t.Fatal(err)
		}
	}
}

func TestLimitsHoldForWholeAndForIncompleteHeads(t *testing.T) {
	lim := &Limits{MaxRequestLine: 40, MaxHeaderLine: 30, MaxHeaderBytes: 100, MaxHeaders: 4}
	line := func(n int) string { return "GET /" + strings.Repeat("a", n-14) + " HTTP/1.1" }
	field := func(n int) string { return "X: " + strings.Repeat("b", n-3) + "\r\n" }
	const host = "Host: h\r\n" // 9 bytes
	long := strings.Repeat("a", 41)
	rows := []headRow{
		{"S47 request line at the bound", line(40) + "\r\n" + host + "\r\n", "GET /" + strings.Repeat("a", 26) + " @h"},
		{"S47 request line", line(41) + "\r\n" + host + "\r\n", "414"},
		{"S47 request line, CR to come", line(40), "incomplete"},
		{"S47 request line, LF to come", line(40) + "\r", "incomplete"},
		{"S47 request line without an end", line(42), "414"},
		{"S47 method without an end", long + "a", "414"},
		{"S47 field line at the bound", line(20) + "\r\n" + host + field(30) + "\r\n", "GET /aaaaaa @h x:" + strings.Repeat("b", 27)},
		{"S47 field line", line(20) + "\r\n" + host + field(31) + "\r\n", "431"},
		{"S47 field line without an end", line(20) + "\r\n" + host + "X: " + long, "431"},
		{"S47 number at the bound", line(20) + "\r\n" + host + strings.Repeat("a:b\r\n", 3) + "\r\n", "GET /aaaaaa @h a:b a:b a:b"},
		{"S47 number", line(20) + "\r\n" + host + strings.Repeat("a:b\r\n", 4) + "\r\n", "431"},
		{"S47 number counts what is dropped", line(20) + "\r\n" + host + strings.Repeat("a_:b\r\n", 4) + "\r\n", "431"},
		{"S47 bytes", line(20) + "\r\n" + host + strings.Repeat(field(29), 3) + "\r\n", "431"},
		{"S47 bytes without an end", line(40) + "\r\n" + strings.Repeat("a:b\r\n", 21), "431"},
	}
	for _, row := range rows {
		if got := render(t, row.in, lim); got != row.want {
			t.Errorf("%s: %q\n got %s\nwant %s", row.ref, row.in, got, row.want)
		}
	}
}

func TestDefaultLimitsRefuseWhatIsTooLarge(t *testing.T) {
	rows := []headRow{
		{"S47 9 K target", "GET /" + strings.Repeat("a", 9<<10) + " HTTP/1.1\r\nHost: h\r\n\r\n", "414"},
		{"S47 32 K line", "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("a", 32<<10) + "\r\n\r\n", "431"},
		{"S47 101 fields", "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("a:b\r\n", 100) + "\r\n", "431"},
	}
	runRows(t, rows, func(s string) string { return s })
}

// A server grows its buffer up to MaxHead; a head must be judged by then.
func TestNoHeadStaysIncompleteBeyondMaxHead(t *testing.T) {
	lim := &Limits{MaxRequestLine: 40, MaxHeaderLine: 30, MaxHeaderBytes: 100, MaxHeaders: 100}
	heads := []string{
		strings.Repeat("a", 200),
		"\r\nGET /" + strings.Repeat("a", 26) + " HTTP/1.1\r\n" + strings.Repeat("a:b\r\n", 100),
		"\r\nGET / HTTP/1.1\r\n" + strings.Repeat("a", 200),
	}
	for _, h := range heads {
		x, m := exchange.New(), new(Meta)
		if _, err := ParseHead([]byte(h[:lim.MaxHead()]), lim, x, m); errors.Is(err, ErrIncomplete) {
			t.Errorf("%q is still incomplete", h[:lim.MaxHead()])
		}
	}
}

func TestReasonsDoNotQuoteTheClient(t *testing.T) {
	const mark = "EVILMARK"
	heads := []string{
		"GET /" + mark + "%zz HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: " + mark + "<\r\n\r\n",
		"GET / " + mark + "\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1\r\n" + mark + " : x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: " + mark + "\r\n\r\n",
	}
	for _, h := range heads {
		_, err := ParseHead([]byte(h), new(Limits), exchange.New(), new(Meta))
		var se *StatusError
		if !errors.As(err, &se) || strings.Contains(se.Error(), mark) {
			t.Errorf("%q: %v", h, err)
		}
	}
}
