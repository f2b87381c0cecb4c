// Package load puts an HTTP/1.1 server under a closed-loop load: each of a
// fixed number of clients sends a request, waits for the whole answer, pauses
// if told so, and sends the next. All clients run on one epoll loop in the
// calling goroutine, so that the load costs little and the same against every
// server.
//
// A closed loop hides starvation: a client that never gets an answer adds
// nothing to the latencies. Therefore answers are also counted per client.
package load
