// Package http3 is HTTP/3 (RFC 9114): it makes an exchange of each request that
// comes over QUIC, hands it to one handler and sends the response.
//
// QUIC itself is quic-go's, and so is the coding of header fields (QPACK). The
// frames of HTTP/3 are read and written here and not by quic-go/http3, because
// that gives net/http's view of a request, which is not the one the other
// listeners give; because it bounds neither how long a request head may take
// nor the end of a connection that was told to go; and because its answers to
// refused requests appear in no log.
//
// # What becomes of a request
//
// The rules are those of package http1, so that a request means the same
// whatever protocol brought it. Fields come in order with lower-case names.
// Fields of the connection make a request malformed (RFC 9114 section 4.2); TE,
// Trailer, Expect and Proxy go no further; names with other bytes than letters,
// digits and '-' are dropped unless the configuration lists them; the parts of
// a cookie are joined to one field (section 4.2.1). Host is there once, with the
// value of :authority. Trailers are read and forgotten. A malformed request gets
// a 400 where section 4.1.2 would also allow a reset: that way its sender and
// the log learn why.
//
// # Bounds
//
// A client has at most Config.MaxStreams requests under way: a stream that was
// reset counts until its handler has returned, so that resetting streams starts
// no more than that (CVE-2023-44487). What is kept for one stream is bounded on
// both ways: by QUIC's flow control for what comes in, by an outbox for what
// goes out. There is no dynamic QPACK table, no server push, no 0-RTT (its
// requests can be replayed) and no datagrams. Clients prove their address before
// the handshake while many handshakes are under way (RFC 9000 section 8.1).
package http3
