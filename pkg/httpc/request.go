package httpc

import (
	"io"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// Request is one request as Conn.Do sends it.
type Request struct {
	Head []byte // a whole head, from AppendHead
	Body []byte // the body, if it is in memory
	// BodyReader gives the body when it is not; BodyLen is its exact length. It
	// is read on another goroutine, and not any more when Do has returned.
	BodyReader io.Reader
	BodyLen    int64

	IsHead  bool   // the method is HEAD: the reply has no body
	Upgrade []byte // the protocol that Head asks to switch to; empty: none

	// Into gets the heads of the reply (Reply.Begin).
	Into *exchange.Response

	// Progress is filled by Do.
	Progress Progress
}

// Progress tells how far a request came.
type Progress struct {
	Sent     bool // something of the request was written
	Received bool // something of a reply came
	Beyond   bool // something stood behind the end of the reply
}

// Handler takes a reply. All methods but Tick are called on the goroutine that
// called Do. An error from any of them ends the request, and Do returns that
// very error. Methods must not call the connection.
type Handler interface {
	Parts
	// Begun says that the first byte of the reply has come.
	Begun()
	// Pause says that the server has nothing more right now: what was delivered
	// should be passed on.
	Pause() error
	// Tick is called from the sweeper's goroutine, about once per tick, while the
	// request waits; possibly at the same time as another method. It must not
	// block. It is not called after Do has returned.
	Tick() error
}
