package pool

import (
	"context"
	"slices"
	"sync"
)

// share is one connection that carries several requests at once.
type share[C Conn] struct {
	member[C]
	users  int
	idleAt int64 // Unix nanoseconds; since when users is zero
	dead   bool  // no new users; closed by the last one, for the reason why
	why    Reason
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
			return sh.conn, true, nil
		}
		d := t.dialing
		if d == nil {
			d = t.begin()
			t.mu.Unlock()
			conn, err = t.open(ctx, s, d)
			return conn, false, err
		}
		t.mu.Unlock()
		if err := d.wait(ctx); err != nil {
			return conn, false, err
		}
	}
}

// dialMore opens a connection with s as its first user, unless MaxConns are
// open; a dial under way will do as well.
func (t *sharedSet[C]) dialMore(ctx context.Context, s *Slot[C]) error {
	t.mu.Lock()
	d := t.dialing
	if d != nil || len(t.shares) >= t.p.cfg.MaxConns {
		t.mu.Unlock()
		if d == nil {
			return nil
		}
		return d.wait(ctx)
	}
	d = t.begin()
	t.mu.Unlock()
	_, err := t.open(ctx, s, d)
	return err
}

// wait waits for the dial to end and returns its error or that of ctx.
func (d *dialing) wait(ctx context.Context) error {
	select {
	case <-d.done:
		if d.err != nil && ctx.Err() == nil {
			return d.err
		}
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// room returns a live connection with a free stream. Callers hold mu.
func (t *sharedSet[C]) room() *share[C] {
	for i := 0; i < len(t.shares); i++ {
		sh := t.shares[i]
		if why, over := t.unfit(sh); over {
			t.retire(sh, why)
			i = -1 // the slice changed
		} else if sh.users < t.p.cfg.Streams {
			return sh
		}
	}
	return nil
}

// unfit reports whether sh may have no more users, and why. Callers hold mu.
func (t *sharedSet[C]) unfit(sh *share[C]) (why Reason, over bool) {
	if why, over = sh.worn(&t.p.cfg); over {
		return why, true
	}
	return ClosedByPeer, sh.users == 0 && !sh.conn.Alive()
}

// begin notes a dial. Callers hold mu.
func (t *sharedSet[C]) begin() *dialing {
	t.dialing = &dialing{done: make(chan struct{})}
	return t.dialing
}

// open makes the dial d, with s as the first user of the connection.
func (t *sharedSet[C]) open(ctx context.Context, s *Slot[C], d *dialing) (conn C, err error) {
	conn, err = t.p.dial(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dialing = nil
	if err == nil {
		s.sh = &share[C]{member: newMember(conn, &t.p.cfg), users: 1}
		t.shares = append(t.shares, s.sh)
	} else if ctx.Err() == nil {
		d.err = err // the server's fault concerns all who joined; our caller's leaving does not
	}
	close(d.done)
	return conn, err
}

// leave ends s's use of its connection at now; unless keep, the connection gets
// no new users.
func (t *sharedSet[C]) leave(s *Slot[C], keep bool, now int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sh := s.sh
	s.sh = nil
	sh.users--
	if sh.users == 0 {
		sh.idleAt = now
	}
	why, over := t.p.parting(keep, now)
	switch {
	case sh.dead && sh.users == 0:
		t.close(sh)
	case !sh.dead && over && (sh.users == 0 || !keep):
		t.retire(sh, why)
	}
}

// retire takes sh out of the set; its last user closes it. Callers hold mu.
func (t *sharedSet[C]) retire(sh *share[C], why Reason) {
	sh.dead, sh.why = true, why
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
	t.p.closed[sh.why].Add(1)
}

// closeIdle retires the connections that have been idle for too long at now.
func (t *sharedSet[C]) closeIdle(now int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	stay := 0
	for _, sh := range slices.Clone(t.shares) {
		if sh.users > 0 {
			continue
		}
		if why, over := t.p.outlived(&sh.member, now-sh.idleAt, stay); over {
			t.retire(sh, why)
		} else {
			stay++
		}
	}
}

// closeAll retires every idle connection.
func (t *sharedSet[C]) closeAll(why Reason) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, sh := range slices.Clone(t.shares) {
		if sh.users == 0 {
			t.retire(sh, why)
		}
	}
}

// idle returns how many connections have no user.
func (t *sharedSet[C]) idle() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, sh := range t.shares {
		if sh.users == 0 {
			n++
		}
	}
	return n
}
