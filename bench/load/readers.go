package load

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ReadersConfig describes slow readers.
type ReadersConfig struct {
	// Addr is the server, an IPv4 address with a port.
	Addr string
	// Request is the whole request of each reader, for a method GET.
	Request []byte
	// Readers is how many there are.
	Readers int
	// Rate is how many bytes each takes per second.
	Rate int
}

const (
	// readerBuffer and readerSegment make a reader on the loopback interface
	// look to the server like one behind a network: with the defaults a whole
	// megabyte is on its way in the kernel, which no server would notice as slow.
	readerBuffer  = 16 << 10
	readerSegment = 1448
	// rounds is how often a second a reader reads.
	rounds = 2
	// slices is how many parts of the readers take turns within a round.
	slices = 25
)

// Readers are clients that each have asked for something large and read it
// slowly. They work on a goroutine of their own from StartReaders to Stop.
type Readers struct {
	cfg   ReadersConfig
	conns []reader
	begun atomic.Int64 // readers with the head of their answer
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// reader is one of them, owned by the goroutine.
type reader struct {
	fd     int
	answer Answer
	err    error
}

// StartReaders opens the connections and sends the requests.
func StartReaders(ctx context.Context, cfg ReadersConfig) (*Readers, error) {
	to, err := netip.ParseAddrPort(cfg.Addr)
	if err != nil || !to.Addr().Is4() {
		return nil, fmt.Errorf("load: address %q is not IPv4 with a port", cfg.Addr)
	}
	r := &Readers{cfg: cfg}
	for range cfg.Readers {
		fd, err := openReader(to, cfg.Request)
		if err != nil {
			r.close()
			return nil, err
		}
		r.conns = append(r.conns, reader{fd: fd})
	}
	ctx, r.stop = context.WithCancel(ctx)
	r.done.Go(func() { r.run(ctx) }) // ends by Stop or with ctx
	return r, nil
}

// openReader connects and sends the request; from then on nothing waits.
func openReader(to netip.AddrPort, request []byte) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, readerBuffer),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, readerSegment),
		unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}),
	)
	if err == nil {
		_, err = unix.Write(fd, request)
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("load: slow reader: %w", err)
	}
	return fd, nil
}

// run lets the readers read, one part of them after the other.
func (r *Readers) run(ctx context.Context) {
	tick := time.NewTicker(time.Second / (rounds * slices))
	defer tick.Stop()
	buf := make([]byte, r.cfg.Rate/rounds)
	for turn := 0; ctx.Err() == nil; turn++ {
		for i := turn % slices; i < len(r.conns); i += slices {
			r.read(&r.conns[i], buf)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// read takes at most what a reader may have in one round.
func (r *Readers) read(c *reader, buf []byte) {
	if c.err != nil || c.answer.Complete() {
		return
	}
	n, err := unix.Read(c.fd, buf)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err == nil && n == 0:
		err = c.answer.EOF()
	case err == nil:
		waiting := c.answer.Status == 0
		_, err = c.answer.Feed(buf[:n])
		if waiting && c.answer.Status != 0 {
			r.begun.Add(1)
		}
	}
	c.err = err
}

// Begun is how many readers have the head of their answer.
func (r *Readers) Begun() int { return int(r.begun.Load()) }

// ReadersResult is what the readers got until Stop.
type ReadersResult struct {
	Reading  int // still within their answer
	Complete int
	Failed   int // wrong status, or cut off
	First    error
	Bytes    int64 // of bodies, by all readers
}

// Stop closes the connections and returns what the readers got.
func (r *Readers) Stop() ReadersResult {
	r.stop()
	r.done.Wait()
	defer r.close()
	var res ReadersResult
	for i := range r.conns {
		res.count(&r.conns[i])
	}
	return res
}

func (res *ReadersResult) count(c *reader) {
	res.Bytes += c.answer.Body
	err := c.err
	if err == nil && c.answer.Status != 200 {
		err = fmt.Errorf("%w: status %d", ErrAnswer, c.answer.Status)
	}
	switch {
	case err != nil:
		res.Failed++
		if res.First == nil {
			res.First = err
		}
	case c.answer.Complete():
		res.Complete++
	default:
		res.Reading++
	}
}

func (r *Readers) close() {
	for i := range r.conns {
		unix.Close(r.conns[i].fd)
	}
	r.conns = nil
}
