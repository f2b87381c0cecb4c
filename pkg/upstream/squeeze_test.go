package upstream_test

import (
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/pool"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// doorman is a listener with the shortest queue there is, that accepts only as
// many connections as it is told to: the workers of a pool that is too small.
type doorman struct {
	net.Listener
	admit  chan struct{}
	closed chan struct{}
}

func newDoorman(t *testing.T, domain int, sa unix.Sockaddr) *doorman {
	t.Helper()
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	if err := unix.Bind(fd, sa); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	l, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	return &doorman{Listener: l, admit: make(chan struct{}, 100), closed: make(chan struct{})}
}

func (d *doorman) Accept() (net.Conn, error) {
	select {
	case <-d.admit:
		return d.Listener.Accept()
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

func (d *doorman) Close() error {
	close(d.closed)
	return d.Listener.Close()
}

func (d *doorman) let(n int) {
	for range n {
		d.admit <- struct{}{}
	}
}

// fill makes connections until the next one gets no answer.
func (d *doorman) fill(t *testing.T) {
	t.Helper()
	for range 8 {
		c, err := net.DialTimeout(d.Addr().Network(), d.Addr().String(), 100*time.Millisecond)
		if err != nil {
			return
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Skip("this system does not bound the queue of connections")
}

// twoIdle is a backend with two idle connections to a server whose POST requests
// wait for leave, and each of which has a connection of its own.
func twoIdle(t *testing.T, d *doorman, addr string) (b *upstream.Backend, leave chan struct{}) {
	t.Helper()
	entered := make(chan struct{})
	gate, leave := make(chan struct{}), make(chan struct{})
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		wait := leave
		if r.Params["REQUEST_METHOD"] == "GET" {
			wait = gate
			entered <- struct{}{}
		}
		select {
		case <-wait:
			_, _ = w.WriteString(hello)
		case <-r.Aborted:
		}
	}}
	serveOn(t, s, d)
	cfg := config(addr)
	cfg.Recycles, cfg.RetryTimeout = true, patience
	cfg.Retry = upstream.RetryRefused // so that a POST wants a connection of its own
	b = newBackend(t, cfg, upstream.Events{})
	d.let(2)
	var running []<-chan error
	for range 2 {
		running = append(running, request("GET", "").start(t, b))
		await(t, entered)
	}
	close(gate)
	for _, r := range running {
		if err := await(t, r); err != nil {
			t.Fatal(err)
		}
	}
	if st := b.Snapshot()[0].Pool; st.Idle != 2 {
		t.Fatalf("%+v", st)
	}
	return b, leave
}

// squeezed waits until the idle connection that the POST request post left is
// given up for it, and then lets it in.
func squeezed(t *testing.T, b *upstream.Backend, d *doorman, leave chan struct{}) {
	t.Helper()
	post := request("POST", "x").start(t, b)
	harness.Eventually(t, "the idle connection is given up", func() bool {
		st := b.Snapshot()[0].Pool
		return st.Idle == 0 && st.Closed[pool.ClosedSqueezed] == 1
	})
	close(leave)
	d.let(cap(d.admit) - len(d.admit))
	if err := await(t, post); err != nil {
		t.Error(err)
	}
}

func unixDoorman(t *testing.T) (d *doorman, addr string) {
	addr = nowhere(t)
	return newDoorman(t, unix.AF_UNIX, &unix.SockaddrUnix{Name: addr}), addr
}

func TestAFullListenQueueShrinksTheIdleSet(t *testing.T) {
	harness.NoLeaks(t)
	d, addr := unixDoorman(t)
	b, leave := twoIdle(t, d, addr)
	d.fill(t) // from here on connect says EAGAIN
	squeezed(t, b, d, leave)
	if st := b.Snapshot()[0]; st.Pool.DialFailures == 0 || !st.Up {
		t.Errorf("%+v", st)
	}
}

func TestADialWithoutAnAnswerShrinksTheIdleSet(t *testing.T) {
	harness.NoLeaks(t)
	d := newDoorman(t, unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Addr().(*net.TCPAddr).Port))
	b, leave := twoIdle(t, d, addr)
	d.fill(t) // from here on connect waits
	squeezed(t, b, d, leave)
	if st := b.Snapshot()[0]; st.Pool.DialFailures != 0 || !st.Up {
		t.Errorf("%+v", st)
	}
}

func TestARequestThatNobodyHearsShrinksTheIdleSet(t *testing.T) {
	harness.NoLeaks(t)
	d, addr := unixDoorman(t)
	b, leave := twoIdle(t, d, addr)
	squeezed(t, b, d, leave) // its connection waits in the listen queue
	if st := b.Snapshot()[0]; st.Pool.DialFailures != 0 || st.Pool.Dials != 3 {
		t.Errorf("%+v", st)
	}
}

func TestSharedConnectionsAreNotGivenUp(t *testing.T) {
	harness.NoLeaks(t)
	d, addr := unixDoorman(t)
	g := &gated{entered: make(chan *fcgitest.Request, 2), leave: make(chan struct{})}
	g.Mpxs = true
	g.Handler = func(w *fcgitest.Response, r *fcgitest.Request) {
		g.entered <- r
		<-g.leave
		_, _ = w.WriteString(hello)
	}
	serveOn(t, &g.Server, d)
	cfg := config(addr)
	cfg.Multiplex, cfg.Streams, cfg.RetryTimeout = upstream.On, 2, patience
	b := newBackend(t, cfg, upstream.Events{})
	d.let(1)
	var running []<-chan error
	for range 2 {
		running = append(running, request("GET", "").start(t, b))
		await(t, g.entered)
	}
	d.fill(t)
	running = append(running, request("GET", "").start(t, b))
	harness.Eventually(t, "a dial is refused", func() bool { return b.Snapshot()[0].Pool.DialFailures > 0 })
	close(g.leave)
	for _, r := range running {
		if err := await(t, r); err != nil {
			t.Error(err)
		}
	}
	if st := b.Snapshot()[0].Pool; st.Open != 1 || st.Dials != 1 || st.Closed != (pool.Stat{}).Closed {
		t.Errorf("%+v", st)
	}
}
