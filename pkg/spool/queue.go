package spool

import (
	"io"
	"sync"
)

// punchStep is how much of a file must have been read before its blocks are
// given back; a multiple of every file system's block size.
const punchStep = 1 << 20

// Queue carries bytes from one writing to one reading goroutine. The writer
// never waits for the reader: what is beyond the memory bound goes to disk.
// What was read is given back, memory at once and disk in steps of 1 MiB.
//
// Older bytes are in memory, newer ones in the file: while the file holds
// unread bytes everything new goes there.
type Queue struct {
	store  *Store
	memMax int64
	total  int64

	mu   sync.Mutex
	more *sync.Cond // the reader waits for bytes or an end
	room *sync.Cond // the writer waits in WaitRoom

	// All guarded by mu.
	head, tail *chunk // in memory, oldest first
	mem        int64  // unread bytes in chunks, those the reader holds included
	file       *file  // nil until needed
	from, to   int64  // unread part of the file
	punched    int64  // up to here the file's blocks were given back
	onDisk     int64  // bytes accounted for the file
	writing    bool   // the writer is at the file, without mu
	full       bool   // the last Write was cut short for lack of room
	ended      bool   // no more will be written
	err        error  // why, if not because all was written
	closed     bool

	held  *chunk // the chunk whose bytes the reader has, if any
	heldN int    // how many bytes of it
	rest  []byte // for Read; the reader's alone
}

// Queue returns an empty queue that keeps up to memMax unread bytes in memory
// and up to total unread bytes altogether; total 0 means no bound of its own.
// The caller closes it.
func (s *Store) Queue(memMax, total int64) *Queue {
	q := &Queue{store: s, memMax: max(0, memMax), total: total}
	q.more = sync.NewCond(&q.mu)
	q.room = sync.NewCond(&q.mu)
	return q
}

// Len returns the number of bytes written and not yet taken from the queue;
// those the reader holds in memory count until its next call.
func (q *Queue) Len() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.unreadLocked()
}

func (q *Queue) unreadLocked() int64 { return q.mem + q.to - q.from }

// CloseWrite ends the writing. The reader still gets what was written, then
// the end if err is nil and err otherwise. Only the first call counts.
func (q *Queue) CloseWrite(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return
	}
	q.ended, q.err = true, err
	q.more.Broadcast()
}

// WaitRoom waits, after a Write that was cut short, until the reader has taken
// something: the way to slow the writer down instead of giving up. It returns
// ErrClosed when the queue is closed and ErrNoSpace when waiting is in vain,
// because others fill the store and this queue is empty.
func (q *Queue) WaitRoom() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.full && !q.closed {
		if q.unreadLocked() == 0 {
			return ErrNoSpace
		}
		q.room.Wait()
	}
	if q.closed {
		return ErrClosed
	}
	return nil
}

// Close gives everything back and wakes both sides, which get ErrClosed. Any
// goroutine may call it at any time; the slice the reader may still hold stays
// intact. Only the first call counts; it never fails.
func (q *Queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	q.closed = true
	q.dropMemoryLocked()
	if q.file != nil {
		q.store.release(&q.store.disk, q.onDisk)
		q.file.close()
	}
	q.mem, q.onDisk, q.from, q.to = 0, 0, 0, 0
	q.more.Broadcast()
	q.room.Broadcast()
	return nil
}

// dropMemoryLocked gives back every chunk but the one that the reader may be
// reading at this moment, which is left to the garbage collector.
func (q *Queue) dropMemoryLocked() {
	for c := q.head; c != nil; {
		next := c.next
		if c != q.held {
			q.store.giveBack(c)
		}
		c = next
	}
	if q.held != nil {
		q.store.forget(q.held)
	}
	q.head, q.tail, q.held = nil, nil, nil
}

// Read is Next for an io.Reader; the two may not be mixed. It returns io.EOF at
// the end of what was written completely.
func (q *Queue) Read(p []byte) (int, error) {
	if len(q.rest) == 0 {
		part, last, err := q.Next()
		if err != nil {
			return 0, err
		}
		if len(part) == 0 && last {
			return 0, io.EOF
		}
		q.rest = part
	}
	n := copy(p, q.rest)
	q.rest = q.rest[n:]
	return n, nil
}
