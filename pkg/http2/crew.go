package http2

import "sync"

// crew is the goroutines that run requests. Some wait for the next one, because
// a used one has a stack that is large enough. Its zero value is ready.
type crew struct {
	mu     sync.Mutex // guards what follows; taken alone
	idle   []*hand    // the last one rested last
	least  int        // fewest idle ones since the last trim
	closed bool
}

// hand is one of the crew.
type hand struct{ next chan *stream }

// idleHands bounds how many wait; their stacks are what it costs.
const idleHands = 256

// run has st served on a goroutine of its own.
func (c *crew) run(st *stream) {
	c.mu.Lock()
	n := len(c.idle)
	if n == 0 {
		c.mu.Unlock()
		h := &hand{next: make(chan *stream, 1)}
		go c.work(h, st) // ends when it is not kept, trimmed or the crew closes
		return
	}
	h := c.idle[n-1]
	c.idle = c.idle[:n-1]
	c.least = min(c.least, n-1)
	c.mu.Unlock()
	h.next <- st // never waits: h is idle
}

func (c *crew) work(h *hand, st *stream) {
	for st != nil {
		st.serve()
		if !c.rest(h) {
			return
		}
		st = <-h.next
	}
}

func (c *crew) rest(h *hand) (kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) >= idleHands {
		return false
	}
	c.idle = append(c.idle, h)
	return true
}

// trim ends those that were not needed since the last call.
func (c *crew) trim() {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(c.least, len(c.idle))
	for _, h := range c.idle[:n] {
		h.next <- nil
	}
	c.idle = append(c.idle[:0], c.idle[n:]...)
	c.least = len(c.idle)
}

func (c *crew) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, h := range c.idle {
		h.next <- nil
	}
	c.idle = nil
}
