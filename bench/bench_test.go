package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/proc"
	"github.com/fcgigw/fcgigw/bench/rig"
	"github.com/fcgigw/fcgigw/bench/stats"
)

// TestMain lets the test binary play the stub: the suite starts its own
// program for that.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "stub" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestOptionsNameRowsAndGateways(t *testing.T) {
	o, err := parseOptions([]string{"-rows", "idle,stub-128", "-gateways", "nginx", "-seconds", "0.25", "-rounds", "7"})
	if err != nil || !slices.Equal(rowNames(o.rows), []string{"stub-128", "idle"}) || o.measure != 250*time.Millisecond || o.rounds != 7 {
		t.Errorf("%+v, %v", o, err)
	}
	o, err = parseOptions(nil)
	if err != nil || len(o.rows) != len(allRows()) || len(o.gateways) != 3 {
		t.Errorf("defaults: %+v, %v", o, err)
	}
	for _, args := range [][]string{{"-rows", "stub"}, {"-gateways", "apache"}, {"-rounds", "0"}, {"-seconds", "-1"}, {"extra"}} {
		if _, err := parseOptions(args); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

func TestTheDefaultRunFitsIntoTenMinutes(t *testing.T) {
	o, err := parseOptions(nil)
	if err != nil {
		t.Fatal(err)
	}
	const startAndStop = 600 * time.Millisecond
	var total time.Duration
	for _, r := range o.rows {
		each := o.warmup + r.runTime(o.measure) + startAndStop
		if r.idle > 0 {
			each += idleSettle + idleHold
		}
		total += time.Duration(len(r.gateways)) * (time.Duration(r.rounds(o.rounds))*each + straceTime + 2*startAndStop)
	}
	if total > 9*time.Minute {
		t.Errorf("the default run takes %v", total)
	}
}

func TestRequestsAreHeadsWithNothingBehind(t *testing.T) {
	for _, r := range allRows() {
		text := string(r.request("127.0.0.1:80"))
		if !strings.HasPrefix(text, "GET "+r.path+" HTTP/1.1\r\nHost: 127.0.0.1:80\r\n") || strings.Index(text, "\r\n\r\n") != len(text)-4 {
			t.Errorf("%s: %q", r.name, text)
		}
		if strings.Contains(text, "Connection: close") != r.newConn {
			t.Errorf("%s: connection kept or not: %q", r.name, text)
		}
	}
}

func TestTotalCallsReadsTheLastLineOfStrace(t *testing.T) {
	const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 66.67    0.000026          26         1           restart_syscall
------ ----------- ----------- --------- --------- ----------------
`
	for text, want := range map[string]int{
		table + "100.00    0.000039          13      1234           total\n": 1234,
		table + "100.00    0.000039          13      4321        99 total\n": 4321,
	} {
		if got, err := totalCalls(text); err != nil || got != want {
			t.Errorf("%d, %v, want %d", got, err, want)
		}
	}
	if _, err := totalCalls(table); err == nil {
		t.Error("no total is no error")
	}
}

func TestModelName(t *testing.T) {
	for text, want := range map[string]string{
		"processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\nflags: x\n": "Fast CPU @ 3 GHz",
		"processor\t: 0\n": "unknown CPU",
	} {
		if got := modelName(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestASampleIsTheDifferencePerAnswer(t *testing.T) {
	res := &load.Result{Elapsed: 2 * time.Second, Answers: 1000, PerClient: []int{400, 600}, Latency: new(stats.Histogram)}
	from := usage{gateway: proc.Usage{User: time.Second, System: time.Second}}
	to := usage{
		gateway: proc.Usage{User: time.Second + 10*time.Millisecond, System: time.Second + 20*time.Millisecond, Peak: 5},
		backend: proc.Usage{User: 5 * time.Millisecond},
	}
	s := newSample(3, res, from, to)
	if s.cpu != 30 || s.user != 10 || s.backendCPU != 5 || s.rate != 500 || s.least != 400 || s.most != 600 || s.peak != 5 || s.round != 3 {
		t.Errorf("%+v", s)
	}
}

func resultOf(r row, nginx, fcgigw []sample) rowResult {
	return rowResult{
		row: r, gateways: []string{rig.Nginx, rig.Fcgigw},
		samples: map[string][]sample{rig.Nginx: nginx, rig.Fcgigw: fcgigw},
	}
}

func TestRatiosAreTakenWithinARound(t *testing.T) {
	rr := resultOf(row{target: 0.6},
		[]sample{{round: 0, cpu: 10}, {round: 1, cpu: 100}, {round: 3, cpu: 1}},
		[]sample{{round: 0, cpu: 5}, {round: 1, cpu: 60}, {round: 2, cpu: 7}})
	if got, want := rr.decisive(), (stats.Spread{Median: 0.55, Min: 0.5, Max: 0.6, N: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestVerdicts(t *testing.T) {
	base := []sample{{cpu: 10, perClient: 500}}
	cases := []struct {
		row  row
		mine []sample
		want string
	}{
		{row{target: 0.9}, []sample{{cpu: 9}}, "met"},
		{row{target: 0.9}, []sample{{cpu: 9.1}}, "**missed**"},
		{row{}, []sample{{cpu: 9}}, "no target"},
		{row{target: 0.9}, nil, "not measured"},
		{row{target: 0.9, fair: true}, []sample{{cpu: 5, least: 50, most: 100}}, "met"},
		{row{target: 0.9, fair: true}, []sample{{cpu: 5, least: 49, most: 100}}, "**missed**: clients served unequally"},
		{row{target: 4096, idle: 2000}, []sample{{perClient: 4596}}, "met"},
		{row{target: 4096, idle: 2000}, []sample{{perClient: 4597}}, "**missed**"},
	}
	for _, c := range cases {
		rr := resultOf(c.row, base, c.mine)
		if got := rr.verdict(); got != c.want {
			t.Errorf("%+v %+v: %q, want %q", c.row, c.mine, got, c.want)
		}
	}
}

func TestTheReportHasATableForEachRow(t *testing.T) {
	res := results{machine: "a machine", versions: "versions", notes: []string{"caddy is left out"}}
	for _, r := range allRows() {
		rr := resultOf(r, []sample{{cpu: 10, perClient: 500}}, []sample{{cpu: 7, perClient: 700, least: 3, most: 4}})
		rr.note("two\nlines")
		res.rows = append(res.rows, rr)
	}
	text := res.markdown()
	columns := -1
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			columns = -1
			continue
		}
		if n := strings.Count(line, "|"); columns >= 0 && n != columns {
			t.Errorf("%d columns instead of %d: %s", n, columns, line)
		}
		columns = strings.Count(line, "|")
	}
	for _, want := range []string{
		"a machine", "caddy is left out", "- two; lines", "| fcgigw | 0.70 (0.70–0.70) | 7.0 (7.0–7.0) |",
		"| stub-128 | CPU × nginx | 0.70 (0.70–0.70) | ≤ 0.9 | met |",
		"| idle | bytes per idle client above nginx | 200 (200–200) | ≤ 4096 | met |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestStubComplaintsAreBounded(t *testing.T) {
	var b bytes.Buffer
	f := complain(&b)
	for i := range 1000 {
		f(fmt.Errorf("error %d", i))
	}
	if n := strings.Count(b.String(), "\n"); n != maxComplaints {
		t.Errorf("%d lines", n)
	}
}

// nginxSuite is a suite with nginx alone.
func nginxSuite(t *testing.T, args ...string) *suite {
	t.Helper()
	nginx, err := findNginx()
	if err != nil {
		t.Skip("no nginx on this machine")
	}
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	o, err := parseOptions(append(args, "-seconds", "0.1", "-warmup", "0.02", "-rounds", "1", "-strace=false"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSuite(o, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(s.dir) })
	s.programs = map[string]string{rig.Nginx: nginx}
	return s
}

func TestNginxInFrontOfTheStubIsMeasured(t *testing.T) {
	s := nginxSuite(t, "-rows", "stub-128,stub-10k,stub-newconn,static-64k")
	for _, r := range s.opts.rows {
		rr, err := s.row(t.Context(), r)
		if err != nil || len(rr.notes) > 0 || len(rr.samples[rig.Nginx]) != 1 {
			t.Fatalf("%s: %+v, %v", r.name, rr, err)
		}
		if got := rr.samples[rig.Nginx][0]; got.rate <= 0 || got.errors != 0 || got.peak <= 0 {
			t.Errorf("%s: %+v", r.name, got)
		}
	}
	if left, err := filepath.Glob(filepath.Join(s.dir, "*.sock")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestAWrongPageFailsTheRun(t *testing.T) {
	s := nginxSuite(t)
	rr, err := s.row(t.Context(), row{name: "wrong", gateways: []string{rig.Nginx}, path: "/small.txt", size: 999, clients: 1})
	if err != nil || len(rr.samples) != 0 || len(rr.notes) != 1 || !strings.Contains(rr.notes[0], "want 200 with 999 bytes") {
		t.Errorf("%+v, %v", rr, err)
	}
}

func TestTheEndOfTheContextEndsTheSuite(t *testing.T) {
	s := nginxSuite(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.row(ctx, allRows()[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
