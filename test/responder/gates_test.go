package responder_test

import "sync"

// gates are where requests wait for the test.
type gates struct {
	held chan struct{} // a value for each /hold.php that waits

	mu   sync.Mutex // guards open
	open chan struct{}
}

func newGates() *gates {
	return &gates{held: make(chan struct{}, 64), open: make(chan struct{})}
}

// gate is what those who come now wait for.
func (g *gates) gate() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// letGo ends the wait of all who are here.
func (g *gates) letGo() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
	g.open = make(chan struct{})
}

// tells leaves a value in ch.
func tells(ch chan<- struct{}) step {
	return func(*play) error { ch <- struct{}{}; return nil }
}
