package http3

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
)

func decodeFields(block []byte) (list [][2]string) {
	next := qpack.NewDecoder().Decode(block)
	for {
		f, err := next()
		if err != nil {
			return list
		}
		list = append(list, [2]string{f.Name, f.Value})
	}
}

// describe prints what a handler sees of a request.
func describe(r *exchange.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s path=%s query=%s %d.%d authority=%s host=%s length=%d upgrade=%s\n",
		r.Method, r.Target, r.Path, r.Query, r.Major, r.Minor, r.Authority, r.Host, r.ContentLength, r.Upgrade)
	for _, f := range r.Header.All() {
		fmt.Fprintf(&b, "%s=%s\n", f.Name, f.Value)
	}
	return b.String()
}

func decodeLines(cfg Config, lines ...string) (*exchange.Exchange, head, error) {
	frame := headers(lines...)
	d := reader{}
	d.reset(bytes.NewReader(frame))
	_, n, _ := d.frame()
	block, _ := d.take(int(n))
	x := exchange.New()
	x.Reset()
	h := head{x: x, cfg: cfg.withDefaults()}
	err := h.decode(block)
	return x, h, err
}

var proper = []string{":method: GET", ":scheme: https", ":authority: A.test:8443", ":path: /a%20b/../c?q=1%20"}

func TestAProperHeadBecomesARequest(t *testing.T) {
	rows := []struct {
		name  string
		lines []string
		want  string
	}{
		{"plain", proper, "GET /a%20b/../c?q=1%20 path=/c query=q=1%20 3.0 authority=A.test:8443 host=a.test length=-1 upgrade=\nhost=A.test:8443\n"},
		{
			"fields in order, cookies joined, hop by hop gone",
			append(proper[:4:4], "x-b: 2", "cookie: a=1", "x-a: 1", "te: trailers", "cookie: b=2", "trailer: x", "expect: 100-Continue", "proxy: evil", "x_b: no", "x.c: no", "x-b: 3", "empty:"),
			"GET /a%20b/../c?q=1%20 path=/c query=q=1%20 3.0 authority=A.test:8443 host=a.test length=-1 upgrade=\nx-b=2\nx-a=1\nx-b=3\nempty=\nhost=A.test:8443\ncookie=a=1; b=2\n",
		},
		{
			"Host for :authority",
			[]string{":method: POST", ":path: /", ":scheme: HTTPS", "host: b.test", "content-length: 007"},
			"POST / path=/ query= 3.0 authority=b.test host=b.test length=7 upgrade=\ncontent-length=007\nhost=b.test\n",
		},
		{
			"both, alike", append(proper[:4:4], "host: A.test:8443"),
			"GET /a%20b/../c?q=1%20 path=/c query=q=1%20 3.0 authority=A.test:8443 host=a.test length=-1 upgrade=\nhost=A.test:8443\n",
		},
		{
			"both, alike but for case", append(proper[:4:4], "host: a.TEST:8443"),
			"GET /a%20b/../c?q=1%20 path=/c query=q=1%20 3.0 authority=A.test:8443 host=a.test length=-1 upgrade=\nhost=A.test:8443\n",
		},
		{
			"asterisk",
			[]string{":method: OPTIONS", ":path: *", ":scheme: https", ":authority: a.test"},
			"OPTIONS * path=/ query= 3.0 authority=a.test host=a.test length=-1 upgrade=\nhost=a.test\n",
		},
		{
			"extended CONNECT",
			[]string{":method: CONNECT", ":protocol: WebSocket", ":path: /chat", ":scheme: https", ":authority: a.test"},
			"GET /chat path=/chat query= 3.0 authority=a.test host=a.test length=-1 upgrade=websocket\nhost=a.test\n",
		},
	}
	for _, row := range rows {
		x, _, err := decodeLines(Config{}, row.lines...)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		if got := describe(&x.Request); got != row.want {
			t.Errorf("%s:\n%s\nwant\n%s", row.name, got, row.want)
		}
	}
}

func TestListedNamesPass(t *testing.T) {
	x, _, err := decodeLines(Config{Limits: http1.Limits{AllowNames: []string{"x_b"}}}, append(proper[:4:4], "x_b: 1", "x_c: 2")...)
	if err != nil || string(x.Request.Header.Get("x_b")) != "1" || x.Request.Header.Has("x_c") {
		t.Errorf("%v\n%s", err, describe(&x.Request))
	}
}

func TestMalformedHeadsAreRefused(t *testing.T) {
	with := func(lines ...string) []string { return append(proper[:4:4], lines...) }
	long := strings.Repeat("x", 200)
	cfg := Config{Limits: http1.Limits{MaxRequestLine: 100, MaxHeaderLine: 110, MaxHeaderBytes: 300, MaxHeaders: 9}}
	rows := []struct {
		name   string
		status int
		lines  []string
	}{
		{"no method", 400, proper[1:]},
		{"empty method", 400, append([]string{":method: "}, proper[1:]...)},
		{"method with a space", 400, append([]string{":method: GET /x"}, proper[1:]...)},
		{"long method", 501, append([]string{":method: " + strings.Repeat("M", 33)}, proper[1:]...)},
		{"TRACE", 405, append([]string{":method: TRACE"}, proper[1:]...)},
		{"CONNECT", 405, []string{":method: CONNECT", ":authority: a.test:1"}},
		{"CONNECT with the rest", 405, append([]string{":method: CONNECT"}, proper[1:]...)},
		{":protocol without CONNECT", 400, append([]string{":protocol: websocket"}, proper...)},
		{":protocol that is no token", 400, append([]string{":method: CONNECT", ":protocol: web socket"}, proper[1:]...)},
		{"CONNECT with a length", 400, append([]string{":method: CONNECT", ":protocol: websocket"}, append(proper[1:4:4], "content-length: 0")...)},
		{"no scheme", 400, []string{":method: GET", ":authority: a", ":path: /"}},
		{"http", 400, []string{":method: GET", ":scheme: http", ":authority: a", ":path: /"}},
		{"no path", 400, proper[:3]},
		{"empty path", 400, append(proper[:3:3], ":path: ")},
		{"absolute path", 400, append(proper[:3:3], ":path: https://a.test/")},
		{"asterisk with GET", 400, append(proper[:3:3], ":path: *")},
		{"path with a fragment", 400, append(proper[:3:3], ":path: /#a")},
		{"path with a space", 400, append(proper[:3:3], ":path: /a b")},
		{"path with a bad escape", 400, append(proper[:3:3], ":path: /%zz")},
		{"path with an encoded NUL", 400, append(proper[:3:3], ":path: /%00")},
		{"path above the root", 400, append(proper[:3:3], ":path: /../a")},
		{"long path", 414, append(proper[:3:3], ":path: /"+long)},
		{"no host", 400, []string{":method: GET", ":scheme: https", ":path: /"}},
		{"empty host", 400, []string{":method: GET", ":scheme: https", ":path: /", "host: "}},
		{"two hosts", 400, with("host: A.test:8443", "host: A.test:8443")},
		{"Host that differs", 400, with("host: b.test:8443")},
		{"bad host", 400, []string{":method: GET", ":scheme: https", ":path: /", ":authority: a/b"}},
		{"user in the host", 400, []string{":method: GET", ":scheme: https", ":path: /", ":authority: u@a"}},
		{"pseudo twice", 400, append([]string{":path: /x"}, proper...)},
		{"pseudo behind a field", 400, append(proper[:3:3], "x: 1", ":path: /")},
		{"unknown pseudo", 400, append([]string{":status: 200"}, proper...)},
		{"bare colon", 400, append([]string{":: x"}, proper...)},
		{"upper case", 400, with("X-A: 1")},
		{"name with a space", 400, with("x a: 1")},
		{"LF in a value", 400, with("x: a\nb")},
		{"CR in a value", 400, with("x: a\rb")},
		{"NUL in a value", 400, with("x: a\x00b")},
		{"NUL in a cookie", 400, with("cookie: a\x00b")},
		{"LF in the path", 400, append(proper[:3:3], ":path: /a\nb")},
		{"space behind a value", 400, with("x: a ")},
		{"space before a value", 400, with("x:  a")},
		{"connection", 400, with("connection: close")},
		{"keep-alive", 400, with("keep-alive: 1")},
		{"proxy-connection", 400, with("proxy-connection: close")},
		{"transfer-encoding", 400, with("transfer-encoding: chunked")},
		{"upgrade", 400, with("upgrade: websocket")},
		{"te", 400, with("te: gzip")},
		{"expect", 417, with("expect: 200-ok")},
		{"two lengths", 400, with("content-length: 1", "content-length: 1")},
		{"list of lengths", 400, with("content-length: 1, 1")},
		{"empty length", 400, with("content-length:")},
		{"negative length", 400, with("content-length: -1")},
		{"signed length", 400, with("content-length: +1")},
		{"huge length", 400, with("content-length: 99999999999999999999")},
		{"long line", 431, with("x: " + strings.Repeat("x", 120))},
		{"too many bytes", 431, with("x: "+long[:90], "y: "+long[:90], "z: "+long[:90], "a: "+long[:90])},
		{"too many fields", 431, with("a: 1", "b: 1", "c: 1", "d: 1", "e: 1", "f: 1", "g: 1", "h: 1", "i: 1", "j: 1")},
	}
	for _, row := range rows {
		_, _, err := decodeLines(cfg, row.lines...)
		if r, ok := err.(*http1.StatusError); !ok || r.Status != row.status {
			t.Errorf("%s: %v, want %d", row.name, err, row.status)
		}
	}
}

func TestRefusedRequestsAreAnsweredAndReported(t *testing.T) {
	type report struct {
		status int
		target string
		major  uint8
	}
	reports := make(chan report, 1)
	ev := Events{Refused: func(x *exchange.Exchange, status int, _ string) {
		reports <- report{status, string(x.Request.Target), x.Request.Major}
	}}
	r := start(t, testConfig(), ev, func(x *exchange.Exchange) { t.Error("a refused request reached the handler") })
	c := r.dial()
	s := c.send(get("/x", "transfer-encoding: chunked"), data("0\r\n\r\n"))
	if got := read(s); got.status != "400" || got.err != nil || got.body != "field of the connection\n" {
		t.Errorf("%+v", got)
	}
	if got := <-reports; got != (report{400, "/x", 3}) {
		t.Errorf("%+v", got)
	}
	big := appendFrameHead(nil, frameHeaders, 1<<40)
	if got := read(c.open(big)); got.status != "431" {
		t.Errorf("a head that is too large: %+v", got)
	}
	<-reports
}

func TestRequestsAreServed(t *testing.T) {
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		q := &x.Request
		info := q.Conn
		if info.TLS == nil || info.Scheme != "https" || info.Listen != ":443" || !info.Peer.IsValid() || string(info.LocalAddr) != "127.0.0.1" {
			t.Errorf("facts of the connection: %+v", info)
		}
		if string(q.Path) == "/echo" {
			echo(x)
			return
		}
		text(x, 200, fmt.Sprintf("%s %s %s %d %s", q.Method, q.Target, q.Host, q.Major, info.TLS.ServerName))
	})
	c := r.client()
	if a := do(t, c, request(t, "GET", "https://a.test/x?y", nil)); a.StatusCode != 200 || a.body != "GET /x?y a.test 3 a.test" || a.ContentLength != int64(len(a.body)) ||
		a.Header.Get("Server") != "test" || a.Header.Get("Date") == "" || a.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("%v %q", a.Header, a.body)
	}
	if a := do(t, c, request(t, "GET", "https://b.test/", nil)); a.body != "GET / b.test 3 b.test" {
		t.Errorf("the other site: %q", a.body)
	}
	if a := do(t, c, request(t, "HEAD", "https://a.test/x", nil)); a.StatusCode != 200 || a.body != "" || a.ContentLength != 23 {
		t.Errorf("HEAD: %v %q", a.Header, a.body)
	}
	for _, n := range []int{0, 1, 1000, 100_000, 3_000_000} {
		want := strings.Repeat("x", n)
		if a := do(t, c, request(t, "POST", "https://a.test/echo", strings.NewReader(want))); a.body != want {
			t.Errorf("a body of %d bytes came back as %d", n, len(a.body))
		}
		unknown := struct{ io.Reader }{strings.NewReader(want)}
		if a := do(t, c, request(t, "POST", "https://a.test/echo", unknown)); a.body != want {
			t.Errorf("a body of %d bytes without a length came back as %d", n, len(a.body))
		}
	}
	if a := do(t, c, request(t, "OPTIONS", "https://a.test/", nil)); a.StatusCode != 200 {
		t.Errorf("OPTIONS: %d", a.StatusCode)
	}
}

func TestSmallBodiesAreThereAtOnce(t *testing.T) {
	type seen struct {
		body   string
		ok     bool
		length int64
	}
	got := make(chan seen, 1)
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		b, ok := x.Request.Body.Buffered()
		got <- seen{string(b), ok, x.Request.ContentLength}
		echo(x)
	})
	c := r.dial()
	rows := []struct {
		name  string
		parts [][]byte
		want  seen
		body  string
	}{
		{"no body", [][]byte{get("/")}, seen{"", true, 0}, ""},
		{"length and body", [][]byte{post("/", "content-length: 3"), data("abc")}, seen{"abc", true, 3}, "abc"},
		{"no length", [][]byte{post("/"), data("abc")}, seen{"abc", true, 3}, "abc"},
		{"two frames", [][]byte{post("/"), data("abc"), data("d")}, seen{"", false, -1}, "abcd"},
		{"trailers", [][]byte{post("/"), data("abc"), headers("x: y")}, seen{"", false, -1}, "abc"},
		{"junk between", [][]byte{post("/"), {0x21, 2, 'j', 'j'}, data("abc"), {0x21, 0}}, seen{"", false, -1}, "abc"},
		{"empty frames", [][]byte{post("/"), data(""), data("abc"), data("")}, seen{"", false, -1}, "abc"},
		{"long form of the length", [][]byte{post("/"), {0, 0x40, 3, 'a', 'b', 'c'}}, seen{"abc", true, 3}, "abc"},
		{"length in parts", [][]byte{post("/", "content-length: 4"), data("ab"), data("cd")}, seen{"", false, 4}, "abcd"},
		{"length of zero", [][]byte{post("/", "content-length: 0")}, seen{"", true, 0}, ""},
		{"junk in front", [][]byte{{0x40, 0x21, 1, 'j'}, get("/")}, seen{"", true, 0}, ""},
	}
	for _, row := range rows {
		s, err := c.qc.OpenStream()
		if err != nil {
			t.Fatal(err)
		}
		// One packet: what is written in one piece and closed before it is sent.
		if err := s.TryWriteAll(bytes.Join(row.parts, nil)); err != nil {
			t.Fatal(err)
		}
		s.Close()
		answer := read(s)
		was := <-got
		if answer.body != row.body || answer.err != nil || answer.status != "200" {
			t.Errorf("%s: %+v", row.name, answer)
		}
		if was.ok && was != row.want { // the end may come in a packet of its own
			t.Errorf("%s: handler saw %+v, want %+v", row.name, was, row.want)
		}
	}
}

func TestBrokenBodiesAreErrors(t *testing.T) {
	r := start(t, testConfig(), Events{}, echo)
	rows := []struct {
		name  string
		parts [][]byte
	}{
		{"longer than declared", [][]byte{post("/", "content-length: 2"), data("abc")}},
		{"longer in the second frame", [][]byte{post("/", "content-length: 2"), data("ab"), data("c")}},
		{"shorter than declared", [][]byte{post("/", "content-length: 4"), data("abc")}},
		{"longer than nothing", [][]byte{post("/", "content-length: 0"), data("abc")}},
		{"none but declared", [][]byte{post("/", "content-length: 4")}},
		{"trailers that are too large", [][]byte{post("/"), appendFrameHead(nil, frameHeaders, 1<<20)}},
		{"trailers that are too large decoded", [][]byte{post("/"), trailerBomb()}},
		{"trailers with a pseudo-header field", [][]byte{post("/"), data("abc"), headers("x: y", ":path: /")}},
		{"trailers with upper case", [][]byte{post("/"), headers("X: y")}},
		{"trailers with a control byte", [][]byte{post("/"), headers("x: a\nb")}},
		{"trailers with a space around", [][]byte{post("/"), headers("x: y ")}},
		{"trailers with a field of the connection", [][]byte{post("/"), headers("transfer-encoding: chunked")}},
	}
	c := r.dial()
	for _, row := range rows {
		if got := read(c.send(row.parts...)); got.status != "400" {
			t.Errorf("%s: %+v", row.name, got)
		}
	}
}

// A handler that does not read a body of length zero must not run on one that is
// longer.
func TestALengthOfZeroIsNotBelievedBeforeTheEnd(t *testing.T) {
	got := make(chan int64, 1)
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		got <- x.Request.ContentLength
		echo(x)
	})
	s := r.dial().open(post("/", "content-length: 0"))
	if n := <-got; n != -1 {
		t.Errorf("length %d", n)
	}
	_, _ = s.Write(data("x"))
	s.Close()
	if got := read(s); got.status != "400" {
		t.Errorf("%+v", got)
	}
}

func TestViolationsEndTheConnection(t *testing.T) {
	r := start(t, testConfig(), Events{}, echo)
	rows := []struct {
		name  string
		code  quic.ApplicationErrorCode
		parts [][]byte
	}{
		{"DATA first", codeFrameUnexpected, [][]byte{data("x")}},
		{"SETTINGS", codeFrameUnexpected, [][]byte{{frameSettings, 0}}},
		{"PUSH_PROMISE", codeFrameUnexpected, [][]byte{get("/"), {framePushPromise, 0}}},
		{"GOAWAY", codeFrameUnexpected, [][]byte{get("/"), {frameGoAway, 1, 0}}},
		{"frame of HTTP/2", codeFrameUnexpected, [][]byte{get("/"), {0x6, 0}}},
		{"DATA behind the trailers", codeFrameUnexpected, [][]byte{get("/"), headers("x: y"), data("x")}},
		{"third HEADERS", codeFrameUnexpected, [][]byte{get("/"), headers("x: y"), headers("x: y")}},
		{"head cut short", codeFrameError, [][]byte{get("/")[:5]}},
		{"body cut short", codeFrameError, [][]byte{post("/"), data("abc")[:4]}},
		{"frame head cut short", codeFrameError, [][]byte{post("/"), {frameData}}},
		{"trailers that cannot be decoded", codeDecompressionFailed, [][]byte{post("/"), {frameHeaders, 4, 0, 0, 0xff, 0x7f}}},
		{"dynamic table", codeDecompressionFailed, [][]byte{{frameHeaders, 3, 0x02, 0, 0x80}}},
		{"index out of the table", codeDecompressionFailed, [][]byte{{frameHeaders, 4, 0, 0, 0xff, 0x7f}}},
		{"flood of junk", codeExcessiveLoad, [][]byte{get("/"), bytes.Repeat([]byte{0x21, 0}, 5000)}},
		{"flood of empty DATA", codeExcessiveLoad, [][]byte{get("/"), bytes.Repeat([]byte{frameData, 0}, 5000)}},
		{"junk without end", codeExcessiveLoad, [][]byte{append(get("/"), appendFrameHead(nil, 0x21, 1<<60)...)}},
	}
	for _, row := range rows {
		c := r.dial()
		c.send(row.parts...)
		if got := c.closed(); got != row.code {
			t.Errorf("%s: closed with %#x, want %#x", row.name, got, row.code)
		}
	}
}

func TestControlStreams(t *testing.T) {
	r := start(t, testConfig(), Events{}, echo)
	rows := []struct {
		name    string
		code    quic.ApplicationErrorCode
		control []byte
	}{
		{"no SETTINGS", codeMissingSettings, []byte{streamControl, frameGoAway, 1, 0}},
		{"SETTINGS twice", codeFrameUnexpected, []byte{streamControl, frameSettings, 0, frameSettings, 0}},
		{"DATA", codeFrameUnexpected, []byte{streamControl, frameSettings, 0, frameData, 0}},
		{"CANCEL_PUSH", codeIDError, []byte{streamControl, frameSettings, 0, frameCancelPush, 1, 0}},
		{"setting twice", codeSettingsError, []byte{streamControl, frameSettings, 4, 6, 1, 6, 1}},
		{"setting of HTTP/2", codeSettingsError, []byte{streamControl, frameSettings, 2, 4, 1}},
		{"setting cut short", codeFrameError, []byte{streamControl, frameSettings, 1, 6}},
		{"large SETTINGS", codeExcessiveLoad, []byte{streamControl, frameSettings, 0x80, 1, 0, 0}},
		{"frame of HTTP/2", codeFrameUnexpected, []byte{streamControl, frameSettings, 0, 0x8, 0}},
		{"push stream", codeStreamCreationError, []byte{streamPush, 0}},
	}
	for _, row := range rows {
		if got := r.dial(row.control...).closed(); got != row.code {
			t.Errorf("%s: closed with %#x, want %#x", row.name, got, row.code)
		}
	}
	c := r.dial()
	c.uni(streamControl, frameSettings, 0)
	if got := c.closed(); got != codeStreamCreationError {
		t.Errorf("second control stream: %#x", got)
	}
	c = r.dial()
	s := c.uni(streamEncoder)
	c.uni(0x21, 'g', 'r', 'e', 'a', 's', 'e')
	if got := read(c.send(get("/"))); got.status != "200" {
		t.Errorf("with a QPACK stream and one of unknown type: %+v", got)
	}
	_ = s
	c = r.dial()
	c.uni(streamDecoder)
	c.uni(streamDecoder)
	if got := c.closed(); got != codeStreamCreationError {
		t.Errorf("second decoder stream: %#x", got)
	}
}

func TestAClosedControlStreamEndsTheConnection(t *testing.T) {
	r := start(t, testConfig(), Events{}, echo)
	c := r.dial(streamEncoder)
	s := c.uni(streamControl, frameSettings, 0)
	s.Close()
	if got := c.closed(); got != codeClosedCriticalStream {
		t.Errorf("closed with %#x", got)
	}
}

func TestOptionsOfTheServer(t *testing.T) {
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) { t.Error("reached the handler") })
	got := read(r.dial().send(headers(":method: OPTIONS", ":scheme: https", ":authority: a.test", ":path: *")))
	if got.status != "204" || got.body != "" {
		t.Errorf("%+v", got)
	}
}

func TestAPanicOutsideTheHandlerCostsItsStreamOnly(t *testing.T) {
	panics := make(chan any, 1)
	ev := Events{
		Refused: func(*exchange.Exchange, int, string) { panic("refused") },
		Panic:   func(_ *exchange.Exchange, v any, _ []byte) { panics <- v },
	}
	r := start(t, testConfig(), ev, echo)
	c := r.dial()
	read(c.send(get("/", "upgrade: x")))
	if v := <-panics; v != "refused" {
		t.Errorf("%v", v)
	}
	if got := read(c.send(get("/"))); got.status != "200" {
		t.Errorf("%+v", got)
	}
}

func TestAPanicCostsItsRequestOnly(t *testing.T) {
	panics := make(chan any, 2)
	ev := Events{Panic: func(_ *exchange.Exchange, v any, _ []byte) { panics <- v }}
	r := start(t, testConfig(), ev, func(x *exchange.Exchange) {
		switch string(x.Request.Path) {
		case "/early":
			panic("early")
		case "/late":
			x.Response.ContentLength = 10
			_ = x.Sink.Start(&x.Response)
			_ = x.Sink.Write([]byte("abc"), false)
			panic("late")
		}
		text(x, 200, "fine")
	})
	c := r.client()
	if a := do(t, c, request(t, "GET", "https://a.test/early", nil)); a.StatusCode != 500 {
		t.Errorf("%d", a.StatusCode)
	}
	if res, err := c.Do(request(t, "GET", "https://a.test/late", nil)); err == nil {
		_, err = io.ReadAll(res.Body)
		if err == nil {
			t.Error("half a response looked whole")
		}
		res.Body.Close()
	}
	if a := do(t, c, request(t, "GET", "https://a.test/", nil)); a.body != "fine" {
		t.Errorf("%q", a.body)
	}
	if a, b := <-panics, <-panics; a != "early" || b != "late" {
		t.Errorf("%v %v", a, b)
	}
}
