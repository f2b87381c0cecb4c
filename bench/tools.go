package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/stub"
)

// runStub is the program "bench stub": the responder alone, until ctx ends.
func runStub(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("bench stub", flag.ContinueOnError)
	cfg := stub.Config{Failed: complain(os.Stderr)}
	fs.StringVar(&cfg.Socket, "socket", "", "path of the unix socket to listen on")
	fs.IntVar(&cfg.Size, "size", 128, "bytes of each body")
	fs.BoolVar(&cfg.Multiplex, "multiplex", false, "allow overlapping requests on a connection")
	if err := fs.Parse(args); err != nil {
		return err
	}
	s, err := stub.Listen(cfg)
	if err != nil {
		return fmt.Errorf("stub: %w", err)
	}
	return s.Serve(ctx)
}

// maxComplaints bounds what the stub writes when every request is broken.
const maxComplaints = 20

func complain(w io.Writer) func(error) {
	n := 0
	return func(err error) {
		if n++; n <= maxComplaints {
			fmt.Fprintln(w, err)
		}
	}
}

// runLoad is the program "bench load": the load generator alone.
func runLoad(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("bench load", flag.ContinueOnError)
	cfg := load.Config{Body: load.AnySize}
	target := fs.String("url", "", "what to ask for: http://IPv4:PORT/PATH")
	hold := fs.Int("hold", 0, "instead of a load, open that many connections, make one request on each and hold them for the time")
	fs.IntVar(&cfg.Clients, "clients", 64, "clients at the same time")
	fs.DurationVar(&cfg.Warmup, "warmup", time.Second/2, "time before the measured time")
	fs.DurationVar(&cfg.Duration, "time", 2*time.Second, "measured time")
	fs.DurationVar(&cfg.Pause, "pause", 0, "pause of a client after each answer")
	fs.BoolVar(&cfg.NewConn, "newconn", false, "a connection for each request")
	if err := fs.Parse(args); err != nil {
		return err
	}
	u, err := url.Parse(*target)
	if err != nil || u.Scheme != "http" || u.Port() == "" {
		return errors.New("-url must be http://IPv4:PORT/PATH")
	}
	cfg.Addr = u.Host
	cfg.Request = row{path: u.RequestURI(), newConn: cfg.NewConn}.request(u.Host)
	if *hold > 0 {
		return holdConnections(ctx, cfg, *hold, out)
	}
	r, err := load.Run(ctx, cfg)
	if err != nil {
		return err
	}
	printLoad(out, r)
	return nil
}

func printLoad(out io.Writer, r *load.Result) {
	least, most := r.MinMax()
	fmt.Fprintf(out, "%.0f answers/s, p50 %v, p99 %v, max %v\n", float64(r.Answers)/r.Elapsed.Seconds(),
		r.Latency.Quantile(0.5), r.Latency.Quantile(0.99), r.Latency.Max())
	fmt.Fprintf(out, "%d answers, per client %d to %d, longest without one at the end %v\n", r.Answers, least, most, r.Stalled)
	fmt.Fprintf(out, "%d errors, %d connections closed by the server\n", r.Errors, r.Closed)
	if r.First != nil {
		fmt.Fprintf(out, "first error: %v\n", r.First)
	}
}

func holdConnections(ctx context.Context, cfg load.Config, n int, out io.Writer) error {
	h, err := load.Hold(ctx, cfg.Addr, cfg.Request, n)
	if err != nil {
		return err
	}
	defer h.Close()
	fmt.Fprintf(out, "%d connections open\n", h.Open())
	select {
	case <-ctx.Done():
	case <-time.After(cfg.Duration):
	}
	fmt.Fprintf(out, "%d connections still open\n", h.Open())
	return nil
}
