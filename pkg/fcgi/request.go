package fcgi

import "io"

// Request is one request to a backend. The byte slices belong to Do until it
// returns; it does not change them.
type Request struct {
	// Role defaults to RoleResponder.
	Role Role
	// KeepConn asks the backend to leave the connection open behind the reply.
	// A Mux always asks.
	KeepConn bool
	// Params holds the encoded name-value pairs (AppendPair), of any length.
	Params []byte
	// Stdin is a request body in memory.
	Stdin []byte
	// StdinReader is the body instead of Stdin: exactly StdinLen bytes are
	// read from it, on a goroutine that has ended when Do returns. When it
	// ends early the connection is given up (ErrStdinShort): a short STDIN
	// makes php-fpm wait for ever, and answer to the wrong request.
	StdinReader io.Reader
	// StdinLen is the length of StdinReader in bytes.
	StdinLen int64
	// StdinStop, if not nil, is called when the reply has ended or failed while
	// StdinReader is still being read; it should make a blocked Read return,
	// since Do waits for it.
	StdinStop func()
	// Data is the second stream of RoleFilter (section 6.4), in memory. The
	// other roles have none.
	Data []byte
	// DataFrom holds that stream instead of Data: exactly DataLen bytes from
	// its start are read, on a goroutine that has ended when Do returns, so
	// that a second Do sends the same. When it ends early the connection is
	// given up (ErrDataShort); what is beyond DataLen is not sent. A ReadAt
	// that waits makes Do wait.
	DataFrom io.ReaderAt
	// DataLen is the length of the stream in DataFrom in bytes.
	DataLen int64

	// Hold keeps the end of PARAMS back, from amid the last pair, until the
	// backend has read all before it, so that a connection that nobody takes
	// any more leaves no doubt: without that end no application can begin. It
	// costs a wake-up on either side. It works on a Conn on a
	// unix socket only, where the kernel tells what the peer has read, and with
	// PARAMS of less than 64 KiB; elsewhere it is ignored.
	Hold bool

	// Progress is set by Do before it returns.
	Progress Progress
}

// Progress says how far a request got, for an upper layer that decides whether
// it may be sent again.
type Progress struct {
	Sent     bool // at least one byte may have left us
	Received bool // at least one byte of a reply came
	// Withheld: because of Hold, what the application needs to begin has not
	// left us.
	Withheld bool
}

// Handler takes the reply of one request. All methods but Tick are called on
// the goroutine that called Do, in the order of arrival. An error from any of
// them ends the request, and Do returns that very error. Methods must not call
// the connection.
type Handler interface {
	// Stdout gets a piece of the reply; p is valid during the call only.
	Stdout(p []byte) error
	// Stderr gets a piece of what the application wrote to its error stream;
	// p is valid during the call only. Its amount is not bounded.
	Stderr(p []byte) error
	// Pause says that the backend has nothing more right now: what was
	// delivered since the last Pause should be passed on.
	Pause() error
	// Tick is called from the sweeper's goroutine, about once per tick, while
	// the request waits; possibly at the same time as another method. It must
	// not block. It is not called after Do has returned.
	Tick() error
}
