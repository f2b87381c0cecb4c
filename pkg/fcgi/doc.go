// Package fcgi speaks FastCGI 1.0 as a client: a record codec that allocates
// nothing, Conn for backends that serve one request at a time (php-fpm), and
// Mux for backends that interleave many requests on one connection.
//
// # Codec
//
// Encoding appends to a caller's slice; decoding returns slices of the
// caller's input. Streams of any size are split in records (AppendStream), and
// Parser takes records apart as their bytes arrive, so that no record has to
// be held whole.
//
// # Connections
//
// A request is one call of Do, which hands the reply to a Handler on the
// caller's goroutine. Nothing is trusted: every record's type and id is
// checked, END_REQUEST is required for a reply to be complete, and a
// connection on which anything odd happened is closed rather than reused.
// Request.Progress and the error sentinels tell an upper layer what it needs to
// decide about a second attempt; this package never makes one.
//
// Timeouts are kept by a sock.Sweeper shared by all connections: they are
// coarse, up to one of its ticks early or late, and cost no timer per request.
//
// Section numbers in comments are those of the FastCGI Specification 1.0.
package fcgi
