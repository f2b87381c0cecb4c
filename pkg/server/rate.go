package server

import (
	"math"
	"time"
)

// debt is how long a client has been waited for beyond what the bytes it moved
// were worth at a minimum rate. A client that lives up to the rate has none, and
// pauses of one that does are worth what the timeout of a single wait allows: it
// is cut when its debt reaches that timeout. The zero value is no debt.
type debt int64

// settle accounts a wait during which n bytes moved. Without a rate there is no
// debt.
func (d *debt) settle(waited, n, rate int64) {
	if rate <= 0 {
		*d = 0
		return
	}
	earned := float64(n) / float64(rate) * float64(time.Second)
	*d = max(0, *d+debt(waited)-debt(min(earned, math.MaxInt64/4)))
}

// deadline returns when a wait has lasted too long that begins now: after the
// timeout, less the debt; 0 for never.
func (d debt) deadline(now int64, timeout time.Duration) int64 {
	if timeout <= 0 {
		return 0
	}
	return now + max(0, int64(timeout)-int64(d))
}
