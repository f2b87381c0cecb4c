package stub

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/bench/poller"
)

const (
	backlog  = 4096
	readSize = 256 << 10
	// stopCheck is how late a cancelled context may be noticed.
	stopCheck = 200 * time.Millisecond
)

// Config says how a Server answers.
type Config struct {
	// Socket is the path of the unix socket to listen on. It must not exist.
	Socket string
	// Size is the length of every body in bytes.
	Size int
	// Multiplex says whether requests on one connection may overlap. If not,
	// GET_VALUES says so and a second request in flight is an error.
	Multiplex bool
	// Failed, if set, is called with the reason for which the stub closed a
	// connection.
	Failed func(error)
}

// Server answers FastCGI requests on one unix socket from one goroutine.
type Server struct {
	cfg    Config
	reply  reply
	poll   *poller.Poller
	listen int
	conns  map[int32]*conn // by descriptor
	gen    int32
	buf    []byte
}

// conn is one accepted connection.
type conn struct {
	fd      int
	gen     int32
	session *session
	blocked bool // waits until out can be written, and reads nothing meanwhile
}

// Listen opens the socket. The caller then calls Serve, which closes it.
func Listen(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, reply: newReply(cfg.Size), conns: make(map[int32]*conn), buf: make([]byte, readSize)}
	fd, err := listen(cfg.Socket)
	if err != nil {
		return nil, err
	}
	s.listen = fd
	if s.poll, err = poller.New(); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return s, nil
}

func listen(path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	if err == nil {
		err = unix.Chmod(path, 0o666) // gateways may run as another user
	}
	if err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Serve answers until ctx is done, then closes everything and returns nil. It
// returns early only when the poller fails.
func (s *Server) Serve(ctx context.Context) error {
	defer s.close()
	if err := s.poll.Add(s.listen, poller.Readable, int32(s.listen), 0); err != nil {
		return err
	}
	for ctx.Err() == nil {
		events, err := s.poll.Wait(stopCheck)
		if err != nil {
			return err
		}
		for _, ev := range events {
			s.event(ev)
		}
	}
	return nil
}

func (s *Server) event(ev poller.Event) {
	if ev.Slot == int32(s.listen) {
		s.accept()
		return
	}
	c := s.conns[ev.Slot]
	if c == nil || c.gen != ev.Gen {
		return
	}
	if err := s.step(c); err != nil {
		s.drop(c, err)
	}
}

func (s *Server) accept() {
	for {
		fd, _, err := unix.Accept4(s.listen, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return // none left; any other reason shows again at the next event
		}
		s.gen++
		c := &conn{fd: fd, gen: s.gen, session: newSession(s.cfg.Multiplex, &s.reply)}
		s.conns[int32(fd)] = c
		if err := s.poll.Add(fd, poller.Readable, int32(fd), c.gen); err != nil {
			s.drop(c, err)
		}
	}
}

// errDone ends a connection without it being anyone's fault.
var errDone = errors.New("stub: connection done")

// step reads once, answers what is complete and writes once.
func (s *Server) step(c *conn) error {
	if c.blocked {
		return s.flush(c)
	}
	n, err := unix.Read(c.fd, s.buf)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return nil
	case err != nil || n == 0:
		return errDone
	}
	if err := c.session.feed(s.buf[:n]); err != nil {
		return err
	}
	return s.flush(c)
}

// flush writes what it can. While something is left the connection is watched
// for writing only, which bounds what a peer that does not read can pile up.
func (s *Server) flush(c *conn) error {
	out := c.session.out
	for len(out) > 0 {
		n, err := unix.Write(c.fd, out)
		if err == unix.EAGAIN {
			break
		}
		if err != nil && err != unix.EINTR {
			return errDone
		}
		out = out[max(n, 0):]
	}
	c.session.out = append(c.session.out[:0], out...)
	if len(out) == 0 && c.session.last {
		return errDone
	}
	return s.watch(c, len(out) > 0)
}

func (s *Server) watch(c *conn, blocked bool) error {
	if blocked == c.blocked {
		return nil
	}
	c.blocked = blocked
	if blocked {
		return s.poll.Change(c.fd, poller.Writable, int32(c.fd), c.gen)
	}
	return s.poll.Change(c.fd, poller.Readable, int32(c.fd), c.gen)
}

func (s *Server) drop(c *conn, err error) {
	if err != errDone && s.cfg.Failed != nil {
		s.cfg.Failed(err)
	}
	unix.Close(c.fd)
	delete(s.conns, int32(c.fd))
}

func (s *Server) close() {
	for _, c := range s.conns {
		s.drop(c, errDone)
	}
	unix.Close(s.listen)
	unix.Unlink(s.cfg.Socket)
	s.poll.Close()
}
