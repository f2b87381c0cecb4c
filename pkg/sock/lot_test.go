package sock_test

import (
	"errors"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/test/harness"
)

// guest is a parked connection that counts how often it is woken.
type guest struct {
	n    atomic.Int32
	woke chan struct{}
}

func newGuest() *guest { return &guest{woke: make(chan struct{}, 8)} }

func (g *guest) Wake() {
	g.n.Add(1)
	g.woke <- struct{}{}
}

func (g *guest) wait(tb testing.TB) {
	tb.Helper()
	select {
	case <-g.woke:
	case <-time.After(patience):
		tb.Fatal("not woken")
	}
}

func newLot(tb testing.TB) *sock.Lot {
	tb.Helper()
	l, err := sock.NewLot()
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func park(tb testing.TB, l *sock.Lot, c net.Conn) *guest {
	tb.Helper()
	g := newGuest()
	if err := l.Park(raw(tb, c), g); err != nil {
		tb.Fatal(err)
	}
	return g
}

func TestAParkedConnectionIsWoken(t *testing.T) {
	for name, event := range map[string]func(tb testing.TB, peer *net.UnixConn){
		"by data":             func(tb testing.TB, peer *net.UnixConn) { send(tb, peer, "x") },
		"by a close":          func(_ testing.TB, peer *net.UnixConn) { peer.Close() },
		"by a half close":     func(_ testing.TB, peer *net.UnixConn) { _ = peer.CloseWrite() },
		"by data and a close": func(tb testing.TB, peer *net.UnixConn) { send(tb, peer, "x"); peer.Close() },
	} {
		for _, before := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				l := newLot(t)
				defer l.Close()
				a, b := pair(t)
				if before { // what is there already counts: the lot is level-triggered
					event(t, b)
				}
				g := park(t, l, a)
				if !before {
					event(t, b)
				}
				g.wait(t)
				if n := l.Len(); n != 0 {
					t.Errorf("%d still parked", n)
				}
				if l.Evict(raw(t, a), g) {
					t.Error("evicted after it was woken")
				}
			})
		}
	}
}

func TestAConnectionCanParkAgainAndAgain(t *testing.T) {
	l := newLot(t)
	defer l.Close()
	a, b := pair(t)
	buf := make([]byte, 8)
	for i := range 50 {
		g := park(t, l, a)
		send(t, b, "x")
		g.wait(t)
		if n, err := a.Read(buf); n != 1 || err != nil {
			t.Fatalf("round %d: %d, %v", i, n, err)
		}
		if g.n.Load() != 1 {
			t.Fatalf("round %d: woken %d times", i, g.n.Load())
		}
	}
}

func TestAnEvictedConnectionIsNotWoken(t *testing.T) {
	l := newLot(t)
	a, b := pair(t)
	g := park(t, l, a)
	if l.Evict(raw(t, a), newGuest()) {
		t.Error("a stranger was evicted")
	}
	if !l.Evict(raw(t, a), g) {
		t.Fatal("not found")
	}
	if l.Evict(raw(t, a), g) {
		t.Error("found twice")
	}
	send(t, b, "x")
	l.Close() // has seen every event by now
	if g.n.Load() != 0 {
		t.Error("woken after all")
	}
}

func TestEitherEvictOrWakeGetsAConnection(t *testing.T) {
	l := newLot(t)
	defer l.Close()
	var evicted, woken int
	for range 300 {
		a, b := pair(t)
		g := park(t, l, a)
		sent := make(chan struct{})
		go func() { // ends with its write
			defer close(sent)
			_, _ = b.Write([]byte("x"))
		}()
		if l.Evict(raw(t, a), g) {
			evicted++
			<-sent
			if g.n.Load() != 0 {
				t.Fatal("evicted and woken")
			}
		} else {
			woken++
			g.wait(t)
			<-sent
		}
		a.Close()
		b.Close()
	}
	if evicted+woken != 300 {
		t.Errorf("%d evicted, %d woken", evicted, woken)
	}
}

func TestCloseWakesAllAndRefusesMore(t *testing.T) {
	l := newLot(t)
	guests := make([]*guest, 5)
	var last net.Conn
	for i := range guests {
		last, _ = pair(t)
		guests[i] = park(t, l, last)
	}
	l.Close()
	for _, g := range guests {
		g.wait(t)
	}
	if err := l.Park(raw(t, last), newGuest()); !errors.Is(err, sock.ErrLotClosed) {
		t.Errorf("Park after Close: %v", err)
	}
	if l.Len() != 0 || l.Evict(raw(t, last), guests[4]) {
		t.Error("something is still parked")
	}
}

func TestParkingTwiceIsRefused(t *testing.T) {
	l := newLot(t)
	defer l.Close()
	a, b := pair(t)
	g := park(t, l, a)
	if err := l.Park(raw(t, a), newGuest()); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("second Park: %v", err)
	}
	send(t, b, "x")
	g.wait(t) // the first is not disturbed
}

func TestAClosedConnectionCannotPark(t *testing.T) {
	l := newLot(t)
	defer l.Close()
	a, _ := pair(t)
	rc := raw(t, a)
	a.Close()
	if err := l.Park(rc, newGuest()); err == nil {
		t.Error("parked")
	}
	if l.Len() != 0 || l.Evict(rc, newGuest()) {
		t.Error("something is parked")
	}
}

// An owner that closes a parked socket without evicting it leaves an entry
// under a descriptor number that the next connection gets.
func TestTheNextOwnerOfADescriptorIsWokenNotTheLast(t *testing.T) {
	l := newLot(t)
	a, _ := pair(t)
	fd := fdOf(t, a)
	old := park(t, l, a)
	next, peer := pair(t)
	a.Close()
	if err := unix.Dup3(fdOf(t, next), fd, unix.O_CLOEXEC); err != nil { // takes a's number
		t.Fatal(err)
	}
	heir := fixed(fd)
	g := newGuest()
	if err := l.Park(heir, g); err != nil {
		t.Fatal(err)
	}
	if n := l.Len(); n != 1 {
		t.Errorf("%d parked", n)
	}
	if l.Evict(heir, old) {
		t.Error("the old owner took the new one out")
	}
	send(t, peer, "x")
	g.wait(t)
	l.Close()
	if old.n.Load() != 0 {
		t.Error("the old owner was woken")
	}
	unix.Close(fd)
}

// fixed is raw access to one descriptor number.
type fixed uintptr

func (f fixed) Control(g func(uintptr)) error  { g(uintptr(f)); return nil }
func (f fixed) Read(func(uintptr) bool) error  { return errors.ErrUnsupported }
func (f fixed) Write(func(uintptr) bool) error { return errors.ErrUnsupported }

func TestAThousandParkedConnectionsNeedNoGoroutine(t *testing.T) {
	fds := openFDs(t)
	l := newLot(t)
	harness.Eventually(t, "the goroutines of other tests end", func() bool { return runtime.NumGoroutine() <= 3 })
	goroutines := runtime.NumGoroutine()
	const n = 1000
	guests, conns := make([]*guest, n), make([][2]*net.UnixConn, n)
	for i := range guests {
		conns[i][0], conns[i][1] = pair(t)
		guests[i] = park(t, l, conns[i][0])
	}
	if got := runtime.NumGoroutine(); got > goroutines {
		t.Errorf("%d goroutines, %d without the connections", got, goroutines)
	}
	if l.Len() != n {
		t.Errorf("%d parked", l.Len())
	}
	for i := 0; i < n; i += 2 {
		send(t, conns[i][1], "x")
	}
	for i := 0; i < n; i += 2 {
		guests[i].wait(t)
	}
	l.Close()
	for i := 1; i < n; i += 2 {
		guests[i].wait(t)
	}
	for i, g := range guests {
		conns[i][0].Close()
		conns[i][1].Close()
		if g.n.Load() != 1 {
			t.Fatalf("guest %d woken %d times", i, g.n.Load())
		}
	}
	if got := openFDs(t); got > fds {
		t.Errorf("%d descriptors open, %d before", got, fds)
	}
}
