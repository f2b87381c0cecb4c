package fcgitest_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
)

// request encodes a whole request.
func request(id uint16, keep bool, params, stdin string) []byte {
	b := fcgi.AppendBegin(nil, id, fcgi.Begin{Role: fcgi.RoleResponder, KeepConn: keep})
	b = fcgi.AppendStream(b, fcgi.TypeParams, id, []byte(params))
	b = fcgi.AppendStreamEnd(b, fcgi.TypeParams, id)
	b = fcgi.AppendStream(b, fcgi.TypeStdin, id, []byte(stdin))
	return fcgi.AppendStreamEnd(b, fcgi.TypeStdin, id)
}

// reply reads records up to END_REQUEST of id and returns its STDOUT.
func reply(t *testing.T, nc net.Conn, id uint16) (string, fcgi.End) {
	t.Helper()
	var out strings.Builder
	for {
		head := make([]byte, fcgi.HeaderLen)
		if _, err := io.ReadFull(nc, head); err != nil {
			t.Fatal(err)
		}
		h, err := fcgi.ParseHeader(head)
		if err != nil {
			t.Fatal(err)
		}
		content := make([]byte, int(h.Len)+int(h.Pad))
		if _, err := io.ReadFull(nc, content); err != nil {
			t.Fatal(err)
		}
		switch {
		case h.Type == fcgi.TypeStdout && h.ID == id:
			out.Write(content[:h.Len])
		case h.Type == fcgi.TypeEndRequest && h.ID == id:
			end, err := fcgi.ParseEnd(content[:h.Len])
			if err != nil {
				t.Fatal(err)
			}
			return out.String(), end
		}
	}
}

func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

func write(t *testing.T, nc net.Conn, b []byte) {
	t.Helper()
	if _, err := nc.Write(b); err != nil {
		t.Fatal(err)
	}
}

func echo(w *fcgitest.Response, r *fcgitest.Request) { w.Write(r.Stdin) }

func TestServerDecodesAndRemembersRequests(t *testing.T) {
	s := &fcgitest.Server{Handler: echo}
	nc := dial(t, s.Start(t))
	pairs := fcgi.AppendPair(fcgi.AppendPair(fcgi.AppendPair(nil, "A", "1"), "B", ""), "A", "2")
	for _, id := range []uint16{1, 7} {
		write(t, nc, request(id, true, string(pairs), "body"))
		if out, end := reply(t, nc, id); out != "body" || end != (fcgi.End{}) {
			t.Fatalf("%q, %+v", out, end)
		}
	}
	seen := s.Requests()
	if len(seen) != 2 || seen[1].ID != 7 || seen[1].Conn != 1 || seen[1].Params["A"] != "2" || strings.Join(seen[1].Names, "") != "ABA" {
		t.Fatalf("%+v", seen)
	}
	if s.Accepted() != 1 || s.Open() != 1 {
		t.Fatalf("%d accepted, %d open", s.Accepted(), s.Open())
	}
}

func TestServerClosesWithoutKeepConnAndAtItsMaximum(t *testing.T) {
	s := &fcgitest.Server{Handler: echo, MaxRequests: 2}
	path := s.Start(t)
	for _, keep := range []bool{false, true} {
		nc := dial(t, path)
		n := 1
		if keep {
			n = 2
		}
		for range n {
			write(t, nc, request(1, keep, "", ""))
			reply(t, nc, 1)
		}
		if _, err := nc.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("keep %v: %v", keep, err)
		}
	}
}

func TestServerRefusesToMultiplexUnlessTold(t *testing.T) {
	for _, mpxs := range []bool{false, true} {
		release := make(chan struct{})
		s := &fcgitest.Server{Mpxs: mpxs, Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
			if r.ID == 1 {
				<-release
			}
			echo(w, r)
		}}
		nc := dial(t, s.Start(t))
		write(t, nc, append(request(1, true, "", "one"), request(2, true, "", "two")...))
		out, end := reply(t, nc, 2)
		if mpxs && out != "two" || !mpxs && end.ProtocolStatus != fcgi.StatusCantMpxConn {
			t.Fatalf("mpxs %v: %q, %+v", mpxs, out, end)
		}
		close(release)
		if out, _ := reply(t, nc, 1); out != "one" {
			t.Fatalf("mpxs %v: %q", mpxs, out)
		}
	}
}

func TestResponseCanBeBrokenOnPurpose(t *testing.T) {
	s := &fcgitest.Server{Forget: true, Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		w.WriteString("ok")
		w.Raw([]byte("junk"))
		w.Flush()
		w.Close()
	}}
	nc := dial(t, s.Start(t))
	write(t, nc, request(1, true, "", ""))
	all, err := io.ReadAll(nc)
	if want := string(fcgi.AppendRecord(nil, fcgi.TypeStdout, 1, []byte("ok"))) + "junk"; string(all) != want || err != nil {
		t.Fatalf("%q, %v", all, err)
	}
	if len(s.Requests()) != 0 {
		t.Fatal("request kept")
	}
}

func TestServerPathFitsASocketWhateverTheTestsName(t *testing.T) {
	t.Run(strings.Repeat("a-very-long-name-", 10), func(t *testing.T) {
		s := &fcgitest.Server{Handler: echo}
		nc := dial(t, s.Start(t))
		write(t, nc, request(1, true, "", "x"))
		if out, _ := reply(t, nc, 1); out != "x" {
			t.Fatal(out)
		}
	})
}

func TestServerTellsHandlersAboutAborts(t *testing.T) {
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		<-r.Aborted
		w.End(9, fcgi.StatusComplete)
		if _, err := w.WriteString("late"); err != fcgitest.ErrEnded {
			t.Errorf("write behind End: %v", err)
		}
	}}
	nc := dial(t, s.Start(t))
	write(t, nc, fcgi.AppendAbort(request(3, true, "", ""), 3))
	if out, end := reply(t, nc, 3); out != "" || end.AppStatus != 9 || s.Aborts() != 1 {
		t.Fatalf("%q, %+v, %d aborts", out, end, s.Aborts())
	}
	// Before the request is complete, no handler runs.
	write(t, nc, fcgi.AppendAbort(request(4, true, "", "")[:16], 4))
	if _, end := reply(t, nc, 4); end.AppStatus != 0 || len(s.Requests()) != 1 {
		t.Fatalf("%+v, %d requests", end, len(s.Requests()))
	}
}

func TestServerEndsConnectionsItDoesNotUnderstand(t *testing.T) {
	s := &fcgitest.Server{Handler: echo}
	path := s.Start(t)
	for name, b := range map[string][]byte{
		"version":   []byte("GET / HTTP/1.1\r\n\r\n"),
		"bad pairs": request(1, true, "\x7f", ""),
		"id in use": append(request(1, true, "", "")[:16], request(1, true, "", "")[:16]...),
		"stdout":    append(request(1, true, "", "")[:16], fcgi.AppendRecord(nil, fcgi.TypeStdout, 1, []byte("x"))...),
	} {
		nc := dial(t, path)
		write(t, nc, b)
		if n, err := nc.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}

func TestScriptFailsWhereTheClientDoesNotDoWhatIsExpected(t *testing.T) {
	tests := map[string]struct {
		script fcgitest.Script
		send   string
		want   string
	}{
		"as expected": {fcgitest.Script{fcgitest.ExpectBytes([]byte("ab")), fcgitest.Expect(1)}, "abc", ""},
		"other bytes": {fcgitest.Script{fcgitest.Expect(1), fcgitest.ExpectBytes([]byte("xx"))}, "abc", "step 2: got 6263"},
		"too few":     {fcgitest.Script{fcgitest.Expect(4)}, "abc", "EOF"},
		"no FastCGI":  {fcgitest.Script{fcgitest.ExpectRequest()}, "12345678", "version"},
	}
	for name, tt := range tests {
		a, b := net.Pipe()
		done := make(chan error)
		go func() { done <- tt.script.Play(b, nil) }() // ends with the script
		io.WriteString(a, tt.send)
		a.Close()
		if err := <-done; (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestScriptAnswersWithTheRequestsID(t *testing.T) {
	path := fcgitest.StartScripts(t, fcgitest.Script{
		fcgitest.ExpectRequest(), fcgitest.Reply("one"),
		fcgitest.ExpectRequest(), fcgitest.Stderr([]byte("e")), fcgitest.Stdout([]byte("t")),
		fcgitest.Slowly(1, func(id uint16) []byte { return fcgi.AppendRecord(nil, fcgi.TypeStdout, id, []byte("wo")) }),
		fcgitest.End(5, 0),
	})
	nc := dial(t, path)
	write(t, nc, append(request(3, true, "", ""), request(4, true, "", "")...))
	if out, _ := reply(t, nc, 3); out != "one" {
		t.Fatal(out)
	}
	if out, end := reply(t, nc, 4); out != "two" || end.AppStatus != 5 {
		t.Fatalf("%q, %+v", out, end)
	}
	second := dial(t, path)
	if _, err := second.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("connection without a script: %v", err)
	}
}

func TestFaultyConnBreaksWhereItIsTold(t *testing.T) {
	a, b := net.Pipe()
	got := make(chan []byte)
	go func() { // ends when the faulty connection closes
		all, _ := io.ReadAll(b)
		got <- all
	}()
	c := &fcgitest.Conn{Conn: a, MaxWrite: 2, BreakWrite: 5}
	if n, err := c.Write([]byte("1234567")); n != 5 || !errors.Is(err, fcgitest.ErrBroken) {
		t.Fatalf("%d, %v", n, err)
	}
	if all := <-got; string(all) != "12345" {
		t.Fatalf("%q", all)
	}

	a, b = net.Pipe()
	go b.Write([]byte("1234567")) // ends when the faulty connection closes
	c = &fcgitest.Conn{Conn: a, MaxRead: 2, BreakRead: 5}
	var all bytes.Buffer
	if _, err := io.Copy(&all, struct{ io.Reader }{c}); !errors.Is(err, fcgitest.ErrBroken) || all.String() != "12345" {
		t.Fatalf("%q, %v", all.String(), err)
	}
	if r, w := c.Counts(); r != 5 || w != 0 {
		t.Fatalf("%d read, %d written", r, w)
	}
}
