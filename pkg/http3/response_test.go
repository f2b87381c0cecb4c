package http3

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
)

func TestResponses(t *testing.T) {
	errs := make(chan error, 4)
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		res, sink := &x.Response, x.Sink
		write := func(p string, last bool) { errs <- sink.Write([]byte(p), last) }
		switch path := string(x.Request.Path); path {
		case "/unknown":
			_ = sink.Start(res)
			write("abc", false)
			write("def", false)
			write("", true)
		case "/once":
			_ = sink.Start(res)
			write("abc", true)
		case "/late": // the head goes out before the body
			_ = sink.Start(res)
			write("", false)
			write("abc", true)
		case "/204", "/304":
			_, _ = fmt.Sscanf(path, "/%d", &res.Status)
			_ = sink.Start(res)
			write("not for you", true)
		case "/own":
			for _, f := range [][2]string{{"Date", "mine"}, {"Server", "mine"}, {"X-Order", "1"}, {"x-order", "2"}, {"Connection", "close"}, {"Keep-Alive", "1"}, {"Transfer-Encoding", "chunked"}, {"Content-Length", "77"}, {"Trailer", "x"}, {"Upgrade", "x"}} {
				res.Header.AddString(f[0], f[1])
			}
			_ = sink.Start(res)
			write("abc", true)
		}
		if !sink.Started() {
			errs <- errors.New("not started")
		}
	})
	c := r.client()
	rows := []struct {
		path   string
		status int
		length int64
		body   string
		writes int
	}{
		{"/unknown", 200, -1, "abcdef", 3},
		{"/once", 200, 3, "abc", 1},
		{"/late", 200, -1, "abc", 2},
		{"/204", 204, 0, "", 1},
		{"/304", 304, -1, "", 1},
		{"/own", 200, 3, "abc", 1},
	}
	for _, row := range rows {
		a := do(t, c, request(t, "GET", "https://a.test"+row.path, nil))
		if a.StatusCode != row.status || a.ContentLength != row.length || a.body != row.body {
			t.Errorf("%s: %d, length %d, %q", row.path, a.StatusCode, a.ContentLength, a.body)
		}
		for range row.writes {
			if err := <-errs; err != nil {
				t.Errorf("%s: %v", row.path, err)
			}
		}
	}
	a := do(t, c, request(t, "GET", "https://a.test/own", nil))
	got := fmt.Sprint(a.Header)
	want := "map[Content-Length:[3] Date:[mine] Server:[mine] X-Order:[1 2]]"
	if got != want {
		t.Errorf("%s", got)
	}
}

// A response must be whole or be seen to be broken.
func TestBrokenResponsesAreResets(t *testing.T) {
	errs := make(chan error, 1)
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		res, sink := &x.Response, x.Sink
		res.ContentLength = 10
		switch string(x.Request.Path) {
		case "/none":
			errs <- nil
			return
		case "/started":
			errs <- sink.Start(res)
		case "/abort":
			_ = sink.Start(res)
			errs <- sink.Write([]byte("abc"), false)
			sink.Abort()
		case "/abort-unknown":
			res.ContentLength = -1
			_ = sink.Start(res)
			errs <- sink.Write([]byte("abc"), false)
			sink.Abort()
		case "/left":
			_ = sink.Start(res)
			errs <- sink.Write([]byte("abc"), false)
		case "/short":
			_ = sink.Start(res)
			errs <- sink.Write([]byte("abc"), true)
		case "/long":
			_ = sink.Start(res)
			errs <- sink.Write([]byte("0123456789a"), true)
		case "/field":
			res.Header.AddString("X", "a\nb")
			_ = sink.Start(res)
			errs <- sink.Write([]byte("0123456789"), true)
		case "/status":
			res.Status = 100
			_ = sink.Start(res)
			errs <- sink.Write([]byte("0123456789"), true)
		}
	})
	c := r.dial()
	rows := []struct {
		path string
		err  error
	}{
		{"/none", nil},
		{"/started", nil},
		{"/abort", nil},
		{"/abort-unknown", nil},
		{"/left", nil},
		{"/short", exchange.ErrShortBody},
		{"/long", exchange.ErrLongBody},
		{"/field", http1.ErrField},
		{"/status", http1.ErrField},
	}
	for _, row := range rows {
		got := read(c.send(get(row.path)))
		if got.err == nil {
			t.Errorf("%s: a whole response: %+v", row.path, got)
		}
		if err := <-errs; !errors.Is(err, row.err) {
			t.Errorf("%s: %v", row.path, err)
		}
	}
}

func TestInterimResponses(t *testing.T) {
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		h := &exchange.Header{}
		h.AddString("Link", "</a.css>; rel=preload")
		if err := x.Sink.Interim(103, h); err != nil || x.Sink.Started() {
			t.Errorf("%v, started: %v", err, x.Sink.Started())
		}
		if err := x.Sink.Interim(101, nil); !errors.Is(err, http1.ErrField) {
			t.Errorf("101: %v", err)
		}
		text(x, 200, "done")
		if err := x.Sink.Interim(103, h); err != nil {
			t.Errorf("behind the end: %v", err)
		}
	})
	var hints []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h))
			return nil
		},
	})
	a := do(t, r.client(), request(t, "GET", "https://a.test/", nil).WithContext(ctx))
	if a.body != "done" || fmt.Sprint(hints) != "[103 map[Link:[</a.css>; rel=preload]]]" {
		t.Errorf("%q %v", a.body, hints)
	}
}

func TestAClientThatWaitsIsToldToSend(t *testing.T) {
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/no" {
			text(x, 403, "no")
			return
		}
		echo(x)
	})
	c := r.dial()
	s := c.open(post("/", "expect: 100-continue", "content-length: 3"))
	d := reader{}
	d.reset(s)
	kind, n, err := d.frame()
	if err != nil || kind != frameHeaders {
		t.Fatal(kind, err)
	}
	block, _ := d.take(int(n))
	if f := decodeFields(block); len(f) != 1 || f[0][1] != "100" {
		t.Errorf("%v", f)
	}
	_, _ = s.Write(data("abc"))
	s.Close()
	if got := read(s); got.body != "abc" || got.status != "200" {
		t.Errorf("%+v", got)
	}
	if got := read(c.open(post("/no", "expect: 100-continue", "content-length: 3"))); got.status != "403" || got.err != nil {
		t.Errorf("refused before the body: %+v", got)
	}
}

// A worker must never wait for a client.
func TestTryWriteDoesNotWaitForTheClient(t *testing.T) {
	taken := make(chan int64)
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		_ = x.Sink.Start(&x.Response)
		block := make([]byte, 64<<10)
		for {
			n, err := x.Sink.TryWrite(block, false)
			if err != nil {
				t.Errorf("%v", err)
				return
			}
			if n < len(block) {
				break
			}
		}
		for { // the writer may still have room to make
			before := x.Sink.Sent()
			if _, err := x.Sink.TryWrite(block, false); err != nil {
				t.Errorf("%v", err)
				return
			}
			if x.Sink.Sent() == before {
				break
			}
		}
		taken <- x.Sink.Sent()
		_ = x.Sink.Write(nil, true)
	})
	res, err := r.client().Do(request(t, "GET", "https://a.test/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var n int64
	select {
	case n = <-taken:
	case <-time.After(limit):
		t.Fatal("TryWrite waits")
	}
	if got, err := io.Copy(io.Discard, res.Body); err != nil || got != n {
		t.Errorf("%d of %d bytes, %v", got, n, err)
	}
}

// pattern is a long text of which no part is like another.
type pattern struct{ left, n int }

func (p *pattern) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	m := min(len(b), p.left)
	for i := range m {
		b[i] = byte(p.n>>8) ^ byte(p.n)
		p.n++
	}
	p.left -= m
	return m, nil
}

func TestLargeBodiesBothWays(t *testing.T) {
	const size = 3 << 20
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		h := sha256.New()
		n, err := io.Copy(h, x.Request.Body)
		if err != nil || n != size || x.Trace.BodyIn != size {
			t.Errorf("%d bytes, %d counted, %v", n, x.Trace.BodyIn, err)
		}
		x.Response.Header.AddString("X-Sum", fmt.Sprintf("%x", h.Sum(nil)))
		x.Response.ContentLength = size
		_ = x.Sink.Start(&x.Response)
		src, buf := &pattern{left: size}, make([]byte, 100_000)
		for src.left > 0 {
			n, _ := src.Read(buf)
			if err := x.Sink.Write(buf[:n], src.left == 0); err != nil {
				t.Errorf("%v", err)
				return
			}
		}
	})
	h := sha256.New()
	_, _ = io.Copy(h, &pattern{left: size})
	sum := fmt.Sprintf("%x", h.Sum(nil))
	req := request(t, "POST", "https://a.test/", &pattern{left: size})
	res, err := r.client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("X-Sum"); got != sum {
		t.Error("the upload arrived changed")
	}
	h.Reset()
	if _, err := io.Copy(h, res.Body); err != nil || fmt.Sprintf("%x", h.Sum(nil)) != sum {
		t.Errorf("the download arrived changed: %v", err)
	}
}

// An early answer must arrive although the body is not read.
func TestABodyNobodyReadsIsStopped(t *testing.T) {
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) { text(x, 413, "too much") })
	s := r.dial().open(post("/", "content-length: 10000000"))
	stopped := make(chan error)
	go func() { // ends when the server stops the stream
		for {
			if _, err := s.Write(data(strings.Repeat("x", 10000))); err != nil {
				stopped <- err
				return
			}
		}
	}()
	if got := read(s); got.status != "413" || got.body != "too much" || got.err != nil {
		t.Errorf("%+v", got)
	}
	if err := <-stopped; err == nil {
		t.Error("not stopped")
	}
}
