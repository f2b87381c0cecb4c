package fcgi

import (
	"sync"
	"sync/atomic"
)

// How much of a reply buffer a stream keeps: while a request is under way, so
// that a flood of small reads makes no garbage, and when it is unused.
const (
	keepActive = 2 * bufferLen
	keepBuffer = 16 << 10
)

// phase is what a stream's id is in use for.
type phase uint8

const (
	phaseFree   phase = iota // the id is free, or its request is over
	phaseActive              // a caller is in Do
	phaseZombie              // abandoned; waits for the backend's END_REQUEST
	phaseSpent               // abandoned and ended; what comes is dropped
)

// seg is a run of bytes of one output stream in a pile.
type seg struct {
	stderr bool
	n      int
}

// pile is content that waits to be delivered, in the order of arrival.
type pile struct {
	data []byte
	segs []seg
}

func (p *pile) add(b []byte, stderr bool) {
	p.data = append(p.data, b...)
	if k := len(p.segs); k > 0 && p.segs[k-1].stderr == stderr {
		p.segs[k-1].n += len(b)
		return
	}
	p.segs = append(p.segs, seg{stderr, len(b)})
}

// reset empties the pile and keeps its storage if that is not larger than keep.
func (p *pile) reset(keep int) {
	if cap(p.data) > keep {
		p.data = nil
	}
	p.data, p.segs = p.data[:0], p.segs[:0]
}

// stream is one request id of a Mux. It is used again and again until a request
// of it is abandoned.
type stream struct {
	m    *Mux
	id   uint16
	wake chan struct{} // capacity 1: in, over or err changed
	room chan struct{} // capacity 1: in was taken; the read loop waits for it

	// Owned by the caller in Do.
	out   pile // being delivered
	wdone chan struct{}

	// Owned by the caller in Do, or by the body's goroutine while there is one.
	src   source
	begun bool  // its BEGIN_REQUEST is in the write buffer, or beyond
	at    int64 // where in all that is written

	stop  atomic.Bool // what is not yet in the write buffer must not get there
	touch bool        // on the read loop's list; owned by it

	mu       sync.Mutex // guards what follows; held while h.Tick runs
	phase    phase
	h        Handler // for Tick; nil when the caller is not in Do
	reply    reply
	in       pile
	over     bool  // END_REQUEST came
	err      error // ends the request
	received bool
	busy     bool   // the caller is in a method of h
	sending  bool   // the body's goroutine runs
	since    int64  // clock of the last sign of life
	reads    uint64 // the read loop's count then
}

func newStream(m *Mux, id uint16) *stream {
	return &stream{m: m, id: id, wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

func (s *stream) begin(h Handler, now int64, reads uint64) {
	s.begun = false
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, s.h, s.reply = phaseActive, h, reply{id: s.id}
	s.over, s.err, s.received, s.busy, s.sending = false, nil, false, false, false
	s.since, s.reads = now, reads
	s.stop.Store(false)
}

// serve delivers the reply to h until it is over.
func (s *stream) serve(h Handler) error {
	fresh := false
	<-s.wake // there is nothing yet, or a token to say that there is
	for {
		over, err := s.grab()
		if len(s.out.data) > 0 {
			fresh = true
			if err := s.deliver(h); err != nil {
				return err
			}
			if !over && err == nil {
				continue
			}
		}
		if over || err != nil {
			return err
		}
		if fresh {
			fresh = false
			if err := h.Pause(); err != nil {
				return err
			}
		}
		<-s.wake
	}
}

// grab takes what has come since the last time into s.out.
func (s *stream) grab() (over bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := len(s.in.data) > 0
	s.in, s.out = s.out, s.in
	s.busy = full
	if full {
		notify(s.room)
	}
	return s.over, s.err
}

func (s *stream) deliver(h Handler) error {
	data := s.out.data
	for _, g := range s.out.segs {
		f := h.Stdout
		if g.stderr {
			f = h.Stderr
		}
		if err := f(data[:g.n]); err != nil {
			return err
		}
		data = data[g.n:]
	}
	s.out.reset(keepActive)
	return nil
}

// fate is how a request stood when its caller was done with it.
type fate struct {
	end      End // valid if over
	over     bool
	received bool
	free     bool   // the id may be used again
	reads    uint64 // the read loop's count at the last sign of life
}

// retire ends the caller's part. whole says that all of the request was sent.
// Its id is free only if it is over, too, or if the backend cannot have heard of
// it.
func (s *stream) retire(whole bool) fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.h = nil
	s.in.reset(keepBuffer)
	s.out.reset(keepBuffer)
	switch {
	case !s.begun, s.over && whole:
		s.phase = phaseFree
	case s.over:
		s.phase = phaseSpent
	default:
		s.phase = phaseZombie
	}
	if s.phase != phaseFree {
		s.in, s.out = pile{}, pile{}
	}
	notify(s.room) // what comes now is dropped
	return fate{s.reply.end, s.over, s.received, s.phase == phaseFree, s.reads}
}

// cancel ends the request with err, unless it is over.
func (s *stream) cancel(err error) {
	s.mu.Lock()
	s.cancelLocked(err)
	s.mu.Unlock()
}

func (s *stream) cancelLocked(err error) {
	if s.phase != phaseActive || s.over || s.err != nil {
		return
	}
	s.err = err
	s.stop.Store(true)
	notify(s.wake)
	notify(s.room) // what comes now is dropped
}

// lost is cancel for the end of the connection.
func (s *stream) lost(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancelLocked(lostError(cause, s.received))
}

// notify leaves a token in a channel of capacity 1.
func notify(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
