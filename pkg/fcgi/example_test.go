package fcgi_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// printer is a Handler that shows the reply.
type printer struct{}

func (printer) Stdout(p []byte) error { fmt.Printf("%s\n", p); return nil }
func (printer) Stderr(p []byte) error { fmt.Printf("stderr: %s\n", p); return nil }
func (printer) Pause() error          { return nil }
func (printer) Tick() error           { return nil }

// backend starts a responder that greets, and returns a connection to it.
func backend(mpxs bool) (nc net.Conn, stop func()) {
	dir, err := os.MkdirTemp("", "fcgi")
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "app.sock"))
	if err != nil {
		panic(err)
	}
	s := &fcgitest.Server{Mpxs: mpxs, Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		fmt.Fprintf(w, "hello %s, you sent %q", r.Params["NAME"], r.Stdin)
	}}
	go s.Serve(l) // ends with s.Close
	if nc, err = net.Dial("unix", l.Addr().String()); err != nil {
		panic(err)
	}
	return nc, func() { s.Close(); os.RemoveAll(dir) }
}

func ExampleConn() {
	nc, stop := backend(false)
	defer stop()
	sweeper := sock.NewSweeper(0) // one for all connections
	defer sweeper.Close()

	conn := fcgi.NewConn(nc, fcgi.Config{Sweeper: sweeper, ReadTimeout: time.Minute})
	defer conn.Close()
	for _, name := range []string{"Ann", "Bob"} {
		var params []byte
		params = fcgi.AppendPair(params, "NAME", name)
		params = fcgi.AppendPair(params, "CONTENT_LENGTH", "4")
		end, err := conn.Do(&fcgi.Request{KeepConn: true, Params: params, Stdin: []byte("data")}, printer{})
		fmt.Println(end.AppStatus, err, conn.Reusable())
	}
	// Output:
	// hello Ann, you sent "data"
	// 0 <nil> true
	// hello Bob, you sent "data"
	// 0 <nil> true
}

func ExampleMux() {
	nc, stop := backend(true)
	defer stop()

	values, err := fcgi.Probe(nc, time.Second)
	if err != nil || !values.Mpxs {
		fmt.Println("one request at a time: use a Conn", err)
		return
	}
	mux := fcgi.NewMux(nc, fcgi.MuxConfig{Streams: 100})
	defer mux.Close()
	// Any number of goroutines may do this at the same time.
	end, err := mux.Do(&fcgi.Request{Params: fcgi.AppendPair(nil, "NAME", "Ann")}, printer{})
	fmt.Println(end.AppStatus, err, mux.Free())
	// Output:
	// hello Ann, you sent ""
	// 0 <nil> 100
}
