package load

import (
	"errors"
	"time"

	"github.com/fcgigw/fcgigw/bench/stats"
)

// AnySize as Config.Body accepts bodies of any length.
const AnySize = -1

// ErrTime says that the server did not answer in time.
var ErrTime = errors.New("load: no answer in time")

// Config describes a load.
type Config struct {
	// Addr is the server, an IPv4 address with a port.
	Addr string
	// Request is the whole request, for a method GET.
	Request []byte
	// Clients is how many clients work at the same time.
	Clients int
	// Warmup is run before Duration is measured, with the same clients.
	Warmup, Duration time.Duration
	// Pause is how long a client waits between an answer and the next request.
	// The first requests are spread over it.
	Pause time.Duration
	// NewConn opens a connection for each request, and closes it afterwards.
	// The request should then say "Connection: close".
	NewConn bool
	// Body is the length that every body must have, or AnySize.
	Body int64
	// Mark, if set, is called when the measured time begins and ends. The
	// clients stand still meanwhile.
	Mark func()
}

// Result is what was counted in the measured time.
type Result struct {
	Elapsed   time.Duration
	Answers   int   // complete and right
	PerClient []int // the same for each client
	Errors    int   // answers that were wrong, cut off or missing
	First     error // the first of these errors
	Closed    int   // connections that the server closed between two requests
	Latency   *stats.Histogram
	// Stalled is the longest time that a client without an answer at the end
	// had been waiting for it.
	Stalled time.Duration
}

// MinMax returns the fewest and the most answers that a client got.
func (r *Result) MinMax() (least, most int) {
	for i, n := range r.PerClient {
		if i == 0 || n < least {
			least = n
		}
		most = max(most, n)
	}
	return least, most
}
