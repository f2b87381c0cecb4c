// Package http2 is the server side of HTTP/2 (RFC 9113): a Conn reads frames
// from one connection, makes an exchange of each stream and sends what its
// handler answers.
//
// # Goroutines and locks
//
// One goroutine, in Serve, reads frames and is the only one that opens streams,
// so it never waits for a client, a handler or the socket's other direction.
// Every request runs on a goroutine of the server's crew. What both touch is
// guarded by Conn.mu; nothing waits while it is held. Locks are taken in the
// order Server.mu, Conn.mu; crew.mu is taken alone.
//
// # Output
//
// Frames are appended to the connection's buffer, and whoever appended writes
// it to the socket unless somebody does already. No such write waits: what the
// kernel does not take is left to a goroutine that does and that ends when
// everything is out. Control frames go first; streams that find the buffer full
// wait in a queue and get a frame each in turn.
//
// # Bounds
//
// A client makes us hold, per connection: the streams it was allowed, the
// connection's receive window of bodies, one header block, the output buffer.
// What costs work but no memory is counted against budgets (flood.go) that
// refill with time and with useful work; a client that uses one up is told
// ENHANCE_YOUR_CALM. Streams count as running until their handler returns,
// whatever was reset, so resets start no more work than the stream limit.
package http2
