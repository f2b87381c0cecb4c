package http2

import "github.com/fcgigw/fcgigw/pkg/sock"

// uptake watches how a client takes what was written to its socket. The kernel
// says that there is room again only when much has been taken, which with a
// client that reads steadily, but not fast, may be after the send timeout.
type uptake struct {
	since  int64     // sweeper time when the wait began or was looked at last; 0: none
	unsent int       // bytes that the client had not taken then
	debt   sock.Debt // to the minimum send rate
	by     int64     // sweeper time when the wait has lasted too long; 0: nobody waits, or never
}

// begin notes that a wait begins, with so many bytes not taken yet.
func (u *uptake) begin(now int64, unsent int, cfg *Config) {
	u.since, u.unsent = now, unsent
	u.by = u.debt.Deadline(now, cfg.SendTimeout)
}

// look accounts the wait, of which so many bytes are left, and returns how many
// were taken since the last look. If there were any the wait has another
// deadline.
func (u *uptake) look(now int64, unsent int, cfg *Config) (took int) {
	if u.since == 0 {
		return 0
	}
	took = max(0, u.unsent-unsent)
	u.debt.Settle(now-u.since, int64(took), cfg.MinSendRate)
	u.since, u.unsent = now, unsent
	if took > 0 {
		u.by = u.debt.Deadline(now, cfg.SendTimeout)
	}
	return took
}

// end notes that nobody waits.
func (u *uptake) end() { u.since, u.by = 0, 0 }

// lookAtSocket accounts what the client has taken of the write that waits, if
// there is one.
func (c *Conn) lookAtSocket(now int64) {
	if u := &c.output.wait; u.since != 0 {
		c.took += int64(u.look(now, sock.UnsentConn(c.wire.raw), c.srv.cfg.Load()))
	}
}

// taken reports whether the client has all that was written, or is too slow to
// be waited for. It is asked again and again while nothing is written.
func (c *Conn) taken(now int64) bool {
	unsent := sock.UnsentConn(c.wire.raw)
	u, cfg := &c.tail, c.srv.cfg.Load()
	switch {
	case unsent == 0:
		return true
	case u.since == 0:
		u.begin(now, unsent, cfg)
	default:
		u.look(now, unsent, cfg)
	}
	return late(u.by, now)
}
