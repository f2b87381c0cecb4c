package responder_test

import (
	"bufio"
	"io"
	"net"
	"slices"
	"sync"
)

// conn is the responder's side of one connection.
type conn struct {
	r      *responder
	nc     net.Conn
	number int
	in     *bufio.Reader
	gone   chan struct{} // closed when the connection has ended
	once   sync.Once     // of gone
	plays  sync.WaitGroup

	// Owned by serve.
	params map[uint16][]byte
	begun  map[uint16]*request
	active map[uint16]*play

	mu     sync.Mutex // guards what follows, and writes
	aborts []uint16   // ids of ABORT_REQUEST records
}

func newConn(r *responder, nc net.Conn, number int) *conn {
	return &conn{
		r: r, nc: nc, number: number, in: bufio.NewReaderSize(nc, 64<<10), gone: make(chan struct{}),
		params: make(map[uint16][]byte), begun: make(map[uint16]*request), active: make(map[uint16]*play),
	}
}

// serve reads records until the connection ends.
func (c *conn) serve() {
	for c.next() == nil {
		continue
	}
	c.end()
	c.nc.Close()
	c.plays.Wait()
}

func (c *conn) end() { c.once.Do(func() { close(c.gone) }) }

func (c *conn) isGone() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// close closes the connection from the responder's side.
func (c *conn) close() error {
	c.end()
	return c.nc.Close()
}

func (c *conn) write(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.nc.Write(b)
	return err
}

func (c *conn) next() error {
	var head [headerLen]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return err
	}
	h := parseHeader(head[:])
	content := make([]byte, h.length+h.padding)
	if _, err := io.ReadFull(c.in, content); err != nil {
		return err
	}
	return c.take(h, content[:h.length])
}

func (c *conn) take(h header, content []byte) error {
	switch {
	case h.version != 1:
		return io.ErrUnexpectedEOF
	case h.kind == getValues:
		return c.values()
	case h.kind == beginRequest:
		c.begun[h.id] = &request{conn: c, id: h.id, keep: content[2]&1 != 0}
		c.params[h.id] = nil
	case h.kind == params && h.length > 0:
		c.params[h.id] = append(c.params[h.id], content...)
	case h.kind == params:
		return c.paramsEnd(h.id)
	case h.kind == stdin && h.length > 0:
		c.stdin(h.id, content)
	case h.kind == stdin:
		c.stdinEnd(h.id)
	case h.kind == abortRequest:
		c.abort(h.id)
	}
	return nil
}

func (c *conn) values() error {
	if c.r.answer != nil {
		return c.write(c.r.answer(0))
	}
	said := map[bool]string{true: "1", false: "0"}[c.r.mpxs]
	return c.write(record(getValuesResult, 0, appendPair(nil, mpxsConns, said), 0))
}

func (c *conn) paramsEnd(id uint16) error {
	q := c.begun[id]
	if q == nil {
		return nil
	}
	var err error
	q.params, err = parsePairs(c.params[id])
	if err != nil {
		return err
	}
	delete(c.params, id)
	if bad := !ours(q.path()); bad && (c.r.plan.early || c.r.plan.deaf) {
		c.play(id)
		if c.r.plan.deaf {
			c.plays.Wait()
		}
	}
	return nil
}

// stdin keeps a piece of a request's body, unless its script runs already.
func (c *conn) stdin(id uint16, content []byte) {
	if q := c.begun[id]; q != nil {
		q.body = append(q.body, content...)
	}
}

func (c *conn) stdinEnd(id uint16) {
	c.play(id)
	if p := c.active[id]; p != nil {
		p.once.read.Do(func() { close(p.read) })
	}
}

// ours says whether a path is one of those that are answered as they should be.
func ours(path string) bool {
	return slices.Contains([]string{"/good.php", "/hold.php", "/neighbour.php"}, path)
}

// play begins the script of a request, unless it has begun.
func (c *conn) play(id uint16) {
	q := c.begun[id]
	if q == nil || q.params == nil {
		return
	}
	delete(c.begun, id)
	s, client := c.r.begin(q)
	p := &play{conn: c, id: id, client: client, read: make(chan struct{}), aborted: make(chan struct{})}
	c.active[id] = p
	c.plays.Go(func() { p.run(s) }) // ends with its script, at the latest when the connection has
}

func (c *conn) abort(id uint16) {
	c.mu.Lock()
	c.aborts = append(c.aborts, id)
	c.mu.Unlock()
	if p := c.active[id]; p != nil {
		p.abort()
	}
}

// aborted returns how often ABORT_REQUEST came.
func (c *conn) aborted() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.aborts)
}
