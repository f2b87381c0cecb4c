package fcgi

import (
	"errors"
	"os"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// muxReader is the state of a Mux's read loop, which owns it.
type muxReader struct {
	in      inbox
	touched []*stream // to be woken behind the present read
	held    *stream   // whose mu is held from one part to the next
	err     error
}

// readLoop reads and sorts replies until the connection is over, which it then
// closes. It is the only reader.
func (m *Mux) readLoop() {
	defer close(m.done)
	err := m.readAll()
	m.fail(err)
	_ = m.nc.Close()
	m.rd.in.drop()
	if m.cfg.Sweeper != nil {
		m.cfg.Sweeper.Remove((*muxWatch)(m))
	}
}

// readAll returns why it ended.
func (m *Mux) readAll() error {
	step := m.readStep
	for {
		var err error
		if m.rc != nil {
			err = m.rc.Read(step)
		} else {
			err = m.readPlain()
		}
		if err == nil {
			err = m.rd.err
		}
		if !m.onlyLook(err) {
			return err
		}
	}
}

// onlyLook says whether err comes from Sweep's nudge: read again.
func (m *Mux) onlyLook(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || !m.look.nudged.Swap(false) {
		return false
	}
	m.mu.Lock() // against fail, which sets the deadline too
	defer m.mu.Unlock()
	return m.err == nil && m.nc.SetReadDeadline(time.Time{}) == nil
}

// readStep is the callback of RawConn.Read; it returns true at an error.
func (m *Mux) readStep(fd uintptr) bool {
	for {
		b := m.rd.in.space()
		n, err := sock.Read(fd, b)
		if err == sock.ErrAgain {
			m.rd.in.rest()
			return false
		}
		if err == nil {
			err = m.sort(n)
		}
		if err != nil {
			m.rd.err = err
			return true
		}
		if n < len(b) {
			m.rd.in.rest()
			return false
		}
	}
}

func (m *Mux) readPlain() error {
	for {
		n, err := m.nc.Read(m.rd.in.space())
		if n > 0 {
			if err := m.sort(n); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		m.rd.in.rest()
	}
}

// sort serves n bytes that were read and wakes those that got something, once
// each.
func (m *Mux) sort(n int) error {
	m.look.reads.Add(1)
	m.rd.in.filled(n)
	now := m.now()
	var part Part
	var err error
	for err == nil {
		if part, err = m.rd.in.next(); err != nil || part.Type == 0 {
			break
		}
		err = m.route(part, now)
	}
	m.letGo()
	m.wakeTouched()
	return err
}

func (m *Mux) wakeTouched() {
	for _, s := range m.rd.touched {
		s.touch = false
		notify(s.wake)
	}
	m.rd.touched = m.rd.touched[:0]
}

// route gives a part to its stream.
func (m *Mux) route(part Part, now int64) error {
	if management(part) {
		return nil
	}
	s := m.hold(part.ID)
	if s == nil {
		return &ProtocolError{What: "foreign request id", ID: part.ID, Type: part.Type}
	}
	if part.Type.stream() && !s.fitsLocked(len(part.Payload)) {
		m.awaitRoom(s, len(part.Payload))
	}
	zombieEnded, err := s.takeLocked(part, now)
	if err != nil {
		return err
	}
	if zombieEnded {
		m.letGo() // mu comes before a stream's
		m.zombieEnded()
		return nil
	}
	if !s.touch {
		s.touch = true
		m.rd.touched = append(m.rd.touched, s)
	}
	return nil
}

// hold locks the stream of a part. It stays locked for the parts that follow,
// since a short reply is several of them. It is nil when the id was never used.
func (m *Mux) hold(id uint16) *stream {
	if s := m.rd.held; s != nil && s.id == id {
		return s
	}
	m.letGo()
	s := m.lookup(id)
	if s != nil {
		s.mu.Lock()
		m.rd.held = s
	}
	return s
}

// letGo unlocks the stream that is held, if one is.
func (m *Mux) letGo() {
	if s := m.rd.held; s != nil {
		m.rd.held = nil
		s.mu.Unlock()
	}
}

// awaitRoom waits until the buffer of s, which is held, takes n more bytes: its
// caller is held up by disk or CPU, or has not been scheduled yet, and nobody's
// records behind these can be had before. When that takes too long s is
// cancelled, and its further content dropped.
func (m *Mux) awaitRoom(s *stream, n int) {
	m.letGo()
	m.wakeTouched() // nobody shall wait for s's caller needlessly
	notify(s.wake)
	t := time.NewTimer(m.cfg.Stall)
	defer t.Stop()
	for !s.fits(n) {
		select {
		case <-s.room:
		case <-t.C:
			s.cancel(ErrOverrun)
		}
	}
	s.mu.Lock()
	m.rd.held = s
}

// fits says whether n bytes may be added or will not be.
func (s *stream) fits(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fitsLocked(n)
}

func (s *stream) fitsLocked(n int) bool {
	return s.over || s.dropsLocked() || len(s.in.data)+n <= s.m.cfg.StreamBuffer
}

func (s *stream) dropsLocked() bool { return s.phase != phaseActive || s.err != nil }

// takeLocked adds a part to the stream; zombieEnded says that it ended an
// abandoned request.
func (s *stream) takeLocked(part Part, now int64) (zombieEnded bool, err error) {
	switch {
	case s.phase == phaseSpent && part.reply():
		return false, nil
	case s.phase == phaseFree || s.over:
		return false, &ProtocolError{What: "no such request", ID: part.ID, Type: part.Type}
	}
	s.received, s.since, s.reads = true, now, s.m.look.reads.Load()
	s.over, err = s.reply.take(part, (*sink)(s))
	if err == nil && s.over && s.phase == phaseZombie {
		s.phase = phaseSpent
		return true, nil
	}
	return false, err
}

// reply says whether p is of a type that replies consist of.
func (p *Part) reply() bool {
	return p.Type == TypeStdout || p.Type == TypeStderr || p.Type == TypeEndRequest
}

// sink is a stream as the read loop fills it, with mu held.
type sink stream

// Stdout implements outputs.
func (s *sink) Stdout(p []byte) error { return s.add(p, false) }

// Stderr implements outputs.
func (s *sink) Stderr(p []byte) error { return s.add(p, true) }

func (s *sink) add(p []byte, stderr bool) error {
	if !(*stream)(s).dropsLocked() {
		s.in.add(p, stderr)
	}
	return nil
}
