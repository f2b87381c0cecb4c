package http2

// Resting reports whether the connection has given its buffers back.
func (c *Conn) Resting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := &c.output
	return c.resting && o.ctl == nil && o.out == nil && o.w == nil
}

// Running returns how many requests the connection counts.
func (c *Conn) Running() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}

// Heads returns how many bytes of decoded heads the connection counts.
func (c *Conn) Heads() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heads
}

// Waiting returns how many streams wait for their turn to send.
func (c *Conn) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.output.queue)
}

// Reading returns how many streams wait for more of their bodies.
func (c *Conn) Reading() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, st := range c.streams {
		if st.readBy != 0 {
			n++
		}
	}
	return n
}
