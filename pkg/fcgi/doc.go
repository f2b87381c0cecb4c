// Package fcgi speaks FastCGI 1.0 as a client: a record codec that allocates
// nothing, [Conn] for backends that serve one request at a time on a connection
// (php-fpm), and [Mux] for backends that interleave many. Section numbers in
// comments are those of the FastCGI Specification 1.0.
//
// # A request
//
// Dial the backend by whatever means, wrap the connection, and call Do. The
// request's variables are name-value pairs ([AppendPair]) that PHP finds in
// $_SERVER; a responder needs REQUEST_METHOD, a CONTENT_LENGTH that is true, and
// what the program asks for (php-fpm: SCRIPT_FILENAME). The body is in memory
// ([Request].Stdin) or read as it is sent (StdinReader, of known length). Do
// gives the reply to a [Handler], piece by piece as it arrives, and returns when
// it is over. What arrives is a CGI response: a header with an optional Status
// line, an empty line, a body. This package does not look into it.
//
// Nothing is trusted: every record's type and id is checked, END_REQUEST is
// required for a reply to be complete, and a connection on which anything odd
// happened is closed rather than reused. A reply for which Do has returned an
// error is not whole, however much of it was delivered.
//
// # Who owns what
//
//   - NewConn and NewMux take the net.Conn over; it is closed with them.
//   - The slices and readers of a Request belong to Do until it returns. They
//     are not changed.
//   - The slice that a Handler gets is valid during the call only.
//   - The Handler's methods are called on the goroutine that called Do, one at a
//     time, but for Tick, which comes from the Sweeper's. None is called when Do
//     has returned. None may call the connection it is on.
//   - A Conn belongs to one goroutine at a time; Close may come from any. A Mux
//     is for everyone.
//   - Conn and Mux must be closed, also behind an error. Both Closes wait for
//     what runs, and may be called again.
//   - A [Buffers] and a sock.Sweeper are shared by all connections, and outlive
//     them.
//
// # Time
//
// Timeouts are kept by a sock.Sweeper: they are coarse, up to one of its ticks
// early or late, and cost no timer per request. It also calls [Handler].Tick,
// which is where a caller ends a request for reasons of its own: a deadline, a
// context, a client that has left.
//
// # Multiplexing
//
// Ask the backend with [Probe] whether it can, since one that cannot mixes
// requests up: php-fpm answers a second one on the same connection with an empty
// reply. A Mux carries up to MuxConfig.Streams requests at a time, and
// FastCGI has no flow control: what one Handler does not take stands in the way
// of all. So a Handler of a Mux must not wait for a peer of its own. Either it
// takes everything (into memory, a file), or it returns an error, which ends its
// own request and no other.
//
// # Pools
//
// Package pool, beside this one, hands out connections of either kind: as many
// as the backend has workers, with a bounded queue. A type of a few lines makes a
// pool.Conn of a Conn or a Mux; see the examples. [Conn.Reusable] and
// [Mux.Reusable] say whether to give a connection back.
//
// # Errors
//
// This package never sends a request twice. [Request].Progress and the error
// tell whether the caller may. Errors are tested with errors.Is, a ProtocolError
// with errors.As:
//
//	error             what happened                          the backend may have run it
//	ErrClosed         closed on our side, or a Mux that is   only if Progress.Sent
//	                  over: use another connection
//	ErrBusy           Conn.Do while it serves another        no
//	ErrNoStream       Mux.Do while all streams are in use    no
//	ErrStale          the connection ended before any byte   only if Progress.Sent, and not
//	                  of the reply                           Withheld
//	ErrOverloaded     it refused, it has too much to do      no
//	ErrCantMultiplex  it refused, it serves another request  no
//	                  of that connection
//	ErrUnknownRole    it refused, it cannot play the role    no
//	ErrTruncated      the connection ended within the reply  yes
//	ErrReadTimeout    it sent nothing for ReadTimeout        yes, unless Progress.Withheld
//	ErrSendTimeout    it took nothing for SendTimeout        yes, with less than the request
//	*ProtocolError    what came is no reply                  yes
//	ErrOverrun        Mux: the Handler took too long         yes
//	ErrStdinShort     the body's reader ended too soon       yes, with less than the request
//	ErrDataShort      the filter data's ended too soon       yes, with less than the request
//	any other         the Handler's, or the reader's         yes, if Progress.Sent
//
// Behind any of them a Conn is closed, except that ErrBusy concerns another
// request and a refusal leaves it as it is. Of a Mux, ErrClosed, ErrStale,
// ErrTruncated, ErrSendTimeout and mostly *ProtocolError come with the end of the
// connection (Mux.Err); all others mean the one request.
//
// # Codec
//
// For other uses than a client's: encoding appends to a caller's slice; decoding
// returns slices of the caller's input. Streams of any size are split in records
// ([AppendStream]), and [Parser] takes records apart as their bytes arrive, so
// that no record has to be held whole.
package fcgi
