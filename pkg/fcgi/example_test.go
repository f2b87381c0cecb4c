package fcgi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// reply is the simplest Handler: it keeps what comes. A Handler for replies of
// any size would pass them on.
type reply struct{ out, stderr bytes.Buffer }

func (r *reply) Stdout(p []byte) error { r.out.Write(p); return nil }
func (r *reply) Stderr(p []byte) error { r.stderr.Write(p); return nil }
func (r *reply) Pause() error          { return nil }
func (r *reply) Tick() error           { return nil }

// greeter is the program behind the examples: it greets whom the variable NAME
// names. The socket it listens on is removed by stop.
func greeter(mpxs bool) (socket string, stop func()) {
	return program(mpxs, func(w *fcgitest.Response, r *fcgitest.Request) {
		fmt.Fprintf(w, "Status: 200\r\n\r\nhello %s", r.Params["NAME"])
	})
}

func program(mpxs bool, h fcgitest.Handler) (socket string, stop func()) {
	dir, err := os.MkdirTemp("", "fcgi")
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "app.sock"))
	if err != nil {
		panic(err)
	}
	s := &fcgitest.Server{Mpxs: mpxs, Handler: h}
	go s.Serve(l) // ends with s.Close
	return l.Addr().String(), func() { s.Close(); os.RemoveAll(dir) }
}

// One request on a connection of its own.
func Example() {
	socket, stop := greeter(false) // such as "/run/php/php-fpm.sock"
	defer stop()

	nc, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Println(err)
		return
	}
	conn := fcgi.NewConn(nc, fcgi.Config{})
	defer conn.Close()

	var params []byte
	params = fcgi.AppendPair(params, "REQUEST_METHOD", "GET")
	params = fcgi.AppendPair(params, "NAME", "Ann")
	r := new(reply)
	end, err := conn.Do(&fcgi.Request{Params: params}, r)
	fmt.Printf("%q, exit status %d, %v\n", r.out.String(), end.AppStatus, err)
	// Output: "Status: 200\r\n\r\nhello Ann", exit status 0, <nil>
}

// Several requests on one connection, which the backend is asked to keep.
func ExampleConn() {
	socket, stop := greeter(false)
	defer stop()
	nc, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Println(err)
		return
	}
	conn := fcgi.NewConn(nc, fcgi.Config{})
	defer conn.Close()

	for _, name := range []string{"Ann", "Bob"} {
		r := new(reply)
		req := &fcgi.Request{KeepConn: true, Params: fcgi.AppendPair(nil, "NAME", name)}
		if _, err := conn.Do(req, r); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%q, may carry another: %v\n", r.out.String(), conn.Reusable())
	}
	// Output:
	// "Status: 200\r\n\r\nhello Ann", may carry another: true
	// "Status: 200\r\n\r\nhello Bob", may carry another: true
}

// A body that is not in memory is read as it is sent. Its length must be known:
// FastCGI programs expect a CONTENT_LENGTH, and php-fpm one that is true.
func ExampleRequest_body() {
	socket, stop := program(false, func(w *fcgitest.Response, r *fcgitest.Request) {
		fmt.Fprintf(w, "%d bytes came", len(r.Stdin))
	})
	defer stop()
	nc, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Println(err)
		return
	}
	conn := fcgi.NewConn(nc, fcgi.Config{})
	defer conn.Close()

	const size = 5 << 20
	file := io.LimitReader(strings.NewReader(strings.Repeat("some data ", size/10)), size)
	r := new(reply)
	_, err = conn.Do(&fcgi.Request{
		Params:      fcgi.AppendPair(nil, "CONTENT_LENGTH", fmt.Sprint(size)),
		StdinReader: file,
		StdinLen:    size,
	}, r)
	fmt.Println(r.out.String(), err)
	// Output: 5242880 bytes came <nil>
}

// printer is a Handler that passes the reply on as it comes.
type printer struct{ paused chan bool }

func (printer) Stdout(p []byte) error { fmt.Printf("stdout: %s\n", p); return nil }
func (printer) Stderr(p []byte) error { fmt.Printf("stderr: %s\n", p); return nil }

// Pause is the time to flush what was buffered of the pieces before.
func (h printer) Pause() error {
	fmt.Println("-- nothing more for now")
	h.paused <- true
	return nil
}
func (printer) Tick() error { return nil }

// What a program writes to its error stream comes apart from its reply, and both
// come as they are written, so a stream of events is passed on without delay.
func ExampleHandler() {
	paused := make(chan bool, 1)
	socket, stop := program(false, func(w *fcgitest.Response, _ *fcgitest.Request) {
		w.Stderr([]byte("PHP Warning: look out"))
		w.WriteString("event 1")
		w.Flush()
		<-paused
		w.WriteString("event 2")
	})
	defer stop()
	nc, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Println(err)
		return
	}
	conn := fcgi.NewConn(nc, fcgi.Config{})
	defer conn.Close()

	_, err = conn.Do(new(fcgi.Request), printer{paused})
	fmt.Println(err)
	// Output:
	// stderr: PHP Warning: look out
	// stdout: event 1
	// -- nothing more for now
	// stdout: event 2
	// <nil>
}

// Timeouts and Tick come from a Sweeper, which all connections share.
func ExampleConfig_timeouts() {
	socket, stop := program(false, func(_ *fcgitest.Response, r *fcgitest.Request) {
		<-r.Aborted // never answers
	})
	defer stop()
	sweeper := sock.NewSweeper(0) // looks ten times a second
	defer sweeper.Close()
	cfg := fcgi.Config{
		Sweeper:     sweeper,
		ReadTimeout: 200 * time.Millisecond, // between two pieces of the reply
		SendTimeout: 10 * time.Second,       // for each piece of the request
		Buffers:     new(fcgi.Buffers),
	}

	nc, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Println(err)
		return
	}
	conn := fcgi.NewConn(nc, cfg)
	defer conn.Close()
	req := new(fcgi.Request)
	_, err = conn.Do(req, new(reply))
	fmt.Println(err, errors.Is(err, fcgi.ErrReadTimeout), req.Progress.Received)
	// Output: fcgi: backend sent nothing in time true false
}

// The codec alone: the records of a request, taken apart again.
func ExampleParser() {
	var b []byte
	b = fcgi.AppendBegin(b, 1, fcgi.Begin{Role: fcgi.RoleResponder})
	b = fcgi.AppendStream(b, fcgi.TypeParams, 1, fcgi.AppendPair(nil, "NAME", "Ann"))
	b = fcgi.AppendStreamEnd(b, fcgi.TypeParams, 1)
	b = fcgi.AppendStreamEnd(b, fcgi.TypeStdin, 1)

	var parser fcgi.Parser
	for len(b) > 0 {
		part, used, err := parser.Next(b)
		if err != nil || part.Type == 0 {
			break // broken, or more input is needed
		}
		b = b[used:]
		fmt.Print(part.Type)
		if part.Type == fcgi.TypeParams && !part.EOS {
			name, value, _, err := fcgi.NextPair(part.Payload)
			fmt.Printf(" %s=%s %v", name, value, err)
		}
		fmt.Println()
	}
	// Output:
	// BEGIN_REQUEST
	// PARAMS NAME=Ann <nil>
	// PARAMS
	// STDIN
}
