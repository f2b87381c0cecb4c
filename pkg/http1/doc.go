// Package http1 is HTTP/1.1 on the wire (RFC 9112): it reads request heads and
// chunked bodies, and writes response heads and chunk framing. Everything is a
// function of byte slices: no sockets, no goroutines, no allocations on the way
// of a well formed message.
//
// # Strictness
//
// A request means one thing or is refused. Lines end in CRLF; a bare LF, a
// bare CR, NUL and other control bytes, obs-fold and space before a colon are
// errors (RFC 9112 sections 2.2, 5.1 and 5.2). Where a recipient may repair
// framing or may refuse it, this one refuses: Content-Length with
// Transfer-Encoding, more than one of either, lists in them, a transfer coding
// in HTTP/1.0, and any coding but one "chunked" (sections 6.1 to 6.3). The one
// thing tolerated is an empty line before the request line (section 2.2).
//
// # What becomes of the fields
//
// Request.Header gets the fields in order, names in lower case, except:
//
//   - fields of the connection (RFC 9110 section 7.6.1): Connection and what it
//     names, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding and
//     Upgrade. What they say is in Meta. A Connection that names Host or a
//     Content- field is an error: it would have an application read the content
//     as what it is not. Anything else a client lists it loses, Authorization,
//     Cookie and X-Forwarded-For included; what the gateway adds later is not
//     touched. Proxy-Authorization is not on that section's list and stays.
//   - Expect: it is the listener's to answer.
//   - Proxy: it would be HTTP_PROXY in a CGI program's environment.
//   - names with other bytes than letters, digits and '-', unless Limits allows
//     them: as CGI variables they would be taken for other fields. Like Proxy
//     they are dropped without an error and counted in Meta.Dropped.
//
// Host stays and holds the winner: with a target in absolute form it is the
// target's authority (RFC 9112 section 3.2.2). Content-Length stays, so that a
// length of zero can be told from none; Request.ContentLength is what counts.
//
// # Trailers
//
// The fields behind a chunked body are read, held against the grammar and a
// bound, and dropped, as RFC 9110 section 6.5.1 lets a recipient do: a FastCGI
// server has its params before the body, and no field that came behind it may be
// taken for one that was judged before, such as Authorization or Host.
//
// # Buffers
//
// A head is parsed where it lies: field names are lower-cased in place, and all
// slices of the Exchange alias the buffer, which must stay unchanged as long as
// the exchange.
package http1
