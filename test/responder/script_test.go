package responder_test

import (
	"errors"
	"net"
	"sync"
	"time"
)

// script is what the responder does with one request, step by step. What it
// does not do (to end the request, to close the connection) is not done.
type script []step

// step is one thing to do. An error ends the script.
type step func(p *play) error

// play is one request of the responder whose script runs.
type play struct {
	conn    *conn
	id      uint16
	client  *progress
	read    chan struct{} // closed when STDIN has ended
	aborted chan struct{} // closed by ABORT_REQUEST
	once    struct{ read, aborted sync.Once }
}

// progress is how far the client of the scripted request has come.
type progress struct {
	seen chan struct{} // closed when it has the head of the final response
	over chan struct{} // closed when it has all that it will get
}

func newProgress() *progress {
	return &progress{seen: make(chan struct{}), over: make(chan struct{})}
}

// Errors that end a script before its last step.
var (
	errAborted = errors.New("request aborted")
	errGone    = errors.New("connection gone")
)

// says writes the parts in one write.
func says(parts ...part) step {
	return func(p *play) error { return p.conn.write(join(parts...)(p.id)) }
}

// trickles writes each n bytes of the parts by a write of its own.
func trickles(n int, parts ...part) step {
	return func(p *play) error {
		for b := join(parts...)(p.id); len(b) > 0; {
			k := min(n, len(b))
			if err := p.conn.write(b[:k]); err != nil {
				return err
			}
			b = b[k:]
		}
		return nil
	}
}

// floods writes records of content until they have total bytes, or without end
// when total is 0. It holds one record only.
func floods(kind byte, content string, total int64) step {
	return func(p *play) error {
		b := record(kind, p.id, []byte(content), 0)
		for sent := int64(0); total == 0 || sent < total; sent += int64(len(content)) {
			if err := p.conn.write(b); err != nil {
				return err
			}
			if p.isAborted() {
				return errAborted
			}
		}
		return nil
	}
}

func (p *play) isAborted() bool {
	select {
	case <-p.aborted:
		return true
	default:
		return false
	}
}

// untilSeen waits until the client has the head of the response.
func untilSeen() step { return func(p *play) error { return p.wait(p.client.seen) } }

// untilRead waits until the whole request has been read.
func untilRead() step { return func(p *play) error { return p.wait(p.read) } }

// untilOver waits until the client has its response, or has left.
func untilOver() step { return func(p *play) error { return p.wait(p.client.over) } }

// until waits for a channel to close.
func until(ch <-chan struct{}) step { return func(p *play) error { return p.wait(ch) } }

// stalls does nothing until the gateway ends the request or the connection.
func stalls() step { return func(p *play) error { return p.wait(nil) } }

// blocks lets nobody write on the connection until it ends.
func blocks() step {
	return func(p *play) error {
		p.conn.mu.Lock()
		defer p.conn.mu.Unlock()
		<-p.conn.gone
		return errGone
	}
}

// drips writes a part now and then until ch closes or the request is ended.
func drips(ch <-chan struct{}, what part) step {
	return func(p *play) error {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			if err := p.conn.write(what(p.id)); err != nil {
				return err
			}
			select {
			case <-tick.C:
			case <-ch:
				return nil
			case <-p.aborted:
				return errAborted
			case <-p.conn.gone:
				return errGone
			}
		}
	}
}

// unmovedUntil waits for ch, as a responder does that does not know
// ABORT_REQUEST.
func unmovedUntil(ch <-chan struct{}) step {
	return func(p *play) error {
		select {
		case <-ch:
			return nil
		case <-p.conn.gone:
			return errGone
		}
	}
}

// closes closes the connection.
func closes() step { return func(p *play) error { return p.conn.close() } }

// closesWrite ends the responder's side of the connection.
func closesWrite() step {
	return func(p *play) error {
		return p.conn.nc.(interface{ CloseWrite() error }).CloseWrite()
	}
}

// resets ends a TCP connection by a reset.
func resets() step {
	return func(p *play) error {
		_ = p.conn.nc.(*net.TCPConn).SetLinger(0) // the close says whether the connection was there
		return p.conn.close()
	}
}

func (p *play) wait(ch <-chan struct{}) error {
	select {
	case <-ch:
		return nil
	case <-p.aborted:
		return errAborted
	case <-p.conn.gone:
		return errGone
	}
}

func (p *play) abort() { p.once.aborted.Do(func() { close(p.aborted) }) }

// run plays s. An aborted request is ended as a good responder would.
func (p *play) run(s script) {
	for _, step := range s {
		err := step(p)
		if errors.Is(err, errAborted) {
			err = p.conn.write(ends(0, complete)(p.id))
		}
		if err != nil {
			return
		}
	}
}
