package http2

// Budgets of what a client may have us do without any use, per connection. They
// allow bursts that no honest client exceeds, and refill with time and with
// useful work.
const (
	// resetBurst bounds streams that were reset before they had their answer,
	// by the client (CVE-2023-44487) or by us for its faults (CVE-2025-8671). A
	// browser that leaves a page resets what that page was waiting for.
	resetBurst = 256
	resetRate  = 16 // per second

	// noiseBurst bounds frames that carry nothing: PING, SETTINGS, PRIORITY,
	// WINDOW_UPDATE, empty DATA, unknown types, frames and heads of closed streams.
	noiseBurst = 2000
	noiseRate  = 200 // per second

	noisePerRequest = 10 // PRIORITY, PRIORITY_UPDATE, WINDOW_UPDATE, a PING
	noisePerData    = 2  // a WINDOW_UPDATE of the stream and one of the connection
)

// budgets of one connection; guarded by its lock.
type budgets struct{ resets, noise budget }

// budget is what was used of an allowance.
type budget struct {
	used int
	at   int64 // sweeper time up to which it was refilled
}

// spend uses one, of an allowance of burst that refills at rate per second, and
// reports whether there was one left. now is the sweeper's time.
func (b *budget) spend(now int64, burst, rate int) bool {
	if back := (now - b.at) / int64(1e9/rate); back > 0 {
		b.used = int(max(0, int64(b.used)-back))
		b.at = now
	}
	b.used++
	return b.used <= burst
}

// earn gives n back.
func (b *budget) earn(n int) { b.used = max(0, b.used-n) }

// noise accounts a frame that carries nothing.
func (c *Conn) noise() error {
	if !c.budgets.noise.spend(c.srv.sweeper.Now(), noiseBurst, noiseRate) {
		return fatal(EnhanceYourCalm, "too many frames without content")
	}
	return nil
}

// wasted accounts a request that was reset.
func (c *Conn) wasted() error {
	if !c.budgets.resets.spend(c.srv.sweeper.Now(), resetBurst, resetRate) {
		return fatal(EnhanceYourCalm, "too many streams reset")
	}
	return nil
}

// owe checks that the client reads the answers that it causes.
func (c *Conn) owe() error {
	if len(c.output.ctl) > controlMax || c.room() < -overdraft {
		return fatal(EnhanceYourCalm, "answers to control frames are not read")
	}
	return nil
}

// overdraft is how far control frames, resets and heads may exceed the output
// buffer.
const overdraft = 256 << 10
