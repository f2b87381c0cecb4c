package fcgitest

import (
	"errors"
	"net"
	"slices"
	"sync"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// errTooLong ends a connection whose client sends more than MaxBody.
var errTooLong = errors.New("fcgitest: stream too long")

// conn is the server's side of one connection.
type conn struct {
	s      *Server
	nc     net.Conn
	number int
	reqs   map[uint16]*pending // owned by the read loop
	wg     sync.WaitGroup      // handlers

	mu      sync.Mutex // guards writes to nc and what follows
	active  int        // requests begun and not ended
	replies int
	last    bool // close behind the last active reply
}

// pending is a request whose streams are still coming or whose handler runs.
type pending struct {
	*Request
	params  []byte
	aborted chan struct{}
	gone    bool // aborted is closed
	running bool
	ended   chan struct{} // closed when END_REQUEST was sent
}

func (p *pending) abort() {
	if !p.gone {
		p.gone = true
		close(p.aborted)
	}
}

func (c *conn) serve() {
	c.readLoop()
	for _, p := range c.reqs {
		p.abort()
	}
	c.nc.Close()
	c.wg.Wait()
}

// readLoop ends with the connection or at the first thing not understood.
func (c *conn) readLoop() {
	var parser fcgi.Parser
	buf := make([]byte, 0, 64<<10)
	for {
		n, err := c.nc.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		r := 0
		for {
			part, used, perr := parser.Next(buf[r:])
			r += used
			if perr != nil {
				return
			}
			if part.Type == 0 {
				break
			}
			if c.take(part) != nil {
				return
			}
		}
		buf = buf[:copy(buf, buf[r:])]
		if err != nil {
			return
		}
	}
}

func (c *conn) take(part fcgi.Part) error {
	if part.ID == 0 && part.Type != fcgi.TypeBeginRequest {
		return c.manage(part)
	}
	if part.Type == fcgi.TypeBeginRequest {
		return c.begin(part)
	}
	p := c.reqs[part.ID]
	if p == nil {
		return nil // section 3.3: a record for an inactive request is ignored
	}
	switch part.Type {
	case fcgi.TypeParams:
		return c.params(p, part)
	case fcgi.TypeStdin:
		return c.body(p, part, &p.Stdin, p.Role != fcgi.RoleFilter)
	case fcgi.TypeData:
		return c.body(p, part, &p.Data, p.Role == fcgi.RoleFilter)
	case fcgi.TypeAbortRequest:
		return c.abort(p)
	}
	return errors.New("fcgitest: unexpected " + part.Type.String())
}

func (c *conn) begin(part fcgi.Part) error {
	b, err := fcgi.ParseBegin(part.Payload)
	if err != nil {
		return err
	}
	if old := c.reqs[part.ID]; old != nil {
		// A client may use the id again as soon as it has read END_REQUEST.
		select {
		case <-old.ended:
		default:
			return errors.New("fcgitest: id in use")
		}
	}
	c.mu.Lock()
	busy := c.active > 0 && !c.s.Mpxs
	if !busy {
		c.active++
	}
	c.mu.Unlock()
	if busy {
		return c.write(fcgi.AppendEnd(nil, part.ID, fcgi.End{ProtocolStatus: fcgi.StatusCantMpxConn}))
	}
	aborted := make(chan struct{})
	c.reqs[part.ID] = &pending{
		Request: &Request{ID: part.ID, Role: b.Role, KeepConn: b.KeepConn, Conn: c.number, Aborted: aborted},
		aborted: aborted, ended: make(chan struct{}),
	}
	return nil
}

func (c *conn) params(p *pending, part fcgi.Part) error {
	if !part.EOS {
		if p.Params != nil || len(p.params)+len(part.Payload) > MaxBody {
			return errTooLong
		}
		p.params = append(p.params, part.Payload...)
		return nil
	}
	p.Params = make(map[string]string)
	for b := p.params; len(b) > 0; {
		name, value, rest, err := fcgi.NextPair(b)
		if err != nil {
			return err
		}
		p.Params[string(name)] = string(value)
		p.Names = append(p.Names, string(name))
		b = rest
	}
	if p.Role == fcgi.RoleAuthorizer {
		c.run(p)
	}
	return nil
}

func (c *conn) body(p *pending, part fcgi.Part, to *[]byte, last bool) error {
	switch {
	case !part.EOS && len(*to)+len(part.Payload) > MaxBody:
		return errTooLong
	case !part.EOS:
		*to = append(*to, part.Payload...)
	case last && !p.running && p.Params != nil:
		c.run(p)
	}
	return nil
}

func (c *conn) abort(p *pending) error {
	c.s.sawAbort()
	p.abort()
	if p.running {
		return nil // the handler ends it
	}
	p.running = true
	w := &Response{c: c, p: p}
	return w.End(0, fcgi.StatusComplete)
}

func (c *conn) run(p *pending) {
	p.running = true
	c.s.saw(p.Request)
	c.wg.Add(1)
	go func() { // ends when the handler returns
		defer c.wg.Done()
		w := &Response{c: c, p: p}
		c.s.Handler(w, p.Request)
		if !w.over {
			_ = w.End(0, fcgi.StatusComplete)
		}
	}()
}

// manage answers management records (section 4).
func (c *conn) manage(part fcgi.Part) error {
	if part.Type != fcgi.TypeGetValues {
		return c.write(fcgi.AppendUnknown(nil, part.Type))
	}
	known := c.s.Values
	if known == nil {
		known = map[string]string{fcgi.VarMpxsConns: map[bool]string{true: "1", false: "0"}[c.s.Mpxs]}
	}
	var names []string
	for b := part.Payload; len(b) > 0; {
		name, _, rest, err := fcgi.NextPair(b)
		if err != nil {
			return err
		}
		if _, ok := known[string(name)]; ok && !slices.Contains(names, string(name)) {
			names = append(names, string(name))
		}
		b = rest
	}
	var content []byte
	for _, name := range names {
		content = fcgi.AppendPair(content, name, known[name])
	}
	return c.write(fcgi.AppendRecord(nil, fcgi.TypeGetValuesResult, 0, content))
}

func (c *conn) write(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.nc.Write(b)
	return err
}

// end writes the last bytes of p's reply and closes the connection if that is
// due.
func (c *conn) end(p *pending, b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Before the write: the client may use the id again at once.
	close(p.ended)
	c.active--
	c.replies++
	_, err := c.nc.Write(b)
	if !p.KeepConn || (c.s.MaxRequests > 0 && c.replies >= c.s.MaxRequests) {
		c.last = true
	}
	if c.last && c.active == 0 {
		c.nc.Close()
	}
	return err
}
