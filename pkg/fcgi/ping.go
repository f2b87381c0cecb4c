package fcgi

// Ping asks the backend on the idle connection for one of its variables
// (FCGI_GET_VALUES, section 4.1), to see that it is there: whoever answers has
// accepted the connection, is done with what was sent on it before, and waits
// for a request. The answer itself does not matter, nor that the variable is not
// known. Ping waits as long as Do would for the first byte of a reply; meanwhile
// h.Tick is called, and no other method of h.
//
// The error is ErrClosed, ErrBusy, ErrStale, ErrReadTimeout, a *ProtocolError or
// what h.Tick returned. After all but ErrBusy the connection is closed. libfcgi
// answers nothing, so it is not to be asked.
func (c *Conn) Ping(h Handler) error {
	if !c.Reusable() {
		return ErrClosed
	}
	if !c.watch.Begin(h) {
		return ErrBusy
	}
	c.in.parser, c.received, c.err = Parser{}, false, nil
	c.watch.Waiting()
	c.ping()
	if why := c.watch.End(); c.err == nil {
		c.err = why // together with the answer
	}
	c.in.drop()
	if c.err != nil {
		c.usable = false
		c.Close()
	}
	return c.err
}

// ping sets c.err if there is no answer.
func (c *Conn) ping() {
	ask := AppendHeader(c.in.space()[:0], Header{Type: TypeGetValues, Len: uint16(PairLen(len(VarMpxsConns), 0))})
	if _, err := c.nc.Write(AppendPair(ask, VarMpxsConns, "")); err != nil {
		if _, c.err = c.watch.Woken(err); c.err == nil {
			c.err = broken(false, err)
		}
		return
	}
	for {
		n, err := c.nc.Read(c.in.space())
		c.in.filled(n)
		if n > 0 && c.answered() {
			return
		}
		if err != nil && !c.resume(err) {
			return
		}
		c.watch.Waiting()
	}
}

// answered looks at what came; true if that is an answer and nothing else, or an
// error.
func (c *Conn) answered() (over bool) {
	for {
		part, err := c.in.next()
		switch {
		case err != nil:
			c.err = err
			return true
		case part.Type == 0 && over && !c.in.empty():
			c.err = &ProtocolError{What: "data behind the answer", Type: TypeGetValuesResult}
			return true
		case part.Type == 0:
			return over
		case !management(part):
			c.err = &ProtocolError{What: "unexpected answer to GET_VALUES", ID: part.ID, Type: part.Type}
			return true
		}
		over = true // Go's net/http/fcgi ends its answer by an empty record
	}
}
