// Package sock holds what the gateway does to sockets beneath net.Conn: reads
// that wait first instead of trying first, writes that never wait, a coarse
// sweeper that replaces per-request deadlines, and a lot where idle
// connections wait without a goroutine.
//
// Why it exists: net.Conn.Read always tries a read before it waits, one wasted
// system call per wait, and SetReadDeadline per request costs a runtime timer
// each time. Both show on a gateway whose CPU is 80 % system calls. Everything
// here works on file descriptors that stay registered with the Go runtime's
// poller; connections without one (TLS, pipes in tests) take the ordinary path
// of their net.Conn.
package sock
