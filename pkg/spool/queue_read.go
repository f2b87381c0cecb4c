package spool

// Next waits for bytes and returns the oldest unread ones, at most 64 KiB. The
// slice is valid until the next call of Next or Read and must not be written
// to. last says that all was written and nothing comes after p; p is empty then
// if the end was not known with the bytes before. The error is that of
// CloseWrite, ErrClosed, or one of the disk.
func (q *Queue) Next() (p []byte, last bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.releaseLocked()
	for !q.closed && !q.ended && q.unreadLocked() == 0 {
		q.more.Wait()
	}
	switch {
	case q.closed:
		return nil, false, ErrClosed
	case q.head != nil:
		q.held = q.head
		p = q.head.data()
		q.heldN = len(p)
		return p, q.lastLocked(q.head.next == nil && q.from == q.to), nil
	case q.from < q.to:
		return q.readDiskLocked()
	}
	return nil, q.err == nil, q.err
}

// lastLocked reports whether the end was written, given that nothing is left
// after what is being read.
func (q *Queue) lastLocked(drained bool) bool { return drained && q.ended && q.err == nil }

// releaseLocked gives back what the previous Next returned.
func (q *Queue) releaseLocked() {
	c := q.held
	if c == nil {
		return
	}
	q.held = nil
	if c != q.head {
		q.store.giveBack(c) // a chunk read from disk
		return
	}
	c.r += q.heldN
	q.mem -= int64(q.heldN)
	if c.r == c.w {
		q.head = c.next
		if q.head == nil {
			q.tail = nil
		}
		q.store.giveBack(c)
	}
	q.madeRoomLocked()
}

func (q *Queue) madeRoomLocked() {
	q.full = false
	q.room.Signal()
}

// readDiskLocked takes the next piece of the file into a chunk. It lets go of mu
// while the disk works: the writer writes past q.to only, and the file is
// emptied only here.
func (q *Queue) readDiskLocked() ([]byte, bool, error) {
	c := q.store.readChunk()
	f, off := q.file, q.from
	n := min(largeChunk, q.to-off)
	q.mu.Unlock()
	m, err := f.readAt(c.buf[:n], off)
	q.mu.Lock()
	if q.closed {
		q.store.giveBack(c)
		return nil, false, ErrClosed
	}
	if int64(m) < n {
		q.store.giveBack(c)
		return nil, false, err
	}
	q.from += n
	q.held = c
	err = q.shrinkLocked()
	q.madeRoomLocked()
	return c.buf[:n], q.lastLocked(q.from == q.to), err
}

// shrinkLocked gives back disk that was read: all of it when the reader has
// caught up, which brings new bytes back into memory, else whole steps of the
// file's beginning where the file system can.
func (q *Queue) shrinkLocked() error {
	if q.from == q.to && !q.writing {
		if err := q.file.truncate(); err != nil {
			return err
		}
		q.store.release(&q.store.disk, q.onDisk)
		q.from, q.to, q.punched, q.onDisk = 0, 0, 0, 0
		return nil
	}
	step := (q.from - q.punched) / punchStep * punchStep
	if step > 0 && q.file.punch(q.punched, step) {
		q.punched += step
		q.onDisk -= step
		q.store.release(&q.store.disk, step)
	}
	return nil
}
