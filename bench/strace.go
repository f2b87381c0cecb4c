package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/proc"
	"github.com/fcgigw/fcgigw/bench/rig"
)

// straceTime is how long a gateway runs under strace. Traced, it is many times
// slower, but what it asks of the kernel per request stays roughly the same.
const straceTime = 700 * time.Millisecond

// countCalls adds the system calls per request of each gateway to the result.
func (s *suite) countCalls(ctx context.Context, rr *rowResult) {
	path := findStrace()
	if path == "" {
		rr.note("system calls not counted: no strace")
		return
	}
	for _, gateway := range rr.gateways {
		if ctx.Err() != nil || len(rr.samples[gateway]) == 0 {
			continue
		}
		calls, err := s.callsOf(ctx, path, rr.row, gateway)
		if err != nil {
			rr.note("system calls of %s not counted: %v", gateway, err)
			continue
		}
		rr.calls[gateway] = calls
	}
}

func (s *suite) callsOf(ctx context.Context, strace string, r row, gateway string) (_ float64, err error) {
	up, err := s.start(ctx, r, gateway, -1)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, up.stop()) }()
	summary := filepath.Join(s.dir, "strace.txt")
	tracer, err := startStrace(ctx, strace, s.dir, summary, up.gateway.PID())
	if err != nil {
		return 0, err
	}
	cfg := s.loadOf(r, up.gateway.Addr)
	cfg.Warmup, cfg.Duration = 0, straceTime // the whole load is counted
	res, err := load.Run(ctx, cfg)
	if err = errors.Join(err, tracer.Interrupt()); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(summary)
	if err != nil {
		return 0, err
	}
	total, err := totalCalls(string(text))
	if err != nil || res.Answers == 0 {
		return 0, errors.Join(err, fmt.Errorf("%d answers under strace", res.Answers))
	}
	return float64(total) / float64(res.Answers), nil
}

// attachTime bounds how long strace may take to attach to every process.
const attachTime = 5 * time.Second

// startStrace returns when strace has said of every process that it is
// attached: what is called before that would be missing from the count.
func startStrace(ctx context.Context, path, dir, summary string, pid int) (*rig.Process, error) {
	ids, err := proc.Descendants(pid)
	if err != nil {
		return nil, err
	}
	args := []string{path, "-c", "-f", "-o", summary}
	for _, id := range ids {
		args = append(args, "-p", strconv.Itoa(id))
	}
	p, err := rig.Start(rig.Command{Name: "strace", Args: args, Dir: dir})
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(attachTime); strings.Count(p.Log(), " attached") < len(ids); {
		if ctx.Err() != nil || time.Now().After(end) {
			return nil, errors.Join(errors.New("strace did not attach: "+p.Log()), p.Interrupt())
		}
		time.Sleep(5 * time.Millisecond)
	}
	return p, nil
}

// totalCalls finds the number of calls in the last line of "strace -c".
func totalCalls(summary string) (int, error) {
	for line := range strings.Lines(summary) {
		f := strings.Fields(line)
		if len(f) >= 4 && f[len(f)-1] == "total" {
			return strconv.Atoi(f[3])
		}
	}
	return 0, errors.New("no total in the summary of strace")
}
