package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// DripConfig describes clients that send so slowly that they never finish.
type DripConfig struct {
	// Addr is the server, an IPv4 address with a port.
	Addr string
	// Clients is how many there are.
	Clients int
	// Head is what each sends at once when it has connected.
	Head []byte
	// Every is the time between two of the bytes that follow, all of them 'x'.
	Every time.Duration
}

// Drippers are such clients. One whose connection the server ends opens another.
// They work on a goroutine of their own from StartDrippers to Stop.
type Drippers struct {
	cfg   DripConfig
	to    netip.AddrPort
	conns []dripper
	mu    sync.Mutex // guards seen
	seen  DripResult
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// dripper is one of them, owned by the goroutine.
type dripper struct {
	fd  int // -1 without a connection
	got []byte
}

// DripResult is what became of the connections until now.
type DripResult struct {
	Open     int         // now
	Ended    int         // by the server
	Statuses map[int]int // of the answers to those, 0 for none
	First    error       // why the first connection could not be opened
}

// StartDrippers opens the connections, spread over cfg.Every.
func StartDrippers(ctx context.Context, cfg DripConfig) (*Drippers, error) {
	to, err := netip.ParseAddrPort(cfg.Addr)
	if err != nil || !to.Addr().Is4() {
		return nil, fmt.Errorf("load: address %q is not IPv4 with a port", cfg.Addr)
	}
	d := &Drippers{cfg: cfg, to: to, seen: DripResult{Statuses: map[int]int{}}}
	for range cfg.Clients {
		d.conns = append(d.conns, dripper{fd: -1})
	}
	ctx, d.stop = context.WithCancel(ctx)
	d.done.Go(func() { d.run(ctx) }) // ends by Stop or with ctx
	return d, nil
}

// run lets the clients send, one part of them after the other.
func (d *Drippers) run(ctx context.Context) {
	tick := time.NewTicker(d.cfg.Every / slices)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			d.close()
			return
		}
		for i := turn % slices; i < len(d.conns); i += slices {
			d.drop(&d.conns[i])
		}
	}
}

// drop looks whether the server has answered or ended the connection, and sends
// one byte, or the head on a new connection.
func (d *Drippers) drop(c *dripper) {
	if c.fd >= 0 && !c.receive() {
		d.ended(c)
	}
	if c.fd >= 0 {
		_, _ = unix.Write(c.fd, []byte{'x'}) // an error shows when it is read next
		return
	}
	fd, err := openDripper(d.to, d.cfg.Head)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		if d.seen.First == nil {
			d.seen.First = err
		}
		return
	}
	c.fd = fd
	d.seen.Open++
}

// statusLine is as much of an answer as is kept.
const statusLine = len("HTTP/1.1 408")

// receive takes what has come and reports whether the connection is open.
func (c *dripper) receive() bool {
	var buf [1024]byte
	for {
		n, err := unix.Read(c.fd, buf[:])
		switch {
		case errors.Is(err, unix.EAGAIN):
			return true
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil || n == 0:
			return false
		}
		if room := statusLine - len(c.got); room > 0 {
			c.got = append(c.got, buf[:min(n, room)]...)
		}
	}
}

func (d *Drippers) ended(c *dripper) {
	unix.Close(c.fd)
	status := 0
	if code, ok := bytes.CutPrefix(c.got, []byte("HTTP/1.1 ")); ok {
		status, _ = strconv.Atoi(string(code)) // 0 is a bad one, too
	}
	*c = dripper{fd: -1}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen.Open--
	d.seen.Ended++
	d.seen.Statuses[status]++
}

func openDripper(to netip.AddrPort, head []byte) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}),
		unix.SetNonblock(fd, true),
	)
	if err == nil {
		_, err = unix.Write(fd, head)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("load: slow sender: %w", err)
	}
	return fd, nil
}

// Seen returns what became of the connections until now.
func (d *Drippers) Seen() DripResult {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.seen
	r.Statuses = make(map[int]int, len(d.seen.Statuses))
	for status, n := range d.seen.Statuses {
		r.Statuses[status] = n
	}
	return r
}

// Stop closes the connections and returns what became of them until then.
func (d *Drippers) Stop() DripResult {
	r := d.Seen()
	d.stop()
	d.done.Wait()
	return r
}

func (d *Drippers) close() {
	for i := range d.conns {
		if d.conns[i].fd >= 0 {
			unix.Close(d.conns[i].fd)
			d.conns[i].fd = -1
		}
	}
}
