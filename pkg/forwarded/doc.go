// Package forwarded tells who a request is from when proxies stand before the
// gateway, and tells the servers behind it the same.
//
// What a client says of its own way here (X-Forwarded-*, Forwarded, X-Real-IP)
// proves nothing. Only a Policy's proxies are believed, and only for the hops
// that they vouch for: the list of addresses is read from its end, where the
// proxy that is connected to us wrote, as long as each address is again that of
// a trusted proxy. The first that is not is the client. An address that is
// missing, hidden or broken ends the search; the last good one counts then.
//
// All of the fields are taken off the request, whoever sent them: what is true
// of them is in exchange.ConnInfo afterwards, and what is not is worth nothing.
// X-Forwarded-Prefix and others that say nothing of an address stay when a
// trusted proxy sent them.
package forwarded
