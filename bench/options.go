package main

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fcgigw/fcgigw/bench/rig"
)

// options are the flags of the comparison.
type options struct {
	rows []row
	// scenarios are run instead of the rows, if there are any.
	scenarios []scenario
	gateways  []string // programs, hence without nginx-kept
	rounds    int
	measure   time.Duration
	warmup    time.Duration
	workers   int
	strace    bool
	out       string
	fcgigw    string
	caddy     string
	lines     string
	profiles  string
}

func parseOptions(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	rows := fs.String("rows", "all", "rows to measure, by name with commas: "+strings.Join(rowNames(allRows()), " "))
	gateways := fs.String("gateways", "nginx,caddy,fcgigw", "gateways to measure; ratios need nginx")
	seconds := fs.Float64("seconds", 1.5, "measured time of each run; some rows take a multiple")
	warmup := fs.Float64("warmup", 0.5, "warm-up before each run, in seconds")
	scenarios := fs.String("scenario", "", "instead of rows, run scenarios, \"all\" or by name with commas: "+strings.Join(scenarioNames(), " "))
	fs.IntVar(&o.rounds, "rounds", 5, "rounds of each row; medians are reported")
	fs.IntVar(&o.workers, "workers", 2, "nginx worker processes, and GOMAXPROCS of the others")
	fs.BoolVar(&o.strace, "strace", true, "count system calls in a short extra run, if strace is there")
	fs.StringVar(&o.out, "out", "bench/RESULTS.md", "file for the results, beneath the module root; empty for none; for scenarios bench/SCENARIOS.md")
	fs.StringVar(&o.fcgigw, "fcgigw", "", "fcgigw program to measure (default: build ./cmd/fcgigw)")
	fs.StringVar(&o.caddy, "caddy", "", "Caddy program to measure (default: build "+caddyVersion+" once)")
	fs.StringVar(&o.lines, "fcgigw-backend", "", "TOML lines added to fcgigw's backend table")
	fs.StringVar(&o.profiles, "cpuprofile", "", "folder for a CPU profile of each fcgigw run (FCGIGW_CPUPROFILE)")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if o.rounds < 1 || *seconds <= 0 || *warmup < 0 || o.workers < 1 {
		return o, fmt.Errorf("-rounds, -seconds, -workers must be above zero and -warmup not below")
	}
	o.measure = time.Duration(*seconds * float64(time.Second))
	o.warmup = time.Duration(*warmup * float64(time.Second))
	var err error
	if o.rows, err = pickRows(*rows); err != nil {
		return o, err
	}
	if o.gateways, err = pickGateways(*gateways); err != nil || *scenarios == "" {
		return o, err
	}
	return o, o.toScenarios(*scenarios, fs)
}

// toScenarios makes the options those of scenarios: fcgigw, with nginx where one
// of them wants it, and results in a file of their own unless one was named.
func (o *options) toScenarios(names string, fs *flag.FlagSet) (err error) {
	o.gateways = []string{rig.Fcgigw}
	named := false
	fs.Visit(func(f *flag.Flag) { named = named || f.Name == "out" })
	if !named {
		o.out = "bench/SCENARIOS.md"
	}
	o.scenarios, err = pickScenarios(names)
	if slices.ContainsFunc(o.scenarios, func(sc scenario) bool { return sc.nginx }) {
		o.gateways = []string{rig.Nginx, rig.Fcgigw}
	}
	return err
}

// pickRows returns the named rows in their own order.
func pickRows(names string) ([]row, error) {
	all := allRows()
	if names == "all" {
		return all, nil
	}
	wanted := strings.Split(names, ",")
	for _, name := range wanted {
		if !slices.Contains(rowNames(all), name) {
			return nil, fmt.Errorf("no row %q; there are %s", name, strings.Join(rowNames(all), ", "))
		}
	}
	return slices.DeleteFunc(all, func(r row) bool { return !slices.Contains(wanted, r.name) }), nil
}

func pickGateways(names string) ([]string, error) {
	known := []string{rig.Nginx, rig.Caddy, rig.Fcgigw}
	wanted := strings.Split(names, ",")
	for _, name := range wanted {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no gateway %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return wanted, nil
}
