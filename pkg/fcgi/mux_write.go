package fcgi

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// inlineMax is the longest request that its caller puts into the write buffer
// itself; longer ones get a goroutine, so that the caller can take the reply.
const inlineMax = 32 << 10

// bodyPiece is how much a long request adds to the write buffer at a time, so
// that others' records come between.
const bodyPiece = 16 << 10

// muxWriter gathers the records of all requests. Whoever finds nobody at it
// writes: first it lets the other callers run, so that one write(2) carries
// what they all have to say. A write that the kernel does not take at once is
// left to a goroutine: no caller waits for the backend there.
type muxWriter struct {
	m      *Mux
	stepFn func(uintptr) bool
	since  atomic.Int64   // clock when the present waiting write began; 0: none
	wg     sync.WaitGroup // the goroutine that waits

	// Positions count the bytes of all requests from the connection's start.
	claim atomic.Int64 // bytes up to here may have left us
	dead  atomic.Bool  // err is set; looked at between the claim and the write

	// Owned by the present flusher.
	pend   []byte
	pendAt int64 // position of pend
	werr   error

	mu       sync.Mutex // guards what follows; never held across I/O
	cond     sync.Cond  // buf was taken, or err or a stream's stop changed
	buf      []byte
	bufAt    int64 // position of buf
	spare    []byte
	flushing bool
	err      error // nothing is written any more
}

func (w *muxWriter) init(m *Mux) {
	w.m = m
	w.stepFn = w.step
	w.cond.L = &w.mu
}

// limit is how far requests fill the buffer; behind it is room for one
// ABORT_REQUEST per id, and no id gets two: they never have to wait.
func (w *muxWriter) limit() int { return w.m.cfg.WriteBuffer }

// bodyMark is the fill of the buffer above which long requests wait, so that
// there is room for the short ones.
func (w *muxWriter) bodyMark() int { return w.limit() / 4 }

func (w *muxWriter) newBuf() []byte {
	return make([]byte, 0, w.limit()+HeaderLen*len(w.m.streams))
}

// put adds records of s when the buffer holds at most mark bytes: at most
// piece bytes of them.
func (w *muxWriter) put(s *stream, mark, piece int) error {
	return w.add(s, mark, func(dst []byte) []byte {
		return s.src.fill(dst[:len(dst):min(len(dst)+piece, w.limit())])
	})
}

// add waits for room and adds what fill appends. It returns errStopped for a
// request that was ended meanwhile.
func (w *muxWriter) add(s *stream, mark int, fill func([]byte) []byte) error {
	w.mu.Lock()
	for len(w.buf) > mark && w.err == nil && !s.stop.Load() {
		w.cond.Wait()
	}
	switch {
	case s.stop.Load():
		w.mu.Unlock()
		return errStopped
	case w.err != nil:
		w.mu.Unlock()
		return lostError(w.err, false)
	}
	if w.buf == nil {
		w.buf = w.newBuf()
	}
	if !s.begun {
		s.begun, s.at = true, w.bufAt+int64(len(w.buf))
	}
	w.buf = w.buf[:len(fill(w.buf))]
	w.kick()
	return nil
}

// abort adds an ABORT_REQUEST for id.
func (w *muxWriter) abort(id uint16) {
	w.mu.Lock()
	if w.err != nil {
		w.mu.Unlock()
		return
	}
	if w.buf == nil {
		w.buf = w.newBuf()
	}
	w.buf = AppendAbort(w.buf, id)
	w.kick()
}

// kick unlocks mu and sees to it that the buffer is written.
func (w *muxWriter) kick() {
	if w.flushing {
		w.mu.Unlock()
		return
	}
	w.flushing = true
	if w.m.rc == nil {
		w.spawnLocked()
		w.mu.Unlock()
		return
	}
	w.mu.Unlock()
	runtime.Gosched()
	w.flush()
}

// flush writes until the buffer is empty or the kernel takes no more.
func (w *muxWriter) flush() {
	for w.swap() {
		if err := w.m.rc.Write(w.stepFn); err != nil {
			w.werr = err
		}
		if w.werr != nil {
			w.shut(w.werr)
			return
		}
		if len(w.pend) > 0 {
			w.mu.Lock()
			if w.err == nil {
				w.spawnLocked()
			}
			w.mu.Unlock()
			return
		}
	}
}

// swap takes the buffer to pend; false when it was empty, and flushing over.
func (w *muxWriter) swap() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.buf) == 0 || w.err != nil {
		w.flushing = false
		return false
	}
	if w.spare == nil {
		w.spare = w.newBuf()
	}
	w.pend, w.pendAt = w.buf, w.bufAt
	w.bufAt += int64(len(w.buf))
	w.buf, w.spare = w.spare[:0], w.buf
	w.cond.Broadcast()
	return true
}

// step writes once.
func (w *muxWriter) step(fd uintptr) bool {
	if !w.stake(len(w.pend)) {
		return true
	}
	n, err := sock.Write(fd, w.pend)
	if err != nil && err != sock.ErrAgain {
		w.werr = err
	}
	w.written(n)
	return true
}

// stake says that the first n bytes of pend are about to be written; false when
// they must not be any more. A request that finds the connection dead and its
// bytes beyond the claim was certainly not sent: either it sees the claim, or
// we see that writing is over.
func (w *muxWriter) stake(n int) bool {
	w.claim.Store(w.pendAt + int64(n))
	if w.dead.Load() {
		w.written(0)
		w.werr = net.ErrClosed
		return false
	}
	return true
}

// written takes n bytes off pend.
func (w *muxWriter) written(n int) {
	w.pend = w.pend[n:]
	w.pendAt += int64(n)
	w.claim.Store(w.pendAt)
}

// mayHaveSent says whether a byte at this position has left us or still may. The
// order of the two looks matters: see stake.
func (w *muxWriter) mayHaveSent(at int64) bool { return !w.dead.Load() || at < w.claim.Load() }

// spawnLocked leaves pend and what follows to a goroutine.
func (w *muxWriter) spawnLocked() {
	w.wg.Add(1)
	go w.flushWaiting() // ends when the buffer is empty or the connection over
}

func (w *muxWriter) flushWaiting() {
	defer w.wg.Done()
	defer w.since.Store(0)
	for {
		for len(w.pend) > 0 {
			w.since.Store(w.m.now())
			if err := w.writePiece(); err != nil {
				w.shut(err)
				return
			}
		}
		w.since.Store(0)
		if !w.swap() {
			return
		}
	}
}

// writePiece writes some of pend, waiting for the backend to take it.
func (w *muxWriter) writePiece() error {
	p := w.pend[:min(len(w.pend), bufferLen)]
	if !w.stake(len(p)) {
		return w.werr
	}
	n, err := w.m.nc.Write(p)
	w.written(n)
	return err
}

// shut ends writing. After an error of a write the read loop goes on: the
// backend may have answered before it closed.
func (w *muxWriter) shut(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = cause
		w.dead.Store(true)
	}
	w.cond.Broadcast()
}

// poke makes appenders look at their stop flags.
func (w *muxWriter) poke() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cond.Broadcast()
}
