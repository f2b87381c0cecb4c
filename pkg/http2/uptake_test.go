package http2_test

import (
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http2"
	"github.com/fcgigw/fcgigw/test/harness"
)

// buffers makes connections that r accepts from now on hold so many bytes for
// their clients in the kernel.
func (r *rig) buffers(n int) {
	rc, err := r.ln.(*net.TCPListener).SyscallConn()
	if err == nil {
		err = rc.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, n) })
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// narrow connects a client that has little room for what it does not read, and
// windows without bounds.
func narrow(t *testing.T, r *rig) *client {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, rc syscall.RawConn) error {
		return rc.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10) // else the test proves less
		})
	}}
	nc, err := d.DialContext(t.Context(), "tcp", r.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(limit))
	c := newClient(t, nc)
	c.greet(window(1 << 30))
	c.ok(c.fr.WriteWindowUpdate(0, 1<<30))
	c.until("settings", func() bool { return c.acks > 0 && len(c.set) > 0 })
	return c
}

// counted answers with as many bytes as the path says, and tells when that is
// out of its hands.
func counted(done chan<- bool) exchange.Handler {
	return exchange.HandlerFunc(func(x *exchange.Exchange) {
		n, _ := strconv.Atoi(string(x.Request.Path[1:]))
		sized(n).Serve(x)
		done <- true
	})
}

// readAll reads the answer of n bytes and gives the window back as browsers do.
func (c *client) readAll(id uint32, n int) {
	c.t.Helper()
	a := c.answer(id)
	for !a.done() {
		c.ok(c.fr.WriteWindowUpdate(0, 1))
		if !c.step() {
			break
		}
	}
	if len(a.body) != n || !a.ended {
		c.t.Errorf("%d bytes of %d, then %v %v", len(a.body), n, c.err, c.goAway)
	}
}

// sizes of answers: one that fits into the kernel's buffer, and one whose end
// waits in ours.
const inKernel, inOutput = 60_000, 160_000

func TestTheEndOfAnAnswerOutlivesTheKeepaliveTimeout(t *testing.T) {
	done := make(chan bool, 2)
	r := start(t, http2.Config{KeepaliveTimeout: 1, SendTimeout: limit}, counted(done), nil)
	r.buffers(64 << 10)
	clients := map[int]*client{inKernel: narrow(t, r), inOutput: narrow(t, r)}
	for n, c := range clients {
		c.get(1, "/"+strconv.Itoa(n))
	}
	<-done
	<-done
	time.Sleep(2500 * time.Millisecond) // the clients' own slowness, longer than a lingering close
	for n, c := range clients {
		c.readAll(1, n)
		c.told(xhttp2.ErrCodeNo)
	}
}

func TestTheEndOfAnAnswerOutlivesADrain(t *testing.T) {
	done := make(chan bool, 2)
	r := start(t, http2.Config{SendTimeout: limit}, counted(done), nil)
	r.buffers(64 << 10)
	clients := map[int]*client{inKernel: narrow(t, r), inOutput: narrow(t, r)}
	for n, c := range clients {
		c.get(1, "/"+strconv.Itoa(n))
	}
	<-done
	<-done
	r.each((*http2.Conn).Drain)
	time.Sleep(3500 * time.Millisecond) // the clients' own slowness, longer than a round and a lingering close
	for n, c := range clients {
		c.readAll(1, n)
		c.told(xhttp2.ErrCodeNo)
	}
}

func TestAConnectionIsIdleWhenItsClientHasEverything(t *testing.T) {
	for _, n := range []int{inKernel, inOutput} {
		done := make(chan bool, 1)
		r := start(t, http2.Config{}, counted(done), nil)
		r.buffers(64 << 10)
		c := narrow(t, r)
		ses := r.session()
		harness.Eventually(t, "idle connection", ses.Idle)
		c.get(1, "/"+strconv.Itoa(n))
		<-done
		harness.Eventually(t, "end of the request", func() bool { return ses.Running() == 0 })
		if ses.Idle() {
			t.Errorf("idle with %d bytes not read", n)
		}
		c.readAll(1, n)
		harness.Eventually(t, "idle connection", ses.Idle)
	}
}

// steady reads at some bytes per second.
type steady struct {
	net.Conn
	rate int
	fast time.Time // when it has been slow for long enough
}

func (s *steady) Read(p []byte) (int, error) {
	slow := time.Now().Before(s.fast)
	if slow && len(p) > 4<<10 {
		p = p[:4<<10]
	}
	n, err := s.Conn.Read(p)
	if slow {
		time.Sleep(time.Duration(n) * time.Second / time.Duration(s.rate))
	}
	return n, err
}

// The kernel says that a third of its buffer is free when this client has been
// reading for longer than the send timeout.
func TestAClientThatReadsSteadilyDoesNotTimeOut(t *testing.T) {
	r := start(t, http2.Config{SendTimeout: time.Second, MinSendRate: 1000}, sized(600_000), nil)
	r.buffers(416 << 10) // what the kernel grants unprivileged; it doubles it
	c := narrow(t, r)
	c.fr = xhttp2.NewFramer(c.nc, &steady{c.nc, 60_000, time.Now().Add(5 * time.Second)})
	for id := uint32(1); id < 7; id += 2 {
		c.get(id, "/")
	}
	for id := uint32(1); id < 7; id += 2 {
		if a := c.ended(id); len(a.body) != 600_000 {
			t.Errorf("%d: %d bytes, %v", id, len(a.body), a.reset)
		}
	}
}

func TestContinueIsSentAlthoughTheOutputIsFull(t *testing.T) {
	full, gate := make(chan bool), make(chan struct{})
	h := func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/up" {
			small(x)
			return
		}
		_ = x.Sink.Start(&x.Response)
		for p := make([]byte, 64<<10); ; {
			if n, err := x.Sink.TryWrite(p, false); n == 0 || err != nil {
				break
			}
		}
		full <- true
		<-gate
	}
	r := start(t, http2.Config{BodyTimeout: limit}, exchange.HandlerFunc(h), nil)
	defer close(gate)
	r.buffers(64 << 10)
	c := narrow(t, r)
	c.get(1, "/")
	<-full
	c.headers(3, false, request("POST", "/up", "expect", "100-continue")...)
	ses := r.session()
	harness.Eventually(t, "a read of the body", func() bool { return ses.Reading() == 1 })
	c.until("100", func() bool { return len(c.answer(3).interim) > 0 })
	c.data(3, true, []byte("x"))
	if a := c.ended(3); a.get(":status") != "200" {
		t.Errorf("%+v", a)
	}
}

func TestBodiesThatNobodyReadsDoNotStopTheOthers(t *testing.T) {
	gate := make(chan struct{})
	h := func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/held" {
			<-gate // as a tunnel to a server that does not read
		}
		small(x)
	}
	r := start(t, http2.Config{StreamWindow: 64 << 10, ConnWindow: 256 << 10}, exchange.HandlerFunc(h), nil)
	defer close(gate)
	c := connect(t, r)
	room := 65535 // what the protocol gives; the rest comes as an update
	for id := uint32(1); id < 7; id += 2 {
		c.headers(id, false, request("POST", "/held")...)
		for range 4 {
			c.data(id, false, make([]byte, 16<<10))
		}
		room -= 64 << 10
	}
	const part, all = 16 << 10, 512 << 10
	c.headers(7, false, request("POST", "/")...)
	for sent := 0; sent < all; sent += part {
		c.until("window", func() bool {
			return room+c.updates[0]-sent >= part && 64<<10+c.updates[7]-sent >= part
		})
		c.data(7, sent+part == all, make([]byte, part))
	}
	if a := c.ended(7); a.get(":status") != "200" {
		t.Errorf("%+v", a)
	}
}

func TestTheSizeOfTheTableIsToldWithAHeadThatIsSent(t *testing.T) {
	h := func(x *exchange.Exchange) {
		x.Response.Header.AddString("X-Bad", "a\nb")
		if x.Sink.Start(&x.Response) != nil || x.Sink.Write(nil, true) == nil {
			t.Error("a bad field was sent")
		}
		x.Response.Header.Reset()
		reply(x, 500, "no")
	}
	r := start(t, http2.Config{}, exchange.HandlerFunc(h), nil)
	c := connect(t, r, xhttp2.Setting{ID: xhttp2.SettingHeaderTableSize, Val: 0})
	c.get(1, "/")
	const noTable = 0x20 // RFC 7541 section 6.3
	if a := c.ended(1); a.get(":status") != "500" || a.block[0] != noTable {
		t.Errorf("begins %#x: %+v", a.block[:1], a)
	}
	c.get(3, "/")
	if a := c.ended(3); a.block[0] == noTable {
		t.Error("told twice")
	}
}
