package docroot

// current returns the directory that the root leads to, after another look at
// its path when that is due.
func (r *Root) current(now int64) (*pin, error) {
	if now >= r.next.Load() {
		r.recheck(now)
	}
	p := r.pin.Load()
	switch {
	case p == nil:
		return nil, ErrClosed
	case r.lost.Load():
		return nil, ErrNoRoot
	}
	return p, nil
}

// recheck resolves the root's path again. One goroutine does; the others go on
// with what is known.
func (r *Root) recheck(now int64) {
	if !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	old := r.pin.Load()
	if old == nil || now < r.next.Load() {
		return
	}
	defer r.next.Store(now + max(0, int64(r.opt.Valid)))
	same, err := old.same(r.path)
	if err == nil && !same {
		err = r.swap(old)
	}
	// A swap by "ln -sfn" removes the link for a moment: the first failure is
	// forgiven and the old directory serves on.
	r.lost.Store(err != nil && r.missed)
	r.missed = err != nil
}

func (r *Root) swap(old *pin) error {
	p, err := newPin(r.path, &r.opt, r.kernel2)
	if err != nil {
		return err
	}
	r.pin.Store(p)
	old.close()
	return nil
}
