package worker

import (
	"context"
	"os"
	"time"
)

// supervise starts php-fpm again whenever it dies, until the pool's life ends.
func (p *Pool) supervise() {
	defer close(p.done)
	defer p.conf.Events.stopped()
	defer p.dir.remove()

	wait := firstBackoff
	for born := time.Now(); p.current() != nil; born = time.Now() {
		err := p.outlive()
		if time.Since(born) > maxBackoff {
			wait = firstBackoff // it had been well
		}
		for err != nil && p.life.Err() == nil {
			p.conf.Events.died(err, wait)
			if !p.pause(wait) {
				return
			}
			wait = min(2*wait, maxBackoff)
			err = p.launch(p.life)
		}
	}
}

// outlive waits for the running master to end and says how it ended.
func (p *Pool) outlive() error {
	m := p.current()
	if p.life.Err() != nil {
		m.quit() // it came up after Stop had looked for it
	}
	<-m.exited
	p.setCurrent(nil)
	return m.err
}

// pause waits for d and reports whether the pool is still wanted.
func (p *Pool) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return p.life.Err() == nil
	case <-p.life.Done():
		return false
	}
}

// launch starts a master and waits until it accepts connections. After an
// error no process of it is left.
func (p *Pool) launch(ctx context.Context) error {
	born := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, p.conf.StartTimeout, ErrStartTimeout)
	defer cancel()

	_ = os.Remove(p.dir.socket()) // of a master that was killed; prepare made sure nobody listens
	m, err := startMaster(p.cmd)
	if err != nil {
		return err
	}
	if err := m.awaitListening(ctx, p.dir.socket()); err != nil {
		m.kill()
		<-m.exited
		return err
	}
	p.setCurrent(m)
	p.conf.Events.started(m.pid(), time.Since(born))
	return nil
}
