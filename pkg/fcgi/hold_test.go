package fcgi_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/test/harness"
)

// local returns both ends of a unix connection.
func local(tb testing.TB) (a, b *net.UnixConn) {
	tb.Helper()
	l, err := net.Listen("unix", tb.TempDir()+"/s")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	a = dial(tb, l.Addr().String()).(*net.UnixConn)
	nc, err := l.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	return a, nc.(*net.UnixConn)
}

func TestARequestThatIsHeldBackArrivesWhole(t *testing.T) {
	harness.NoLeaks(t)
	s := echoServer()
	for _, addr := range []string{s.Start(t), echoServer().StartTCP(t)} {
		c := newConn(t, dial(t, addr), fcgi.Config{})
		for _, size := range []int{0, 1, 7, 8, 500, 60_000, 66_000, 200_000} {
			for _, body := range []int{0, 1, 10_000, 300_000} {
				for _, reader := range []bool{false, true} {
					req := post(pattern(body), "NAME", strings.Repeat("x", size))
					req.Hold = true
					if reader {
						req.StdinReader, req.StdinLen, req.Stdin = bytes.NewReader(req.Stdin), int64(body), nil
					}
					h := new(collect)
					if _, err := c.Do(req, h); err != nil || !strings.HasSuffix(h.out.String(), ":"+string(pattern(body))) {
						t.Fatalf("name of %d, body of %d: %v, %d bytes", size, body, err, h.out.Len())
					}
					if req.Progress != (fcgi.Progress{Sent: true, Received: true}) || !c.Reusable() {
						t.Fatalf("name of %d, body of %d: %+v, reusable %v", size, body, req.Progress, c.Reusable())
					}
				}
			}
		}
	}
}

func TestWhatIsHeldBackLeavesWhenTheRestIsRead(t *testing.T) {
	harness.NoLeaks(t)
	for _, req := range []*fcgi.Request{{}, post(nil), post(pattern(100), "NAME", "value")} {
		a, b := local(t)
		c := newConn(t, a, fcgi.Config{})
		req.Hold = true
		done := make(chan error, 1)
		go func() { // ends with the connection
			_, err := c.Do(req, new(collect))
			done <- err
		}()
		whole := 16 + (len(req.Params)+7)&^7 // up to the end of PARAMS
		if len(req.Params) > 0 {
			whole += 8
		}
		in := make([]byte, 1<<16)
		if _, err := io.ReadFull(b, in[:whole-9]); err != nil {
			t.Fatal(err)
		}
		// There is one byte more, and what follows waits until it is read.
		if n, err := b.Read(in); n != 1 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		if n, err := b.Read(in); n < 8 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		b.Close()
		if err := <-done; !errors.Is(err, fcgi.ErrStale) || req.Progress.Withheld {
			t.Errorf("%v, %+v", err, req.Progress)
		}
	}
}

func TestAnEndBeforeThatLeavesNoDoubt(t *testing.T) {
	harness.NoLeaks(t)
	size := 16 + 8 + (len(post(nil).Params)+7)&^7
	for n := range size {
		a, b := local(t)
		c := newConn(t, a, fcgi.Config{})
		req := post(nil)
		req.Hold = true
		done := make(chan error, 1)
		go func() { // ends with the connection
			_, err := c.Do(req, new(collect))
			done <- err
		}()
		if _, err := io.ReadFull(b, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		b.Close()
		// At 8 bytes from the end the rest may be on its way or not.
		if err := <-done; !errors.Is(err, fcgi.ErrStale) || n < size-8 != req.Progress.Withheld && n != size-8 || c.Reusable() {
			t.Errorf("closed behind %d bytes of %d: %v, %+v", n, size, err, req.Progress)
		}
	}
}

func TestAnAnswerComesThroughAlthoughNothingWasRead(t *testing.T) {
	harness.NoLeaks(t)
	a, b := local(t)
	c := newConn(t, a, fcgi.Config{Sweeper: sweeper(t, 2*time.Millisecond)})
	req := post(nil)
	req.Hold = true
	if _, err := b.Write(fcgi.AppendEnd(nil, 1, fcgi.End{ProtocolStatus: fcgi.StatusOverloaded})); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(req, new(collect)); !errors.Is(err, fcgi.ErrOverloaded) {
		t.Errorf("%v, %+v", err, req.Progress)
	}
}

func TestTheWaitForAReaderEnds(t *testing.T) {
	errGone := errors.New("gone")
	for name, tt := range map[string]struct {
		timeout time.Duration
		tick    func() error
		closes  bool
		want    error
	}{
		"in time":          {30 * time.Millisecond, nil, false, fcgi.ErrReadTimeout},
		"with its client":  {0, func() error { return errGone }, false, errGone},
		"with its Conn":    {0, nil, true, fcgi.ErrClosed},
		"whatever is next": {time.Hour, func() error { return errGone }, false, errGone},
	} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			a, _ := local(t)
			c := newConn(t, a, fcgi.Config{Sweeper: sweeper(t, 2*time.Millisecond), ReadTimeout: tt.timeout, SendTimeout: time.Millisecond})
			h := &collect{onTick: tt.tick}
			if tt.closes {
				h.onTick = func() error {
					go c.Close() // ends at once
					return nil
				}
			}
			req := post(pattern(100))
			req.Hold = true
			if _, err := c.Do(req, h); !errors.Is(err, tt.want) || !req.Progress.Withheld {
				t.Errorf("%v, %+v", err, req.Progress)
			}
		})
	}
}

func TestWhoReadsOnlyToThrowAwayGetsNothingMore(t *testing.T) {
	harness.NoLeaks(t)
	a, b := local(t)
	if err := b.CloseWrite(); err != nil { // as a php-fpm worker does behind its last reply
		t.Fatal(err)
	}
	got := make(chan int, 1)
	go func() { // ends with the connection
		all, _ := io.ReadAll(b)
		got <- len(all)
	}()
	c := newConn(t, a, fcgi.Config{})
	req := post(pattern(1000))
	req.Hold = true
	if _, err := c.Do(req, new(collect)); !errors.Is(err, fcgi.ErrStale) || !req.Progress.Withheld {
		t.Errorf("%v, %+v", err, req.Progress)
	}
	if n, most := <-got, 16+8+(len(req.Params)+7)&^7; n >= most {
		t.Errorf("%d bytes were sent", n)
	}
}
