package fcgi

import "sync/atomic"

// CountWrites counts the write(2) calls of m from now on. It must be called
// before the first Do.
func (m *Mux) CountWrites(n *atomic.Int64) {
	step := m.w.stepFn
	m.w.stepFn = func(fd uintptr) bool {
		n.Add(1)
		return step(fd)
	}
}

// HoldsBuffers says whether the idle connection holds any of its buffers.
func (c *Conn) HoldsBuffers() bool { return c.in.buf != nil || c.outBuf != nil }

// Buffered returns how many bytes of requests wait to be written.
func (m *Mux) Buffered() int {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	return len(m.w.buf)
}

// Claimed returns how many bytes of requests may have left.
func (m *Mux) Claimed() int64 { return m.w.claim.Load() }
