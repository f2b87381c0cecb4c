package http2

// frame looks at one frame, on the goroutine in Serve.
func (c *Conn) frame(f *frame) error {
	if !c.settled && (f.kind != frameSettings || f.has(flagAck)) {
		return fatal(ProtocolError, "preface without SETTINGS")
	}
	if c.block.stream != 0 && (f.kind != frameContinuation || f.stream != c.block.stream) {
		return fatal(ProtocolError, "header block interrupted")
	}
	switch f.kind {
	case frameHeaders:
		return c.onHeaders(f)
	case frameContinuation:
		return c.onContinuation(f)
	case framePushPromise:
		return fatal(ProtocolError, "PUSH_PROMISE from a client")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f.kind {
	case frameData:
		return c.onData(f)
	case frameWindowUpdate:
		return c.onWindowUpdate(f)
	case frameReset:
		return c.onReset(f)
	case frameSettings:
		return c.onSettings(f)
	case framePing:
		return c.onPing(f)
	case framePriority:
		return c.onPriority(f)
	case frameGoAway:
		return c.onGoAway(f)
	}
	return c.noise() // RFC 9113 section 5.5: ignored
}

// unopened reports whether no stream has had this number yet.
func (c *Conn) unopened(id uint32) bool { return id > c.lastID || id%2 == 0 }

// onData takes a part of a body (RFC 9113 section 6.1). All of the payload
// counts in both windows; what no handler will read is given back at once.
func (c *Conn) onData(f *frame) error {
	if f.stream == 0 || c.unopened(f.stream) {
		return fatal(ProtocolError, "DATA on a stream that is not open")
	}
	p, err := f.unpad()
	if err != nil {
		return err
	}
	n := len(f.payload)
	if c.recvWin -= int64(n); c.recvWin < 0 {
		return fatal(FlowControlError, "DATA beyond the connection's window")
	}
	st := c.streams[f.stream]
	if st == nil {
		c.giveBack(n)
		return c.late(f.stream)
	}
	if code := st.admit(n, len(p), f.has(flagEndStream)); code != NoError {
		c.giveBack(n)
		return c.fault(st, code)
	}
	c.giveBack(n - len(p))
	st.giveBack(n - len(p))
	if len(p) == 0 && !f.has(flagEndStream) {
		return c.noise()
	}
	st.put(p)
	if f.has(flagEndStream) {
		st.recvDone = true
		c.closeIfDone(st)
	}
	poke(st.readable)
	return nil
}

// late answers DATA on a stream that is closed (RFC 9113 section 5.1): nothing
// if we reset it, since the client may not know yet.
func (c *Conn) late(id uint32) error {
	if c.closed.how(id) == closedByUs {
		return c.noise()
	}
	c.output.out = appendReset(c.output.out, id, StreamClosed)
	if err := c.owe(); err != nil {
		return err
	}
	return c.wasted()
}

// onReset takes a stream away (RFC 9113 section 6.4).
func (c *Conn) onReset(f *frame) error {
	switch {
	case f.stream == 0 || c.unopened(f.stream):
		return fatal(ProtocolError, "RST_STREAM on an idle stream")
	case len(f.payload) != 4:
		return fatal(FrameSizeError, "RST_STREAM of a wrong size")
	}
	st := c.streams[f.stream]
	if st == nil {
		return c.noise()
	}
	c.close(st, closedByPeer)
	c.lose(st, c.cause())
	return c.wasted()
}

// onWindowUpdate gives us credit (RFC 9113 section 6.9).
func (c *Conn) onWindowUpdate(f *frame) error {
	if len(f.payload) != 4 {
		return fatal(FrameSizeError, "WINDOW_UPDATE of a wrong size")
	}
	n := int64(f.word() & maxWindow)
	if f.stream == 0 {
		if n == 0 {
			return fatal(ProtocolError, "WINDOW_UPDATE of nothing")
		}
		if c.sendWin += n; c.sendWin > maxWindow {
			return fatal(FlowControlError, "window of the connection too large")
		}
		c.wakeQueue()
		return c.noise()
	}
	if c.unopened(f.stream) {
		return fatal(ProtocolError, "WINDOW_UPDATE on an idle stream")
	}
	if st := c.streams[f.stream]; st != nil {
		if n == 0 {
			return c.fault(st, ProtocolError)
		}
		if st.sendWin += n; st.sendWin > maxWindow {
			return c.fault(st, FlowControlError)
		}
		poke(st.writable)
	}
	return c.noise()
}

// onSettings takes the client's settings (RFC 9113 section 6.5) and
// acknowledges them. Of several values of a setting the last one counts.
func (c *Conn) onSettings(f *frame) error {
	switch {
	case f.stream != 0:
		return fatal(ProtocolError, "SETTINGS on a stream")
	case f.has(flagAck) && len(f.payload) > 0, len(f.payload)%settingSize != 0:
		return fatal(FrameSizeError, "SETTINGS of a wrong size")
	case f.has(flagAck):
		c.acknowledged()
		return c.noise()
	}
	window := c.peerWindow
	for p := f.payload; len(p) > 0; p = p[settingSize:] {
		s := parseSetting(p)
		if err := s.check(); err != nil {
			return err
		}
		switch s.id {
		case settingWindow:
			window = int64(s.value)
		case settingTableSize:
			c.tableSmall = c.tableSmall || s.value < tableSize
		}
	}
	c.settled = true
	if err := c.resize(window); err != nil {
		return err
	}
	c.output.ctl = appendSettingsAck(c.output.ctl)
	if err := c.owe(); err != nil {
		return err
	}
	return c.noise()
}

// acknowledged takes the answer to our SETTINGS: until it, streams may use the
// protocol's own window, if that is larger than ours.
func (c *Conn) acknowledged() {
	c.ackBy = 0
	for _, st := range c.streams {
		st.recvWin -= c.early
	}
	c.early = 0
}

// resize changes what every stream may send (RFC 9113 section 6.9.2), which may
// become less than nothing.
func (c *Conn) resize(window int64) error {
	more := window - c.peerWindow
	if more == 0 {
		return nil
	}
	c.peerWindow = window
	for _, st := range c.streams {
		if st.sendWin += more; st.sendWin > maxWindow {
			return fatal(FlowControlError, "window of a stream too large")
		}
		if more > 0 {
			poke(st.writable)
		}
	}
	return nil
}

// onPing answers a PING (RFC 9113 section 6.7).
func (c *Conn) onPing(f *frame) error {
	switch {
	case f.stream != 0:
		return fatal(ProtocolError, "PING on a stream")
	case len(f.payload) != 8:
		return fatal(FrameSizeError, "PING of a wrong size")
	case f.has(flagAck):
		if c.draining && string(f.payload) == drainPing {
			c.leave()
		}
		return c.noise()
	}
	c.output.ctl = appendPing(c.output.ctl, flagAck, f.payload)
	if err := c.owe(); err != nil {
		return err
	}
	return c.noise()
}

// onPriority ignores a priority (RFC 9113 section 5.3.2) that is well formed.
func (c *Conn) onPriority(f *frame) error {
	switch {
	case f.stream == 0:
		return fatal(ProtocolError, "PRIORITY without a stream")
	case len(f.payload) != 5:
		return fatal(FrameSizeError, "PRIORITY of a wrong size")
	case f.word()&lastStreamID == f.stream:
		return c.faultOn(f.stream, ProtocolError, "stream depends on itself")
	}
	return c.noise()
}

// faultOn is fault for a stream that may not be open.
func (c *Conn) faultOn(id uint32, code ErrCode, reason string) error {
	if st := c.streams[id]; st != nil {
		return c.fault(st, code)
	}
	if c.unopened(id) {
		return fatal(code, reason)
	}
	return c.noise()
}

// onGoAway takes the client's farewell (RFC 9113 section 6.8), which changes
// nothing for what it asked.
func (c *Conn) onGoAway(f *frame) error {
	switch {
	case f.stream != 0:
		return fatal(ProtocolError, "GOAWAY on a stream")
	case len(f.payload) < 8:
		return fatal(FrameSizeError, "GOAWAY of a wrong size")
	}
	return c.noise()
}
