package main

import (
	"time"

	"github.com/fcgigw/fcgigw/bench/rig"
)

// backendKind is what stands behind the gateway in a row.
type backendKind int

const (
	noBackend backendKind = iota
	stubBackend
	phpBackend
)

// row is one kind of work that the gateways are compared at.
type row struct {
	name     string
	title    string
	gateways []string // the first is what the others are compared to
	backend  backendKind
	size     int // bytes of the body
	path     string
	clients  int
	conns    int // backend connections a gateway may use
	keep     bool
	mux      bool
	newConn  bool
	pause    time.Duration
	times    int // multiple of the measured time, where little is done per second
	// idle makes the row one of memory: that many clients make one request
	// each and stay connected.
	idle int
	// target is the largest good value for fcgigw: CPU as a ratio to nginx, or
	// in a row of memory the bytes per client more than nginx. 0 means none.
	target float64
	// fair asks that no client get less than half of what another gets.
	fair bool
}

const (
	phpPath     = "/index.php"
	helloBody   = "Hello, world\n"
	phpChildren = 8
)

func allRows() []row {
	three := []string{rig.Nginx, rig.Caddy, rig.Fcgigw}
	four := []string{rig.Nginx, rig.NginxKept, rig.Caddy, rig.Fcgigw}
	return []row{
		{
			name: "stub-128", title: "128 B replies, one request at a time per kept backend connection, 64 clients",
			gateways: three, backend: stubBackend, size: 128, path: phpPath, clients: 64, conns: 64, keep: true, target: 0.9,
		},
		{
			name: "stub-128-mux", title: "128 B replies from a multiplexing backend (only fcgigw can use that), 64 clients",
			gateways: three, backend: stubBackend, size: 128, path: phpPath, clients: 64, conns: 64, keep: true, mux: true, target: 0.7,
		},
		{
			name: "stub-10k", title: "10 KB replies, one request at a time per kept backend connection, 64 clients",
			gateways: three, backend: stubBackend, size: 10 << 10, path: phpPath, clients: 64, conns: 64, keep: true,
		},
		{
			name: "stub-newconn", title: "128 B replies, a client connection for each request, 64 clients",
			gateways: three, backend: stubBackend, size: 128, path: phpPath, clients: 64, conns: 64, keep: true, newConn: true,
		},
		{
			name: "php-light", title: "php-fpm hello, 8 children, 32 clients that pause 20 ms",
			gateways: four, backend: phpBackend, size: len(helloBody), path: phpPath, clients: 32, conns: phpChildren,
			pause: 20 * time.Millisecond, times: 2, target: 0.8, fair: true,
		},
		{
			name: "php-busy", title: "php-fpm hello, 8 children, 32 clients without a pause",
			gateways: four, backend: phpBackend, size: len(helloBody), path: phpPath, clients: 32, conns: phpChildren,
			target: 0.8, fair: true,
		},
		{
			name: "static-1k", title: "static file of 1 KB, 64 clients",
			gateways: three, size: 1 << 10, path: "/small.txt", clients: 64,
		},
		{
			name: "static-64k", title: "static file of 64 KB, 64 clients",
			gateways: three, size: 64 << 10, path: "/large.txt", clients: 64,
		},
		{
			name: "idle", title: "memory of 2 000 client connections that made one request each and then stay idle",
			gateways: three, backend: stubBackend, size: 128, path: phpPath, clients: 16, conns: 64, keep: true, idle: 2000, target: 4096,
		},
	}
}

func rowNames(rows []row) []string {
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.name
	}
	return names
}

// request is what every client of the row sends: the fields of a browser,
// none of them long.
func (r row) request(addr string) []byte {
	head := "GET " + r.path + " HTTP/1.1\r\n" +
		"Host: " + addr + "\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
		"Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n" +
		"Accept-Language: en-US,en;q=0.5\r\n" +
		"Accept-Encoding: gzip, deflate, br\r\n" +
		"Cookie: session=0123456789abcdef\r\n"
	if r.newConn {
		head += "Connection: close\r\n"
	}
	return []byte(head + "\r\n")
}

// idleRounds is enough for memory, which hardly varies from run to run.
const idleRounds = 3

// rounds is how many rounds the row takes.
func (r row) rounds(asked int) int {
	if r.idle > 0 {
		return min(asked, idleRounds)
	}
	return asked
}

// runTime is the measured time of one run.
func (r row) runTime(base time.Duration) time.Duration { return base * time.Duration(max(r.times, 1)) }
