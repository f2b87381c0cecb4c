package http2

import "time"

// debt is how long a client has been waited for beyond what the bytes it moved
// were worth at a minimum rate; pauses of one that lives up to the rate are
// worth a whole timeout. The zero value is no debt.
type debt int64

// settle accounts a wait of so many nanoseconds during which n bytes moved.
// Without a rate there is no debt.
func (d *debt) settle(waited, n, rate int64) {
	if rate <= 0 {
		*d = 0
		return
	}
	earned := n/rate*int64(time.Second) + n%rate*int64(time.Second)/rate
	*d = max(0, *d+debt(waited-earned))
}

// deadline returns when a wait that begins now has lasted too long: after the
// timeout, less the debt; 0 for never.
func (d debt) deadline(now int64, timeout time.Duration) int64 {
	if timeout <= 0 {
		return 0
	}
	return now + max(1, int64(timeout)-int64(d))
}
