package upstream

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// again decides whether a failed attempt at s may be followed by another, and
// waits where the next one should not follow at once. There are at most Tries
// attempts, and none begins later than RetryTimeout after the first failure; the
// dials within an attempt are bounded by the same time (dialAgain).
func (c *call) again(s *server, err error) bool {
	if !c.moved && c.x.Cause() == nil && c.mustMove(err) {
		c.moved = true
		return true
	}
	if c.x.Cause() != nil || c.x.Trace.Tries >= c.b.cfg.Tries {
		return false
	}
	since, limit := c.failing(), c.b.cfg.RetryTimeout
	var d *declined
	if errors.As(err, &d) {
		return true // decided when the status came
	}
	if limit > 0 && since >= limit || c.allowed(c.failure(s, err)) == 0 {
		return false
	}
	return c.resets == 0 || c.sleep(resetPause(c.resets)) == nil
}

// failing returns how long ago the request first failed: zero if that is now.
func (c *call) failing() time.Duration {
	now := c.b.sweeper.Now()
	if c.failedAt == 0 {
		c.failedAt = now
	}
	return time.Duration(now - c.failedAt)
}

// allowed returns those of the failures that the request may be repeated after.
func (c *call) allowed(f Retry) Retry {
	f &= c.b.cfg.Retry
	if !c.safe && c.b.cfg.Retry&RetryNonIdempotent == 0 {
		f &= retryUnseen
	}
	return f
}

// failure returns as what an attempt's error counts; 0: it is final.
func (c *call) failure(s *server, err error) Retry {
	var dial *DialError
	var reply *ReplyError
	var protocol *fcgi.ProtocolError
	others := len(c.b.servers) > 1
	switch {
	case errors.As(err, &dial):
		if others { // alone, the server was waited for already
			return RetryRefused
		}
		return 0
	case errors.Is(err, fcgi.ErrNoStream), errors.Is(err, errUnshared):
		return RetryClosed // ids of abandoned requests are not free yet
	case errors.Is(err, fcgi.ErrOverloaded), errors.Is(err, fcgi.ErrUnknownRole):
		if others && !c.got {
			return RetryOverloaded
		}
		return 0
	case errors.Is(err, fcgi.ErrCantMultiplex):
		if !c.got {
			return RetryOverloaded
		}
		return 0
	case c.passed, errors.Is(err, ErrRequestTimeout):
		return 0
	case isStale(err), isClosed(err):
		return c.unanswered(s, err)
	case isTruncated(err):
		return RetryError
	case isReadTimeout(err) && c.req.Progress.Withheld && others:
		return RetryRefused // no worker took it, which is no better than no connection
	case isReadTimeout(err), isSendTimeout(err):
		return RetryTimeout
	case errors.As(err, &protocol) && c.x.Trace.Reused && !c.got:
		return RetryStale | RetryInvalid // what was left over of the request before
	case errors.As(err, &reply), errors.As(err, &protocol):
		return RetryInvalid
	}
	return 0
}

// unanswered is failure for a connection that ended without a byte of a reply.
// What is known of such a request, and how:
//
//   - Nothing of it was written: nobody has it. That is a kept connection whose
//     peer was gone (EPIPE), or a shared one that ended before we came to it.
//   - What it takes to begin was held back and never left us (see careful).
//   - Otherwise nothing is known. In particular a reset proves nothing: it says
//     that the peer died with bytes unread, and php-fpm leaves the end of STDIN
//     unread as long as a script runs, so every script that is killed ends in a
//     reset, as does a request that nobody has accepted. Over TCP, moreover, a
//     relay between us may make a FIN of a reset.
//
// In the last case it is a repeatable request's chance: a kept connection that
// ended, because that happens; and a new one that was reset, which happens when
// the server ends, unless a worker is known to have accepted it.
func (c *call) unanswered(s *server, err error) Retry {
	p, kept := &c.req.Progress, c.x.Trace.Reused
	c.renew = true
	reset := !kept && errors.Is(err, syscall.ECONNRESET)
	switch {
	case kept && !c.shared:
		s.endsKept()
	case reset:
		s.shake()
	}
	switch {
	case !p.Sent:
		return RetryClosed
	case isClosed(err):
		return 0 // by ourselves
	case p.Withheld:
		c.reset(reset)
		return RetryClosed
	case c.hold, c.greeted: // a worker had it, or has read ahead
		if kept {
			s.closesKept.Store(true)
		}
		return RetryError
	case kept:
		return RetryStale | RetryError
	case reset:
		c.reset(true)
		return RetryStale | RetryError
	}
	return RetryError
}

// reset counts a new connection that was reset before a worker had it, as far as
// is known.
func (c *call) reset(yes bool) {
	if yes {
		c.resets++
	}
}

// resetPause is how long a server that may be ending is left alone after the
// n-th reset.
func resetPause(n int) time.Duration { return min(50*time.Millisecond<<min(2*n-2, 4), lastPause) }

// declined is the error of an attempt whose reply had a status after which
// another server is asked.
type declined struct{ status int }

func (d *declined) Error() string {
	return fmt.Sprintf("upstream: the application answered %d", d.status)
}

// Unwrap makes the rest of the reply be read.
func (d *declined) Unwrap() error { return ErrUnwanted }

// declines returns an error if the reply is not to be passed on because another
// server is to be asked. The last server's reply always is.
func (c *call) declines(status int) error {
	if status < 400 || c.passed || c.allowed(retryStatus(status)) == 0 ||
		c.x.Trace.Tries >= min(c.b.cfg.Tries, len(c.b.servers)) {
		return nil
	}
	if limit := c.b.cfg.RetryTimeout; limit > 0 && c.failing() >= limit {
		return nil
	}
	return &declined{status}
}
