package observe

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap/zapcore"
)

const (
	// queueMax bounds the bytes of a log that wait to be written; records beyond
	// it are dropped and counted.
	queueMax = 1 << 20
	// flushWait bounds how long Sync and Stop wait for a reader that does not read.
	flushWait = 2 * time.Second
)

var errFlush = errors.New("observe: a log could not be flushed in time")

// queue writes records on a goroutine of its own, so that no request ever waits
// for whoever reads the log: a pipe whose reader has stopped, a full disk, a
// slow network file system.
type queue struct {
	out   zapcore.WriteSyncer
	delay time.Duration // how long records may be gathered
	note  func(dropped int) []byte
	wake  chan struct{} // holds one
	quit  chan struct{}
	done  chan struct{}
	once  sync.Once

	mu      sync.Mutex // guards what follows; not held while writing
	buf     []byte
	dropped int
	busy    bool  // a write is under way
	err     error // the first failed write since the last Sync
}

// newQueue starts the writing goroutine; Stop ends it. note makes the record
// that tells of dropped ones.
func newQueue(out zapcore.WriteSyncer, delay time.Duration, note func(int) []byte) *queue {
	q := &queue{
		out: out, delay: delay, note: note,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go q.run() // ends with Stop, or with the write that is then under way
	return q
}

// Write takes p, or drops it when too much waits already. It never fails.
func (q *queue) Write(p []byte) (int, error) {
	q.mu.Lock()
	if len(q.buf)+len(p) > queueMax {
		q.dropped++
	} else {
		q.buf = append(q.buf, p...)
	}
	full := len(q.buf) > queueMax/4
	q.mu.Unlock()
	if full || q.delay == 0 {
		q.poke()
	}
	return len(p), nil
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) run() {
	defer close(q.done)
	var tick <-chan time.Time
	if q.delay > 0 {
		t := time.NewTicker(q.delay)
		defer t.Stop()
		tick = t.C
	}
	var spare []byte
	for {
		select {
		case <-q.quit:
			q.flush(spare)
			return
		case <-q.wake:
		case <-tick:
		}
		spare = q.flush(spare)
	}
}

// flush writes what has gathered and returns the buffer it wrote.
func (q *queue) flush(spare []byte) []byte {
	q.mu.Lock()
	batch, dropped := q.buf, q.dropped
	q.buf, q.dropped = spare[:0], 0
	q.busy = len(batch) > 0 || dropped > 0
	q.mu.Unlock()
	var err error
	if len(batch) > 0 {
		_, err = q.out.Write(batch)
	}
	if dropped > 0 {
		_, _ = q.out.Write(q.note(dropped))
	}
	q.mu.Lock()
	q.busy = false
	if q.err == nil {
		q.err = err
	}
	q.mu.Unlock()
	return batch
}

// Sync waits until everything taken so far is written, but not for ever, and
// returns what went wrong since the last Sync.
func (q *queue) Sync() error {
	for deadline := time.Now().Add(flushWait); ; time.Sleep(time.Millisecond) {
		q.poke()
		q.mu.Lock()
		idle, err := len(q.buf) == 0 && !q.busy, q.err
		if idle {
			q.err = nil
		}
		q.mu.Unlock()
		if idle {
			return err
		}
		if time.Now().After(deadline) {
			return errFlush
		}
	}
}

// Stop flushes and ends the goroutine. When the reader does not read, it gives
// up: the goroutine then ends with the process.
func (q *queue) Stop() error {
	err := q.Sync()
	q.once.Do(func() { close(q.quit) })
	select {
	case <-q.done:
		return err
	case <-time.After(flushWait):
		return errors.Join(err, errFlush)
	}
}

// dropNote makes the record of dropped records in the log's own form.
func dropNote(f form) func(int) []byte {
	enc := encoder(f)
	return func(n int) []byte {
		entry := zapcore.Entry{
			Level: zapcore.WarnLevel, Time: time.Now(),
			Message: fmt.Sprintf("%d log records were dropped: nobody reads them fast enough", n),
		}
		buf, err := enc.EncodeEntry(entry, nil)
		if err != nil {
			return nil
		}
		return append([]byte(nil), buf.Bytes()...)
	}
}
