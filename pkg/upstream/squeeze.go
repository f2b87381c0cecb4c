package upstream

import (
	"time"

	"github.com/fcgigw/fcgigw/pkg/pool"
)

// A kept connection occupies a worker even while it is idle. Where there are
// fewer workers than connections (max_conns is too large, or the pool has other
// clients) a new connection is accepted by the kernel and then waits, unheard,
// for a worker that an idle one holds. The signs are a request on a new
// connection without a byte of reply; a slow script looks the same, and costs
// no more than some connections that are dialled again.
const (
	// unheardAfter is how long such a request waits before idle connections are
	// closed for it.
	unheardAfter = 150 * time.Millisecond
	// squeezeFor is how long no connection is kept after that.
	squeezeFor = time.Second
)

// unheard is told of a request on a new connection that has no answer yet. It
// runs on the sweeper's goroutine.
func (s *server) unheard(now, sentAt int64) {
	if now-sentAt < int64(unheardAfter) {
		return
	}
	s.tight.Store(now)
	s.reap((*pool.Pool[*link]).Squeeze)
}

// squeezed reports whether connections should not be kept for now.
func (s *server) squeezed() bool {
	at := s.tight.Load()
	return at != 0 && s.b.sweeper.Now()-at < int64(squeezeFor)
}
