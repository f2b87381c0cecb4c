package server

import (
	"net"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// Session is a client connection that speaks another protocol than HTTP/1.1, as
// the server's books see it. The methods but Serve may be called from any
// goroutine at any time and do not wait.
type Session interface {
	// Serve serves the connection until it ends or has been drained. The server
	// closes the net.Conn behind it.
	Serve()
	// Idle reports whether no request is under way, so that the connection may
	// be closed to make room.
	Idle() bool
	// Drain tells the client that no new request is taken; Serve returns when
	// those under way have ended.
	Drain()
	// Cut ends requests under way (their exchanges are cancelled with
	// exchange.ErrCutOff) and makes Serve return.
	Cut()
}

// NewSession makes a session of a connection. first are bytes that were read
// from it already: with prior knowledge, the connection preface or a part of it.
type NewSession func(nc net.Conn, first []byte, info *exchange.ConnInfo) Session
