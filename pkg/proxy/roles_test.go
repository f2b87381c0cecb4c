package proxy_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/proxy"
)

// asker allows what has the status 200.
type asker struct {
	params
	saw int   // status of the reply
	err error // of Verdict
}

func (a *asker) Verdict(r *exchange.Response) (bool, error) {
	a.saw = r.Status
	return r.Status == 200, a.err
}

// ask asks an authorizer that replies with text and then serves.
func (b *bench) ask(x *exchange.Exchange, a *asker, j *proxy.Job) (bool, error) {
	b.t.Helper()
	return b.proxy.Authorize(x, &b.cfg, a, j)
}

// byRole has a handler for authorizers and answers others with hello.
func byRole(authorize fcgitest.Handler) fcgitest.Handler {
	return func(w *fcgitest.Response, r *fcgitest.Request) {
		if r.Role == fcgi.RoleAuthorizer {
			authorize(w, r)
			return
		}
		_, _ = w.WriteString(hello + " " + string(r.Stdin))
	}
}

func TestAnAllowedRequestGoesOnWithItsBodyAndAFreeWorker(t *testing.T) {
	s, addr := app(t, byRole(says("Status: 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 3\r\n\r\nall")))
	b := newBench(t, addr) // one worker
	job := new(proxy.Job)
	for _, body := range []exchange.Body{nil, inMemory("body"), &upload{r: strings.NewReader("body")}} {
		x, c := b.exchange("POST", body)
		x.Trace.Start = time.Now()
		a := new(asker)
		allowed, err := b.ask(x, a, job)
		if !allowed || err != nil || a.saw != 200 {
			t.Fatalf("%v, %v, saw %d", allowed, err, a.saw)
		}
		if len(c.got()) > 0 || x.Response.Header.Len() > 0 || x.Response.ContentLength != -1 {
			t.Fatalf("the client got %v, left are %v", c.got(), x.Response.Header.All())
		}
		tr := &x.Trace
		if tr.Authorized <= 0 || tr.Backend != "" || tr.Tries != 0 || tr.Upstream != 0 {
			t.Fatalf("%+v", tr)
		}
		if err := b.proxy.Serve(x, &b.cfg, &b.enc, job); err != nil || tr.Tries != 1 {
			t.Fatalf("%v, %d tries", err, tr.Tries)
		}
		want := "hello "
		if body != nil {
			want += "body"
		}
		if c.body.String() != want || !c.ended {
			t.Fatalf("got %q", c.body.String())
		}
	}
	for _, r := range s.Requests() {
		if r.Role == fcgi.RoleAuthorizer && (len(r.Stdin) > 0 || r.Params["CONTENT_LENGTH"] != "0") {
			t.Errorf("the authorizer got %q, %v", r.Stdin, r.Params)
		}
	}
}

func TestARefusalIsTheAnswer(t *testing.T) {
	text := strings.Repeat("who are you? ", 20_000) // more than is held back
	_, addr := app(t, byRole(says("Status: 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\r\n"+text)))
	b := newBench(t, addr)
	x, c := b.exchange("GET", nil)
	allowed, err := b.ask(x, new(asker), new(proxy.Job))
	if allowed || err != nil {
		t.Fatalf("%v, %v", allowed, err)
	}
	if c.status != 401 || c.body.String() != text || !c.ended || string(x.Response.Header.Get("www-authenticate")) != "Basic" {
		t.Errorf("status %d, %d bytes, ended %v", c.status, c.body.Len(), c.ended)
	}
	if x.Trace.Backend != "app" || x.Trace.Authorized != 0 {
		t.Errorf("%+v", x.Trace)
	}
}

func TestNothingButAWholeReplyAllows(t *testing.T) {
	flush := func(text string, then func(w *fcgitest.Response)) fcgitest.Handler {
		return func(w *fcgitest.Response, _ *fcgitest.Request) {
			_, _ = w.WriteString(text)
			_ = w.Flush()
			then(w)
		}
	}
	const fine = "Status: 200 OK\r\n\r\n"
	shut := func(w *fcgitest.Response) { w.Close() }
	end := func(appStatus uint32, protocolStatus uint8) func(w *fcgitest.Response) {
		return func(w *fcgitest.Response) { _ = w.End(appStatus, protocolStatus) }
	}
	for _, tt := range []struct {
		name      string
		authorize fcgitest.Handler
		verdict   error
		status    int
	}{
		{"cut behind its head", flush(fine, shut), nil, 502},
		{"cut within its body", flush(fine+"part", shut), nil, 502},
		{"shorter than declared", flush("Status: 200 OK\r\nContent-Length: 5\r\n\r\nfour", end(0, 0)), nil, 502},
		{"a failed program", flush(fine, end(1, 0)), nil, 502},
		{"no reply", flush("", end(0, 0)), nil, 502},
		{"nothing like a header", flush("allowed\r\n\r\n", end(0, 0)), nil, 502},
		{"half a header", flush("Status: 200", end(0, 0)), nil, 502},
		{"overloaded", flush("", end(0, fcgi.StatusOverloaded)), nil, 503},
		{"no such role", flush("", end(0, fcgi.StatusUnknownRole)), nil, 502},
		{"a head and no such role", flush(fine, end(0, fcgi.StatusUnknownRole)), nil, 502},
		{"a verdict that fails", flush(fine, end(0, 0)), errors.New("bad variable"), 502},
		{"a body without end", flush(fine+strings.Repeat("on and ", 10_000), end(0, 0)), nil, 502},
		{"only an interim head", flush("Status: 103\r\n\r\n", end(0, 0)), nil, 502},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, addr := app(t, byRole(tt.authorize))
			b := newBench(t, addr)
			x, c := b.exchange("GET", nil)
			a := &asker{err: tt.verdict}
			allowed, err := b.ask(x, a, new(proxy.Job))
			if allowed || err == nil || proxy.Status(err) != tt.status {
				t.Errorf("%v, %v: %d", allowed, err, proxy.Status(err))
			}
			if len(c.got()) > 0 || c.aborted {
				t.Errorf("the client got %v", c.got())
			}
			b.get() // the worker is free
		})
	}
}

func TestAnInterimHeadOfAnAuthorizerIsNotSent(t *testing.T) {
	_, addr := app(t, byRole(says("Status: 103\r\nLink: </a>\r\n\r\nStatus: 403\r\n\r\nno")))
	b := newBench(t, addr)
	x, c := b.exchange("GET", nil)
	if allowed, err := b.ask(x, new(asker), new(proxy.Job)); allowed || err != nil {
		t.Fatalf("%v, %v", allowed, err)
	}
	if c.status != 403 || c.body.String() != "no" || c.got()[0] != "start" {
		t.Errorf("%d, %q, %v", c.status, c.body.String(), c.got())
	}
}

func TestARefusalThatBreaksOffIsAborted(t *testing.T) {
	_, addr := app(t, byRole(func(w *fcgitest.Response, _ *fcgitest.Request) {
		_, _ = w.WriteString("Status: 403\r\n\r\n" + strings.Repeat("no ", 20_000))
		_ = w.Flush()
		w.Close()
	}))
	b := newBench(t, addr)
	x, c := b.exchange("GET", nil)
	allowed, err := b.ask(x, new(asker), new(proxy.Job))
	if allowed || err == nil || !c.aborted || c.ended {
		t.Errorf("%v, %v, aborted %v", allowed, err, c.aborted)
	}
}

func TestAClientThatLeavesEndsTheAuthorizer(t *testing.T) {
	begun := make(chan struct{})
	_, addr := app(t, byRole(func(_ *fcgitest.Response, r *fcgitest.Request) {
		close(begun)
		<-r.Aborted
	}))
	b := newBench(t, addr)
	x, c := b.exchange("GET", nil)
	errs := make(chan error, 1)
	go func() { // ends with the request
		_, err := b.ask(x, new(asker), new(proxy.Job))
		errs <- err
	}()
	await(t, begun)
	c.gone.Store(true)
	if err := await(t, errs); !errors.Is(err, exchange.ErrClientGone) {
		t.Errorf("got %v", err)
	}
}

func TestAFilterGetsBodyAndFile(t *testing.T) {
	s, addr := app(t, says(hello))
	b := newBench(t, addr)
	file := strings.Repeat("0123456789", 30_000)
	job := new(proxy.Job)
	for _, size := range []int{0, 3, 200_000} {
		x, c := b.exchange("POST", inMemory("body"))
		err := b.proxy.Filter(x, &b.cfg, &b.enc, proxy.File{From: strings.NewReader(file), Len: int64(size)}, job)
		if err != nil || c.body.String() != "hello" || !c.ended {
			t.Fatalf("%d bytes: %v, %q", size, err, c.body.String())
		}
		list := s.Requests()
		r := list[len(list)-1]
		if r.Role != fcgi.RoleFilter || string(r.Data) != file[:size] || string(r.Stdin) != "body" {
			t.Errorf("%d bytes: role %d, %d of data, body %q", size, r.Role, len(r.Data), r.Stdin)
		}
	}
	x, c := b.exchange("GET", nil)
	if err := b.proxy.Serve(x, &b.cfg, &b.enc, job); err != nil || c.body.String() != "hello" {
		t.Fatalf("the next request: %v", err)
	}
	if list := s.Requests(); list[len(list)-1].Role != fcgi.RoleResponder || len(list[len(list)-1].Data) > 0 {
		t.Error("the next request is a filter's too")
	}
}
