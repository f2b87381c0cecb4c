package proxy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/proxy"
	"github.com/fcgigw/fcgigw/pkg/spool"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// sizes tells the worker's idea of the body.
func sizes(w *fcgitest.Response, r *fcgitest.Request) {
	fmt.Fprintf(w, "A: b\r\n\r\n%s %d %x", r.Params["CONTENT_LENGTH"], len(r.Stdin), checksum(r.Stdin))
}

func checksum(b []byte) (sum uint32) {
	for _, c := range b {
		sum = sum*31 + uint32(c)
	}
	return sum
}

func TestRequestBodiesArriveWhole(t *testing.T) {
	_, addr := app(t, sizes)
	b := newBench(t, addr)
	for _, size := range []int{0, 1, 100, 16 << 10, 64 << 10, 64<<10 + 1, 300 << 10, 1 << 20} {
		data := pattern(size)
		want := fmt.Sprintf("%d %d %x", size, size, checksum(data))
		for name, body := range map[string]exchange.Body{
			"buffered":    inMemory(data),
			"spooled":     &upload{r: bytes.NewReader(data)},
			"byte pieces": &upload{r: iotest.HalfReader(bytes.NewReader(data))},
		} {
			for _, length := range []int64{-1, int64(size)} {
				x, c := b.exchange("POST", body)
				x.Request.ContentLength = length
				if u, ok := body.(*upload); ok {
					u.r = bytes.NewReader(data)
				}
				if err := b.serve(x); err != nil || c.body.String() != want {
					t.Errorf("%s, %d bytes, length %d: %v, got %q", name, size, length, err, c.body.String())
				}
			}
		}
	}
}

func TestBodiesAreKeptWhereTheirSizeBelongs(t *testing.T) {
	for _, c := range []struct {
		size   int
		onDisk bool
	}{{1000, false}, {64 << 10, false}, {64<<10 + 1, true}, {500 << 10, true}} {
		entered, leave := make(chan struct{}), make(chan struct{})
		_, addr := app(t, func(w *fcgitest.Response, _ *fcgitest.Request) {
			close(entered)
			<-leave
			_, _ = w.WriteString(hello)
		})
		b := newBench(t, addr)
		x, _ := b.exchange("POST", &upload{r: bytes.NewReader(pattern(c.size))})
		done := b.start(x)
		await(t, entered)
		if st := b.store.Stats(); (st.Disk > 0) != c.onDisk || st.Memory == 0 {
			t.Errorf("%d bytes: %+v", c.size, st)
		}
		close(leave)
		if err := await(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestNoWorkerIsAskedBeforeTheBodyIsHere(t *testing.T) {
	s, addr := app(t, says(hello))
	b := newBench(t, addr)
	last := make(chan struct{})
	x, _ := b.exchange("POST", &upload{
		r: io.MultiReader(strings.NewReader("begin"), readerFunc(func([]byte) (int, error) {
			<-last
			return 0, io.EOF
		})),
	})
	done := b.start(x)
	harness.Eventually(t, "the body is being received", func() bool { return b.store.Stats().Memory > 0 })
	if n := s.Accepted(); n != 0 {
		t.Errorf("%d connections", n)
	}
	close(last)
	if err := await(t, done); err != nil || s.Accepted() != 1 {
		t.Errorf("%v, %d connections", err, s.Accepted())
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestBadBodiesReachNoWorker(t *testing.T) {
	errOwn := errors.New("connection reset")
	for _, c := range []struct {
		name   string
		body   exchange.Body
		length int64
		want   error
		status int
	}{
		{"announced too large", inMemory(nil), 1<<20 + 1, exchange.ErrBodyTooLarge, 413},
		{"counted too large", &upload{r: bytes.NewReader(pattern(1<<20 + 1))}, -1, exchange.ErrBodyTooLarge, 413},
		{"too large and buffered", inMemory(pattern(1<<20 + 1)), -1, exchange.ErrBodyTooLarge, 413},
		{"aborted", &upload{r: strings.NewReader("half"), err: exchange.ErrClientGone}, 100, exchange.ErrClientGone, 499},
		{"malformed", &upload{r: strings.NewReader("x"), err: fmt.Errorf("%w: chunk", exchange.ErrBadBody)}, -1, exchange.ErrBadBody, 400},
		{"too slow", &upload{r: strings.NewReader("x"), err: exchange.ErrBodyTimeout}, -1, exchange.ErrBodyTimeout, 408},
		{"broken on disk", &upload{r: bytes.NewReader(pattern(200 << 10)), err: errOwn}, -1, errOwn, 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, addr := app(t, says(hello))
			b := newBench(t, addr)
			x, client := b.exchange("POST", c.body)
			x.Request.ContentLength = c.length
			err := b.serve(x)
			if !errors.Is(err, c.want) || proxy.Status(err) != c.status {
				t.Errorf("%v, status %d", err, proxy.Status(err))
			}
			if s.Accepted() != 0 || len(client.calls) != 0 {
				t.Errorf("%d connections, sink %v", s.Accepted(), client.calls)
			}
		})
	}
}

func TestABodyBeyondTheStoreIs503(t *testing.T) {
	_, addr := app(t, says(hello))
	b := newBench(t, addr)
	full := spool.New(spool.Config{Dir: t.TempDir(), Limit: 100 << 10})
	x, _ := b.exchange("POST", &upload{r: bytes.NewReader(pattern(200 << 10))})
	err := proxy.New(full).Serve(x, &b.cfg, &b.enc, new(proxy.Job))
	if !errors.Is(err, spool.ErrNoSpace) || proxy.Status(err) != 503 {
		t.Errorf("%v, status %d", err, proxy.Status(err))
	}
	if st := full.Stats(); st != (spool.Stats{}) {
		t.Errorf("left: %+v", st)
	}
}

func TestABodyIsSentAgainFromItsStart(t *testing.T) {
	for _, size := range []int{100, 300 << 10} { // in memory, on disk
		data := pattern(size)
		got := make(chan []byte, 1)
		hangs := &fcgitest.Server{}
		hangs.Handler = func(w *fcgitest.Response, r *fcgitest.Request) {
			if len(hangs.Requests()) == 2 { // the kept connection dies under the second
				w.Close()
				return
			}
			got <- r.Stdin
			_, _ = w.WriteString(hello)
		}
		b := newBench(t, hangs.Start(t))
		for range 2 {
			x, c := b.exchange("PUT", &upload{r: bytes.NewReader(data)})
			if err := b.serve(x); err != nil || c.body.String() != "hello" {
				t.Fatal(err)
			}
			if !bytes.Equal(<-got, data) {
				t.Errorf("%d bytes: another body arrived", size)
			}
		}
		if n := len(hangs.Requests()); n != 3 {
			t.Errorf("%d attempts", n)
		}
	}
}

func TestErrorsBecomeStatuses(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{&proxy.StatusError{Status: 404}, 404},
		{exchange.ErrBodyTooLarge, 413},
		{exchange.ErrBodyTimeout, 408},
		{exchange.ErrBadBody, 400},
		{exchange.ErrClientGone, 499},
		{exchange.ErrSendTimeout, 499},
		{spool.ErrNoSpace, 503},
		{fcgi.ErrOverloaded, 503},
		{upstream.ErrRequestTimeout, 504},
		{errors.New("other"), 502},
		{fmt.Errorf("wrapped: %w", exchange.ErrBodyTooLarge), 413},
	} {
		if got := proxy.Status(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}
