package http3

import (
	"math"
	"time"
)

// pace bounds how long a client is waited for in one direction. A single wait
// may take the timeout. What the waits took together beyond what the bytes that
// moved were worth at the rate is the client's debt, which shortens the next
// wait: a client that lives up to the rate has none. It is the rule of package
// server.
type pace struct {
	timeout time.Duration // 0: no limit
	rate    int64         // bytes per second; 0: no debts
	debt    time.Duration
}

// deadline returns when a wait has lasted too long that begins now; the zero
// time for never.
func (p *pace) deadline(now time.Time) time.Time {
	if p.timeout <= 0 {
		return time.Time{}
	}
	return now.Add(max(0, p.timeout-p.debt))
}

// settle accounts a wait during which n bytes moved.
func (p *pace) settle(waited time.Duration, n int) {
	if p.rate <= 0 {
		return
	}
	earned := float64(n) / float64(p.rate) * float64(time.Second)
	p.debt = max(0, p.debt+waited-time.Duration(min(earned, math.MaxInt64/4)))
}
