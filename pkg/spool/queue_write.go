package spool

import "errors"

// Write appends p, which is not kept. It never waits for the reader. With fewer
// bytes than len(p) taken it returns ErrTooLarge (the queue's bound), ErrNoSpace
// (the store's limit or the disk), ErrClosed or an error of the disk; after the
// first two the writer may WaitRoom and go on with the rest.
func (q *Queue) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.ended {
		return 0, ErrClosed
	}
	var over error
	if room := q.total - q.unreadLocked(); q.total > 0 && int64(len(p)) > room {
		p, over = p[:max(0, room)], ErrTooLarge
	}
	n, err := q.writeLocked(p)
	if err == nil {
		err = over
	}
	q.full = err == ErrTooLarge || errors.Is(err, ErrNoSpace)
	return n, err
}

func (q *Queue) writeLocked(p []byte) (int, error) {
	n := 0
	for n < len(p) && q.from == q.to && q.mem < q.memMax {
		fits := min(int64(len(p)-n), q.memMax-q.mem)
		m, err := q.writeMemLocked(p[n : n+int(fits)])
		n += m
		if err != nil {
			return n, err
		}
	}
	if n == len(p) {
		return n, nil
	}
	m, err := q.writeDiskLocked(p[n:])
	return n + m, err
}

func (q *Queue) writeMemLocked(p []byte) (int, error) {
	if q.tail == nil || len(q.tail.free()) == 0 {
		if err := q.addLocked(len(p)); err != nil {
			return 0, err
		}
	}
	n := q.tail.fill(p)
	q.mem += int64(n)
	q.more.Signal()
	return n, nil
}

// addLocked appends a chunk for about n bytes, larger than the one before: who
// lags once will lag on.
func (q *Queue) addLocked(n int) error {
	size := sizeFor(n)
	if q.tail != nil {
		size = max(size, min(4*len(q.tail.buf), largeChunk))
	}
	c, err := q.store.chunk(size)
	if err != nil {
		return err
	}
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.next = c
	}
	q.tail = c
	return nil
}

// writeDiskLocked appends to the file. It lets go of mu while the disk works;
// the reader sees the bytes when they are all there.
func (q *Queue) writeDiskLocked(p []byte) (int, error) {
	if q.file == nil {
		f, err := q.store.newFile()
		if err != nil {
			return 0, err
		}
		q.file = f
	}
	if err := q.store.reserve(&q.store.disk, int64(len(p))); err != nil {
		return 0, err
	}
	q.onDisk += int64(len(p))
	f, off := q.file, q.to
	q.writing = true
	q.mu.Unlock()
	n, err := f.writeAt(p, off)
	q.mu.Lock()
	q.writing = false
	if q.closed {
		return 0, ErrClosed
	}
	q.to += int64(n)
	q.onDisk -= int64(len(p) - n)
	q.store.release(&q.store.disk, int64(len(p)-n))
	q.more.Signal()
	return n, err
}
