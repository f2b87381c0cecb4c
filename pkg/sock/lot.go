package sock

import (
	"errors"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Parked is a connection that waits in a Lot.
type Parked interface {
	// Wake is called once, on a goroutine of its own, when the connection has
	// something to read, was closed by its peer, or was evicted.
	Wake()
}

// Lot is where connections wait for their next request without a goroutine: a
// level-triggered epoll set of its own beside the runtime's poller. A parked
// connection costs its structs only, and a close that came together with the
// last request's bytes (whose edge the runtime's poller has used up) is seen
// here at once.
type Lot struct {
	epfd int
	wake [2]int // pipe: written by Close to end run
	done chan struct{}
	once sync.Once // guards the write to wake, whose number is free afterwards

	mu     sync.Mutex // guards parked
	parked map[int32]Parked
}

// ErrLotClosed is returned by Park after Close.
var ErrLotClosed = errors.New("sock: parking lot closed")

// NewLot opens a lot and starts its goroutine, which ends with Close.
func NewLot() (*Lot, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	l := &Lot{epfd: epfd, done: make(chan struct{}), parked: make(map[int32]Parked)}
	if err := unix.Pipe2(l.wake[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		unix.Close(epfd)
		return nil, err
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(l.wake[0])}
	if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, l.wake[0], &ev); err != nil {
		l.closeFDs()
		return nil, err
	}
	go l.run() // ends when Close writes to l.wake
	return l, nil
}

// Park puts p, whose socket is rc, into the lot. The caller must not touch the
// socket again until Wake, except to close it through Evict.
func (l *Lot) Park(rc syscall.RawConn, p Parked) error {
	var perr error
	err := rc.Control(func(fd uintptr) { perr = l.park(int32(fd), p) })
	if err != nil {
		return err
	}
	return perr
}

func (l *Lot) park(fd int32, p Parked) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.parked == nil {
		return ErrLotClosed
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: fd}
	if err := unix.EpollCtl(l.epfd, unix.EPOLL_CTL_ADD, int(fd), &ev); err != nil {
		return err
	}
	l.parked[fd] = p
	return nil
}

// Evict takes p out of the lot if it is still there and says whether it was;
// if so Wake will not be called and the caller owns the socket again.
func (l *Lot) Evict(rc syscall.RawConn, p Parked) bool {
	found := false
	_ = rc.Control(func(fd uintptr) { found = l.take(int32(fd), p) != nil })
	return found
}

// Len returns how many connections are parked.
func (l *Lot) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.parked)
}

// take removes the entry of fd if it is p, or any when p is nil.
func (l *Lot) take(fd int32, p Parked) Parked {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.parked[fd]
	if got == nil || (p != nil && got != p) {
		return nil
	}
	delete(l.parked, fd)
	_ = unix.EpollCtl(l.epfd, unix.EPOLL_CTL_DEL, int(fd), nil)
	return got
}

// Close ends the lot and waits for its goroutine. Connections still parked are
// woken so that their owners can close them. Only the first call counts.
func (l *Lot) Close() {
	l.once.Do(func() { _, _ = unix.Write(l.wake[1], []byte{0}) })
	<-l.done
}

func (l *Lot) run() {
	defer close(l.done)
	events := make([]unix.EpollEvent, 128)
	for {
		n, err := unix.EpollWait(l.epfd, events, -1)
		if err != nil && err != unix.EINTR {
			n = 0
		}
		for _, ev := range events[:max(n, 0)] {
			if ev.Fd == int32(l.wake[0]) {
				l.shut()
				return
			}
			if p := l.take(ev.Fd, nil); p != nil {
				go p.Wake() // serves the connection; ends with it or when it parks again
			}
		}
	}
}

func (l *Lot) shut() {
	l.mu.Lock()
	parked := l.parked
	l.parked = nil
	l.mu.Unlock()
	l.closeFDs()
	for _, p := range parked {
		go p.Wake() // finds the server draining and ends
	}
}

func (l *Lot) closeFDs() {
	unix.Close(l.epfd)
	unix.Close(l.wake[0])
	unix.Close(l.wake[1])
}
