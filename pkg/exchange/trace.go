package exchange

import "time"

// Trace collects what became of a request, for its access record. Durations
// that did not happen are zero.
type Trace struct {
	Start time.Time // the head was complete

	Site, Location string // as the configuration names them
	Backend        string
	Server         string // address of the server that answered last

	Queue     time.Duration // waited for a worker
	Connect   time.Duration // dialling, when a new connection was needed
	FirstByte time.Duration // from the request being sent to the first reply byte
	Upstream  time.Duration // from the request being sent to the end of the reply

	Tries     int   // attempts at a backend; above 1 means replays
	Reused    bool  // the last attempt ran on a kept connection
	AppStatus int32 // FastCGI appStatus of the reply
	BodyIn    int64 // request body bytes received

	// Authorized is the time from Start until the last authorizer had allowed
	// the request; what it took of a backend is in no other field.
	Authorized time.Duration
	// User is who the request is from, as an authorizer said (REMOTE_USER). It
	// lives as long as the exchange.
	User []byte

	Err    error    // why the gateway answered with an error or aborted
	Stderr []string // the application's stderr lines, bounded and escaped
	// StderrDropped counts bytes of stderr beyond the bound.
	StderrDropped int64

	Span Span // where the request is in a distributed trace

	id []byte
}

func (t *Trace) reset() {
	stderr := t.Stderr[:0]
	*t = Trace{Stderr: stderr}
}

// Authorize notes that an authorizer has allowed the request, now. What the
// trace told of its backend is forgotten, for the backend of the answer.
func (t *Trace) Authorize(now time.Time) {
	t.Authorized = now.Sub(t.Start)
	t.Backend, t.Server = "", ""
	t.Queue, t.Connect, t.FirstByte, t.Upstream = 0, 0, 0, 0
	t.Tries, t.Reused, t.AppStatus = 0, false, 0
}

// ID returns the request's identifier, empty until SetID.
func (t *Trace) ID() []byte { return t.id }

// SetID names the request. id must live as long as the exchange.
func (t *Trace) SetID(id []byte) { t.id = id }
