// Package httpc is the client's side of HTTP/1.1 (RFC 9112), for one request at
// a time on a connection to a server of our own.
//
// # What is sent
//
// AppendHead writes a request head of an exchange: the target as it came, Host
// as the client meant it, the client's fields without those of its connection
// (RFC 9110 section 7.6.1), and what the gateway knows of the client. A body has
// a Content-Length always: it was received whole before, so the server sees no
// chunks and no Expect.
//
// # What is believed
//
// Reply reads a response as RFC 9112 section 6.3 says, and whatever two readers
// could measure differently is an error: lines that do not end in CRLF, folded
// lines, spaces before a colon, control bytes, more than one Content-Length, a
// list in it, both framings, any transfer coding but one "chunked", a transfer
// coding in HTTP/1.0, a 101 that nobody asked for. A reply that is cut is
// ErrTruncated. Only one without any framing ends with its connection, if that
// ends in order: that cannot be told from a server that died, and a server that
// cares declares a length.
//
// Fields of the connection are dropped, and those that Connection names, and
// X-Accel-* and X-Sendfile, which a server means for its gateway. Chunk
// extensions and trailers are checked, bounded and dropped.
//
// # When a connection is kept
//
// It carries another request only if the reply was complete by its own framing,
// nothing stood behind it, the whole request had been taken, and neither side
// said close. Before anything is sent on a kept connection it is looked at: what
// came on it unasked would be taken for the reply (response smuggling), so a
// connection on which anything came is stale, and it is certain that nothing was
// sent.
package httpc
