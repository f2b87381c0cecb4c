package http3

import (
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// pace bounds how long a client is waited for in one direction. A single wait
// may take the timeout, less the client's debt to the rate.
type pace struct {
	timeout time.Duration // 0: no limit
	rate    int64         // bytes per second; 0: no debts
	debt    sock.Debt
}

// deadline returns when a wait has lasted too long that begins now; the zero
// time for never.
func (p *pace) deadline(now time.Time) time.Time {
	if p.timeout <= 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(p.debt.Deadline(0, p.timeout)))
}

// settle accounts a wait during which n bytes moved.
func (p *pace) settle(waited time.Duration, n int) {
	p.debt.Settle(int64(waited), int64(n), p.rate)
}
