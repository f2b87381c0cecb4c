package sock

import (
	"math"
	"time"
)

// Debt is how long a peer has been waited for beyond what the bytes it moved
// were worth at a minimum rate, in nanoseconds. A peer that lives up to the rate
// has none, and pauses of one that does are worth what the timeout of a single
// wait allows: its time is up when its debt reaches that timeout. The zero value
// is no debt.
type Debt int64

// Settle accounts a wait of so many nanoseconds during which n bytes moved, at
// a rate in bytes per second. Without a rate there is no debt.
func (d *Debt) Settle(waited, n, rate int64) {
	if rate <= 0 {
		*d = 0
		return
	}
	earned := float64(n) / float64(rate) * float64(time.Second)
	*d = max(0, *d+Debt(waited)-Debt(min(earned, math.MaxInt64/4)))
}

// Deadline returns when a wait that begins now, in nanoseconds of any clock,
// has lasted too long: after the timeout, less the debt; 0 for never.
func (d Debt) Deadline(now int64, timeout time.Duration) int64 {
	if timeout <= 0 {
		return 0
	}
	return now + max(0, int64(timeout)-int64(d))
}
