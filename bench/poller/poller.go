// Package poller is the smallest useful wrapping of epoll(7) for the two
// single-threaded programs of the benchmark, the stub responder and the load
// generator. Both have to cost little and behave the same in every run, which
// is why neither uses goroutines per connection.
package poller

import (
	"time"

	"golang.org/x/sys/unix"
)

// Readable and Writable are the conditions that can be waited for. Errors and
// hang-ups are reported as both.
const (
	Readable = unix.EPOLLIN | unix.EPOLLRDHUP
	Writable = unix.EPOLLOUT
)

// batch is how many events one Wait takes from the kernel.
const batch = 256

// Event says that the descriptor added under Slot and Gen became ready. Gen
// lets the owner of a slot tell a late event of an earlier descriptor from one
// of the present descriptor.
type Event struct {
	Slot, Gen int32
	Read      bool
	Write     bool
}

// Poller waits for many descriptors at once, level-triggered. It is used by
// one goroutine only.
type Poller struct {
	fd     int
	raw    [batch]unix.EpollEvent
	events [batch]Event
}

// New opens an epoll instance.
func New() (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &Poller{fd: fd}, nil
}

// Close closes the epoll instance, not the descriptors added to it.
func (p *Poller) Close() error { return unix.Close(p.fd) }

// Add starts to watch fd for the conditions in what; its events carry slot and
// gen. Closing fd ends the watch.
func (p *Poller) Add(fd int, what uint32, slot, gen int32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, what, slot, gen)
}

// Change replaces the conditions that fd is watched for.
func (p *Poller) Change(fd int, what uint32, slot, gen int32) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, what, slot, gen)
}

func (p *Poller) control(op, fd int, what uint32, slot, gen int32) error {
	ev := unix.EpollEvent{Events: what, Fd: slot, Pad: gen}
	return unix.EpollCtl(p.fd, op, fd, &ev)
}

// Wait returns the events that are there, waiting at most d for the first one
// (rounded up to milliseconds). The slice is valid until the next Wait. A
// signal ends the wait early, with no events.
func (p *Poller) Wait(d time.Duration) ([]Event, error) {
	n, err := unix.EpollWait(p.fd, p.raw[:], millis(d))
	if err == unix.EINTR {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for i, raw := range p.raw[:n] {
		broken := raw.Events&(unix.EPOLLERR|unix.EPOLLHUP) != 0
		p.events[i] = Event{
			Slot:  raw.Fd,
			Gen:   raw.Pad,
			Read:  broken || raw.Events&Readable != 0,
			Write: broken || raw.Events&Writable != 0,
		}
	}
	return p.events[:n], nil
}

// millis rounds up: a wait cut short by rounding down would spin.
func millis(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	return int((d + time.Millisecond - 1) / time.Millisecond)
}
