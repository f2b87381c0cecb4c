package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fcgigw/fcgigw/bench/proc"
	"github.com/fcgigw/fcgigw/bench/rig"
)

// scenario is a proof of how fcgigw stands what other gateways break at. Unlike
// the rows it compares with a promise; some show nginx beside it.
type scenario struct {
	name, title string
	run         func(context.Context, *lab) error
	nginx       bool // it is run with nginx, too
}

func allScenarios() []scenario {
	return []scenario{
		{"saturation", "all workers asleep, 2 000 clients at once", saturation, false},
		{"slow-readers", "1 000 slow readers of 1 MB beside 200 requests/s", slowReaders, false},
		{"only-once", "workers that end after 1 to 5 requests, reload and restart", onlyOnce, false},
		{"idle", "10 000 idle connections", idle, true},
		{"slowloris", "1 000 slow heads and 1 000 slow bodies beside normal requests", slowloris, true},
		{"churn", "2 000 connections a second, one request each", churn, true},
		{"drain", "reload and end in the middle of a load", drain, true},
	}
}

func scenarioNames() []string {
	var names []string
	for _, sc := range allScenarios() {
		names = append(names, sc.name)
	}
	return names
}

// pickScenarios returns the named ones in their own order.
func pickScenarios(names string) ([]scenario, error) {
	all := allScenarios()
	if names == "all" {
		return all, nil
	}
	wanted := strings.Split(names, ",")
	for _, name := range wanted {
		if !slices.Contains(scenarioNames(), name) {
			return nil, fmt.Errorf("no scenario %q; there are %s", name, strings.Join(scenarioNames(), ", "))
		}
	}
	return slices.DeleteFunc(all, func(sc scenario) bool { return !slices.Contains(wanted, sc.name) }), nil
}

// errPromises says that a scenario came out otherwise than promised.
var errPromises = errors.New("not every promise was kept, see the table")

// runScenarios runs the scenarios asked for and writes their tables. The error
// is errPromises if one of them came out badly.
func runScenarios(ctx context.Context, o options, out io.Writer) error {
	module, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	s, err := newSuite(o, os.Stderr)
	if err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	var notes []string
	if s.programs, notes = findPrograms(ctx, o, module, s.dir); len(notes) > 0 {
		return errors.New(strings.Join(notes, "; "))
	}
	if s.php, err = rig.FindPHP(); err != nil {
		return err
	}
	versions := versionsLine(ctx, o, s.programs, s.php)
	kept := true
	for _, sc := range o.scenarios {
		at := time.Now()
		sh, err := s.show(ctx, sc)
		if err != nil {
			return fmt.Errorf("%s: %w", sc.name, err)
		}
		text := sh.markdown(sc, machineLine(at), versions)
		fmt.Fprint(out, text)
		if err := saveScenario(o.out, module, sc, text); err != nil {
			return err
		}
		kept = kept && sh.kept()
	}
	if !kept {
		return errPromises
	}
	return nil
}

const scenarioHead = "# Scenarios\n\nWritten by `go run ./bench -scenario …`; see `bench/README.md`.\n"

// saveScenario puts the text of one scenario into the results. What they say of
// the others stays.
func saveScenario(path, module string, sc scenario, text string) error {
	if path == "" {
		return nil
	}
	old, err := os.ReadFile(beneath(path, module))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return save(path, module, replaceSection(string(old), sc.name, text))
}

// replaceSection returns old results with the text about the named scenario in
// its place.
func replaceSection(old, name, text string) string {
	const heading = "\n## "
	sections := map[string]string{}
	for _, s := range strings.Split(old, heading)[1:] {
		title, _, _ := strings.Cut(s, ":")
		sections[title] = heading + s
	}
	sections[name] = text
	result := scenarioHead
	for _, n := range scenarioNames() {
		result += sections[n]
	}
	return result
}

// show runs one scenario in a lab of its own.
func (s *suite) show(ctx context.Context, sc scenario) (*showing, error) {
	l := &lab{suite: s, data: filepath.Join(s.dir, sc.name)}
	l.temp = filepath.Join(l.data, "temp")
	err := errors.Join(os.Mkdir(l.data, 0o755), os.Mkdir(l.temp, 0o700), os.Chmod(l.data, 0o777)) // children of php-fpm write here
	if err != nil {
		return nil, err
	}
	began := time.Now()
	err = sc.run(ctx, l)
	l.took = time.Since(began)
	return &l.showing, err
}

// lab is what a scenario works with.
type lab struct {
	*suite
	showing
	data string // a folder of its own, which scripts may write to
	temp string // fcgigw's temp_dir
}

// script writes a PHP script to the document root; DATA in it is the folder
// that it may write to.
func (l *lab) script(name, text string) error {
	text = strings.ReplaceAll(text, "DATA", "'"+l.data+"'")
	return os.WriteFile(filepath.Join(l.root, name), []byte(text), 0o644)
}

// read returns the words in a file that scripts have written, none if there is
// no such file.
func (l *lab) read(name string) ([]string, error) {
	b, err := os.ReadFile(filepath.Join(l.data, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(b)), err
}

// accessLog is the name of fcgigw's access log in a lab's folder.
const accessLog = "access.log"

// start starts php-fpm and fcgigw with as many connections as children. lines
// are added to fcgigw's backend table.
func (l *lab) start(ctx context.Context, php rig.PHP, lines string) (*site, error) {
	return l.startAs(ctx, rig.Fcgigw, php, lines)
}

// startAs is start with another gateway, whose settings lines do not touch.
func (l *lab) startAs(ctx context.Context, gateway string, php rig.PHP, lines string) (*site, error) {
	php.Binary, php.Dir = l.php, l.data
	if php.Listen == "" {
		php.Listen = filepath.Join(l.data, "php.sock")
	}
	if err := os.Remove(filepath.Join(l.data, accessLog)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	up := &site{}
	var err error
	if up.backend, err = rig.StartPHP(ctx, php); err != nil {
		return nil, err
	}
	up.gateway, err = rig.StartGateway(ctx, gateway, rig.Setup{
		Dir: l.data, Root: l.root, Workers: l.opts.workers, Programs: l.programs,
		Backend:      rig.Backend{Socket: php.Listen, Conns: php.Children, Ask: true},
		BackendLines: lines, TempDir: l.temp, AccessLog: filepath.Join(l.data, accessLog),
		Scripts: []string{"/*.php"},
	})
	if err != nil {
		return nil, errors.Join(err, up.stop())
	}
	return up, nil
}

// logf shows how far a scenario has come.
func (l *lab) logf(format string, args ...any) { fmt.Fprintf(l.progress, format+"\n", args...) }

// memory is the gateway's resident size, in bytes, now and at its most.
func (u *site) memory() (now, peak int64, err error) {
	usage, err := proc.One(u.gateway.PID())
	return usage.RSS, usage.Peak, err
}

// await polls until cond is true, at most for limit; what says what was waited
// for.
func await(ctx context.Context, limit time.Duration, what string, cond func() (bool, error)) error {
	for end := time.Now().Add(limit); ; {
		ok, err := cond()
		if ok || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("within %v: %s", limit, what)
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// pause waits for d, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
