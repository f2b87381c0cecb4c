package load

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/fcgigw/fcgigw/bench/poller"
)

// BurstConfig describes a burst: many clients that all ask at once, each of
// them once, on a connection of its own.
type BurstConfig struct {
	// Addr is the server, an IPv4 address with a port.
	Addr    string
	Clients int
	// Request returns the whole request of a client, for a method GET.
	Request func(client int) []byte
	// Limit bounds the time from the first request to the last answer.
	Limit time.Duration
	// Each, if set, is called about every 20 ms while answers are awaited.
	Each func()
}

// Shot is what one client of a burst saw.
type Shot struct {
	Status int           // 0 without an answer
	Retry  bool          // the answer says when to come again (Retry-After)
	Took   time.Duration // from the request to the whole answer
	Err    error
}

// burst is a burst in progress, on one epoll loop in the calling goroutine.
type burst struct {
	cfg     BurstConfig
	poll    *poller.Poller
	clients []client
	asked   [][]byte // the request of each
	shots   []Shot
	buf     []byte
	left    int // clients that wait for their answer
}

// Burst opens all connections, then sends all requests one after the other
// without waiting for answers, and returns what each client got. An answer that
// is wrong or missing is told in its Shot; the error says that the burst as
// such could not be made, or that ctx ended.
func Burst(ctx context.Context, cfg BurstConfig) ([]Shot, error) {
	b, err := newBurst(cfg)
	if err != nil {
		return nil, err
	}
	defer b.close()
	if err := b.send(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(cfg.Limit); b.left > 0 && time.Now().Before(end); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if cfg.Each != nil {
			cfg.Each()
		}
		if err := b.receive(longestWait); err != nil {
			return nil, err
		}
	}
	b.giveUp()
	return b.shots, nil
}

func newBurst(cfg BurstConfig) (*burst, error) {
	to, err := netip.ParseAddrPort(cfg.Addr)
	if err != nil || !to.Addr().Is4() {
		return nil, fmt.Errorf("load: address %q is not IPv4 with a port", cfg.Addr)
	}
	p, err := poller.New()
	if err != nil {
		return nil, err
	}
	b := &burst{
		cfg: cfg, poll: p, buf: make([]byte, readSize),
		clients: make([]client, cfg.Clients), shots: make([]Shot, cfg.Clients),
	}
	for i := range b.clients {
		b.clients[i] = client{slot: int32(i), fd: -1}
		b.asked = append(b.asked, cfg.Request(i))
	}
	for i := range b.clients {
		if err := b.clients[i].connect(p, to); err != nil {
			b.close()
			return nil, err
		}
	}
	return b, b.awaitConnections()
}

// awaitConnections returns when every connection is open.
func (b *burst) awaitConnections() error {
	end := time.Now().Add(fetchTime)
	for open := 0; open < len(b.clients); {
		events, err := b.poll.Wait(longestWait)
		if err == nil && time.Now().After(end) {
			err = fmt.Errorf("load: %d of %d connections opened in time", open, len(b.clients))
		}
		for i := 0; err == nil && i < len(events); i++ {
			err = b.clients[events[i].Slot].opened(b.poll)
			open++
		}
		if err != nil {
			b.close()
			return err
		}
	}
	return nil
}

// between is how many requests are sent between two looks for answers, so that
// answers to the first requests are not timed late.
const between = 8

func (b *burst) send() error {
	for i := range b.clients {
		c := &b.clients[i]
		c.sent, c.waiting = time.Now(), true
		b.left++
		if err := c.send(b.asked[i]); err != nil {
			b.done(c, err)
		}
		if i%between == 0 {
			if err := b.receive(0); err != nil {
				return err
			}
		}
	}
	return nil
}

// receive serves what has arrived, waiting at most d for the first.
func (b *burst) receive(d time.Duration) error {
	events, err := b.poll.Wait(d)
	if err != nil {
		return err
	}
	for _, ev := range events {
		c := &b.clients[ev.Slot]
		if c.fd < 0 {
			continue
		}
		switch closed, err := c.receive(b.buf); {
		case err != nil:
			b.done(c, err)
		case c.waiting && c.answer.Complete():
			b.done(c, nil)
		case closed:
			c.close()
		}
	}
	return nil
}

// done records what a client saw and closes its connection.
func (b *burst) done(c *client, err error) {
	if c.waiting {
		b.left--
		b.shots[c.slot] = Shot{Status: c.answer.Status, Retry: c.answer.Retry, Took: time.Since(c.sent), Err: err}
	}
	c.waiting = false
	c.close()
}

func (b *burst) giveUp() {
	for i := range b.clients {
		if c := &b.clients[i]; c.waiting {
			b.done(c, ErrTime)
		}
	}
}

func (b *burst) close() {
	for i := range b.clients {
		b.clients[i].close()
	}
	b.poll.Close()
}
