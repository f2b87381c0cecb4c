package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/rig"
	"github.com/fcgigw/fcgigw/bench/stub"
)

// suite is what all runs of one comparison share.
type suite struct {
	opts     options
	dir      string // temporary, removed at the end
	root     string // document root
	self     string // this program, which is also the stub
	programs map[string]string
	php      string // empty if there is none
	progress io.Writer
}

// runSuite measures all rows and writes the results.
func runSuite(ctx context.Context, o options, out io.Writer) error {
	module, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	s, err := newSuite(o, os.Stderr)
	if err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	began := time.Now()
	res := results{opts: o}
	s.programs, res.notes = findPrograms(ctx, o, module, s.dir)
	if s.php, err = rig.FindPHP(); err != nil {
		res.notes = append(res.notes, "rows with php-fpm are left out: "+err.Error())
	}
	res.machine = machineLine(began)
	res.versions = versionsLine(ctx, o, s.programs, s.php)
	for _, r := range o.rows {
		rr, err := s.row(ctx, r)
		if err != nil {
			return err
		}
		res.rows = append(res.rows, rr)
	}
	res.took = time.Since(began)
	text := res.markdown()
	fmt.Fprint(out, text)
	return save(o.out, module, text)
}

// save writes the results beneath the module root, unless the path is absolute.
func save(path, module, text string) error {
	if path == "" {
		return nil
	}
	return os.WriteFile(beneath(path, module), []byte(text), 0o644)
}

func beneath(path, module string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(module, path)
}

func newSuite(o options, progress io.Writer) (*suite, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "fcgigw-bench-")
	if err != nil {
		return nil, err
	}
	s := &suite{opts: o, dir: dir, root: filepath.Join(dir, "www"), self: self, progress: progress}
	if err := s.writeFiles(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// writeFiles makes the document root. Workers may run as other users, hence
// the open modes.
func (s *suite) writeFiles() error {
	files := map[string][]byte{
		"index.php": []byte("<?php header('Content-Type: text/plain'); echo \"Hello, world\\n\";\n"),
		"small.txt": stub.Body(1 << 10),
		"large.txt": stub.Body(64 << 10),
	}
	err := errors.Join(os.Chmod(s.dir, 0o755), os.Mkdir(s.root, 0o755))
	for name, content := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(s.root, name), content, 0o644))
	}
	if s.opts.profiles != "" {
		err = errors.Join(err, os.MkdirAll(s.opts.profiles, 0o755))
	}
	return err
}

// maxFailed is after how many failed runs a gateway is left out of a row: each
// may have taken its time to fail.
const maxFailed = 2

// row measures one row: rounds in which the gateways take turns, then the
// system calls. Runs that fail are noted and left out; the error is only for
// the end of ctx.
func (s *suite) row(ctx context.Context, r row) (rowResult, error) {
	rr := rowResult{row: r, samples: make(map[string][]sample), calls: make(map[string]float64), failed: make(map[string]int)}
	if r.backend == phpBackend && s.php == "" {
		return rr, nil
	}
	for _, name := range r.gateways {
		if s.programs[rig.Program(name)] != "" {
			rr.gateways = append(rr.gateways, name)
		}
	}
	for round := range r.rounds(s.opts.rounds) {
		for i := range rr.gateways {
			name := rr.gateways[(i+round)%len(rr.gateways)] // nobody is always the first
			if rr.failed[name] >= maxFailed {
				continue
			}
			if err := s.into(ctx, &rr, name, round); err != nil {
				return rr, err
			}
		}
	}
	if s.opts.strace && r.idle == 0 {
		s.countCalls(ctx, &rr)
	}
	return rr, ctx.Err()
}

// into adds the sample of one run to the row's result.
func (s *suite) into(ctx context.Context, rr *rowResult, gateway string, round int) error {
	measure := s.measure
	if rr.row.idle > 0 {
		measure = s.measureIdle
	}
	sm, err := measure(ctx, rr.row, gateway, round)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		rr.failed[gateway]++
		rr.note("%s, round %d failed: %v", gateway, round+1, err)
		fmt.Fprintf(s.progress, "%-12s round %d %-10s failed: %v\n", rr.row.name, round+1, gateway, err)
		return nil
	}
	if sm.first != nil {
		rr.note("%s, round %d: %d errors, first: %v", gateway, round+1, sm.errors, sm.first)
	}
	rr.samples[gateway] = append(rr.samples[gateway], sm)
	fmt.Fprintf(s.progress, "%-12s round %d %-10s %s\n", rr.row.name, round+1, gateway, sm.brief(rr.row))
	return nil
}

// site is a gateway with its backend, up and checked.
type site struct {
	gateway *rig.Gateway
	backend *rig.Process // nil for static files
}

// start starts backend and gateway for a row and asks for the page once.
func (s *suite) start(ctx context.Context, r row, gateway string, round int) (*site, error) {
	up := &site{}
	setup := rig.Setup{
		Dir: s.dir, Root: s.root, Workers: s.opts.workers, Programs: s.programs, BackendLines: s.opts.lines, Clients: r.idle,
		Backend: rig.Backend{Conns: r.conns, Keep: r.keep, Multiplex: r.mux},
	}
	if s.opts.profiles != "" {
		file := fmt.Sprintf("%s-%s-%d.pprof", r.name, gateway, round+1)
		setup.Env = []string{"FCGIGW_CPUPROFILE=" + filepath.Join(s.opts.profiles, file)}
	}
	var err error
	if r.backend != noBackend {
		setup.Backend.Socket = filepath.Join(s.dir, "app.sock")
		if up.backend, err = s.startBackend(ctx, r, setup.Backend.Socket); err != nil {
			return nil, err
		}
	}
	if up.gateway, err = rig.StartGateway(ctx, gateway, setup); err == nil {
		err = s.check(ctx, r, up.gateway.Addr)
	}
	if err != nil {
		return nil, errors.Join(err, up.stop())
	}
	return up, nil
}

func (s *suite) startBackend(ctx context.Context, r row, socket string) (*rig.Process, error) {
	if r.backend == phpBackend {
		return rig.StartPHP(ctx, rig.PHP{Binary: s.php, Dir: s.dir, Listen: socket, Children: phpChildren})
	}
	args := []string{s.self, "stub", "-socket", socket, "-size", fmt.Sprint(r.size), fmt.Sprintf("-multiplex=%v", r.mux)}
	p, err := rig.Start(rig.Command{Name: "stub", Args: args, Dir: s.dir, Env: []string{"GOMAXPROCS=1"}})
	if err != nil {
		return nil, err
	}
	if err := p.Ready(ctx, "unix", socket); err != nil {
		_ = p.Stop()
		return nil, err
	}
	return p, nil
}

// check asks for the page and compares every byte of its body.
func (s *suite) check(ctx context.Context, r row, addr string) error {
	a, err := load.Fetch(ctx, addr, r.request(addr))
	if err != nil {
		return err
	}
	want := stub.Body(r.size)
	if r.backend == phpBackend {
		want = []byte(helloBody)
	}
	if a.Status != 200 || !bytes.Equal(a.Bytes, want) {
		return fmt.Errorf("answered status %d with %d bytes %.60q, want 200 with %d bytes", a.Status, len(a.Bytes), a.Bytes, len(want))
	}
	return nil
}

func (u *site) stop() error {
	var errs []error
	if u.gateway != nil {
		errs = append(errs, u.gateway.Stop())
	}
	if u.backend != nil {
		errs = append(errs, u.backend.Stop())
	}
	return errors.Join(errs...)
}

// findStrace returns the path of strace, empty if there is none.
func findStrace() string {
	path, err := exec.LookPath("strace")
	if err != nil {
		return ""
	}
	return path
}
