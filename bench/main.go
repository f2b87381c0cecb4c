// Command bench measures fcgigw, nginx and Caddy side by side.
//
// Every row of the measurement is a kind of work. In each round the gateways
// take turns at it, each freshly started with a warm-up before the measured
// time, so that what slows the machine for a while slows all of them. The
// figure that decides is the CPU time of the gateway's whole process tree per
// request, as a ratio to nginx in the same round: requests per second also
// depend on the load generator and the responder, which share the machine.
//
//	go run ./bench                                  # everything, writes bench/RESULTS.md
//	go run ./bench -rows stub-128 -gateways nginx,fcgigw -rounds 3 -seconds 1 -out ""
//	go run ./bench -scenario all                    # proofs with php-fpm, writes bench/SCENARIOS.md
//	go run ./bench stub -socket /run/x.sock -size 128   # the responder alone
//	go run ./bench load -url http://127.0.0.1:8080/ -clients 64
//
// nginx and php-fpm are taken from the machine, strace too if it is there,
// Caddy is built once from its module into the user's cache directory and
// fcgigw from this tree.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

func main() {
	// Started programs are told to die with the thread that started them: that
	// has to be this one, which lives as long as the process.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "stub":
			return runStub(ctx, args[1:])
		case "load":
			return runLoad(ctx, args[1:], out)
		}
	}
	opts, err := parseOptions(args)
	if err != nil {
		return err
	}
	if len(opts.scenarios) > 0 {
		return runScenarios(ctx, opts, out)
	}
	return runSuite(ctx, opts, out)
}
