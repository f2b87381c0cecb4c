package responder_test

import (
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// plan is how the requests for the bad script are answered.
type plan struct {
	scripts []script                // of the first, the second...; the last one stands for the rest
	by      func(q *request) script // if not nil, instead of scripts
	early   bool                    // the script runs when PARAMS have ended, and STDIN is read beside it
	deaf    bool                    // the script runs when PARAMS have ended, and nothing is read until it is over
}

// responder is a FastCGI server. It answers /good.php as it should, holds
// /hold.php until it is released, plays its plan for every other path.
type responder struct {
	mpxs   bool // it carries several requests on a connection, and says so
	answer part // to GET_VALUES, if not nil, instead
	addr   string
	plan   plan

	gates *gates // may be shared with other responders

	ln net.Listener
	wg sync.WaitGroup

	mu    sync.Mutex // guards what follows
	at    *progress  // of the client whose request the plan answers
	conns []*conn
	runs  []*request
}

// request is one that came in whole, or as far as its script waited for.
type request struct {
	conn   *conn
	id     uint16
	keep   bool
	params map[string]string
	body   []byte
}

func (r *request) path() string { return r.params["SCRIPT_NAME"] }

// listen starts a responder on a unix socket, or on a TCP port.
func (r *responder) listen(t testing.TB, network string) *responder {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(socketDir(t), "app")
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	r.ln, r.addr = ln, ln.Addr().String()
	if network == "unix" {
		r.addr = "unix:" + r.addr
	}
	if r.gates == nil {
		r.gates = newGates()
	}
	r.at = newProgress()
	r.wg.Go(r.accept) // ends when close closes the listener
	return r
}

func (r *responder) accept() {
	for {
		nc, err := r.ln.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		c := newConn(r, nc, len(r.conns)+1)
		r.conns = append(r.conns, c)
		r.mu.Unlock()
		r.wg.Go(c.serve) // ends with the connection
	}
}

// close closes everything and waits for it.
func (r *responder) close() {
	r.ln.Close()
	r.mu.Lock()
	for _, c := range r.conns {
		_ = c.close()
	}
	r.mu.Unlock()
	r.wg.Wait()
}

// begin notes a request and returns its script.
func (r *responder) begin(q *request) (script, *progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs = append(r.runs, q)
	if r.plan.by != nil && !ours(q.path()) {
		return r.plan.by(q), r.at
	}
	return r.scriptFor(q.path()), r.at
}

func (r *responder) scriptFor(path string) script {
	switch path {
	case "/good.php":
		return script{says(out(goodHead+"good"), end())}
	case "/hold.php":
		return script{tells(r.gates.held), until(r.gates.gate()), says(out(goodHead+"held"), end())}
	case "/neighbour.php":
		return script{
			says(out(goodHead + "one ")),
			drips(r.gates.gate(), out(".")), says(out(" two"), end()),
		}
	}
	list := r.plan.scripts
	n := r.countLocked(path)
	return list[min(n, len(list))-1]
}

const goodHead = "Content-Type: text/plain\r\n\r\n"

func (r *responder) countLocked(path string) int {
	n := 0
	for _, q := range r.runs {
		if q.path() == path {
			n++
		}
	}
	return n
}

// count returns how often a path was asked for.
func (r *responder) count(path string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.countLocked(path)
}

// last returns the latest request for a path, nil if there was none.
func (r *responder) last(path string) *request {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.runs) - 1; i >= 0; i-- {
		if r.runs[i].path() == path {
			return r.runs[i]
		}
	}
	return nil
}

// follow returns the progress of a client that is about to send its request.
func (r *responder) follow() *progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = newProgress()
	return r.at
}

// open returns how many connections have not ended.
func (r *responder) open() int {
	n := 0
	for _, c := range r.all() {
		if !c.isGone() {
			n++
		}
	}
	return n
}

// answerBy changes the plan.
func (r *responder) answerBy(f func(q *request) script) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plan = plan{by: f}
}

// first returns the first request for a path, nil if there was none.
func (r *responder) first(path string) *request {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.runs {
		if q.path() == path {
			return q
		}
	}
	return nil
}

// all returns the connections there have been.
func (r *responder) all() []*conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.conns)
}

// aborts returns how many ABORT_REQUEST records came.
func (r *responder) aborts() int {
	n := 0
	for _, c := range r.all() {
		n += c.aborted()
	}
	return n
}
