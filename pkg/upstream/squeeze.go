package upstream

import (
	"time"

	"github.com/fcgigw/fcgigw/pkg/pool"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// A kept connection occupies a worker even while it is idle. Where there are
// fewer workers than connections (max_conns is too large, or the pool has other
// clients) a new connection is accepted by the kernel and then waits, unheard,
// for a worker that an idle one holds. When so many wait that the server's
// listen queue is full, a dial fails at once (unix) or gets no answer (TCP).
// The signs are a request on a new connection without a byte of reply, a dial
// without an answer, and EAGAIN. A slow script and a long way look like the
// first two, and cost no more than some connections that are dialled again.
const (
	// unheardAfter is how long a request without a reply waits before idle
	// connections are closed for it.
	unheardAfter = 150 * time.Millisecond
	// stuckAfter is the same for dials: longer than any way takes, and shorter
	// than the second after which the kernel tries again.
	stuckAfter = 500 * time.Millisecond
	// squeezeFor is how long no connection is kept after that.
	squeezeFor = time.Second
)

// unheard is told of a request on a new connection that has no answer yet. It
// runs on the sweeper's goroutine.
func (s *server) unheard(now, sentAt int64) {
	if now-sentAt >= int64(unheardAfter) {
		s.contended()
	}
}

// contended gives up idle connections, and keeps none for a while, because the
// server seems to be short of workers. A shared connection occupies none. It
// may run on the sweeper's goroutine.
func (s *server) contended() {
	if s.probe.Load() == probedShared || s.b.foreign() {
		return
	}
	s.slots.Load().KeepNone(squeezeFor + sock.DefaultTick) // also by the sweeper's clock, which is late by a tick at most
	s.reap((*pool.Pool[*link]).Squeeze)
}

// dialWatch notices dials that get no answer: for stuckAfter some were under way
// at every look, and none ended. Looking costs less than a timer for each dial.
type dialWatch struct {
	ended int64 // dials that had ended at the last look
	since int64 // since when none has, or none was under way
}

// stuck looks at p's dials.
func (d *dialWatch) stuck(now int64, p *pool.Pool[*link]) bool {
	underWay, ended := p.Dialling()
	if underWay == 0 || ended != d.ended || d.since == 0 {
		d.ended, d.since = ended, now
		return false
	}
	return now-d.since >= int64(stuckAfter)
}
