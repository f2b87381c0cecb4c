package pool

import (
	"context"
	"sync"
	"time"
)

// share is one connection that carries several requests at once.
type share[C Conn] struct {
	member[C]
	users  int
	idleAt time.Time // since when users is zero
	dead   bool      // no new users; closed by the last one
}

// sharedSet holds the multiplexed connections of a pool. Requests fill one
// connection before another is opened: the fuller a connection, the more
// requests share one system call.
type sharedSet[C Conn] struct {
	p *Pool[C]

	mu      sync.Mutex // guards everything below; never held while dialling
	shares  []*share[C]
	dialing *dialing // one dial at a time; others join it
}

// dialing is a dial in flight; done is closed when it ended, err set before.
type dialing struct {
	done chan struct{}
	err  error
}

// join finds room for s on an open connection, or dials one.
func (t *sharedSet[C]) join(ctx context.Context, s *Slot[C]) (conn C, reused bool, err error) {
	for {
		t.mu.Lock()
		if sh := t.room(); sh != nil {
			sh.users++
			sh.uses++
			s.sh = sh
			t.mu.Unlock()
			t.p.sharedReuses.Add(1)
			return sh.conn, true, nil
		}
		d := t.dialing
		if d == nil {
			d = &dialing{done: make(chan struct{})}
			t.dialing = d
			t.mu.Unlock()
			return t.open(ctx, s, d)
		}
		t.mu.Unlock()
		select {
		case <-d.done:
			if d.err != nil && ctx.Err() == nil {
				return conn, false, d.err
			}
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return conn, false, context.Cause(ctx)
		}
	}
}

// room returns a live connection with a free stream. Callers hold mu.
func (t *sharedSet[C]) room() *share[C] {
	for i := 0; i < len(t.shares); i++ {
		sh := t.shares[i]
		switch {
		case sh.dead:
		case sh.worn(&t.p.cfg), sh.users == 0 && !sh.conn.Alive():
			t.retire(sh)
			i = -1 // the slice changed
		case sh.users < t.p.cfg.Streams:
			return sh
		}
	}
	return nil
}

func (t *sharedSet[C]) open(ctx context.Context, s *Slot[C], d *dialing) (conn C, reused bool, err error) {
	conn, err = t.p.dial(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dialing = nil
	if err == nil {
		sh := &share[C]{member: member[C]{conn: conn, have: true, born: time.Now(), uses: 1}, users: 1}
		t.shares = append(t.shares, sh)
		s.sh = sh
	} else if ctx.Err() == nil {
		d.err = err // the server's fault concerns all who joined; our caller's leaving does not
	}
	close(d.done)
	return conn, false, err
}

// leave ends s's use of its connection; broken retires the connection.
func (t *sharedSet[C]) leave(s *Slot[C], broken bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sh := s.sh
	s.sh = nil
	sh.users--
	if sh.users == 0 {
		sh.idleAt = time.Now()
	}
	switch {
	case sh.dead && sh.users == 0:
		t.close(sh)
	case !sh.dead && (broken || !t.p.cfg.Keep && sh.users == 0):
		t.retire(sh)
	}
}

// retire takes sh out of the set; its last user closes it. Callers hold mu.
func (t *sharedSet[C]) retire(sh *share[C]) {
	sh.dead = true
	for i := range t.shares {
		if t.shares[i] == sh {
			t.shares = append(t.shares[:i], t.shares[i+1:]...)
			break
		}
	}
	if sh.users == 0 {
		t.close(sh)
	}
}

func (t *sharedSet[C]) close(sh *share[C]) {
	sh.conn.Close()
	t.p.open.Add(-1)
}

// closeIdle retires connections idle for longer than older; below zero means
// all that are idle.
func (t *sharedSet[C]) closeIdle(older time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.shares) - 1; i >= 0; i-- {
		sh := t.shares[i]
		if sh.users == 0 && (older < 0 || time.Since(sh.idleAt) > older) {
			t.retire(sh)
		}
	}
}
