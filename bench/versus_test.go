package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/proc"
	"github.com/fcgigw/fcgigw/bench/rig"
	"github.com/fcgigw/fcgigw/bench/stats"
)

func TestScenariosThatShowNginxAskForIt(t *testing.T) {
	o, err := parseOptions([]string{"-scenario", "idle,saturation"})
	if err != nil || !slices.Equal(o.gateways, []string{rig.Nginx, rig.Fcgigw}) {
		t.Errorf("%+v, %v", o.gateways, err)
	}
}

func lookOf(rss int64, descriptors int) look {
	return look{Usage: proc.Usage{RSS: rss}, descriptors: descriptors}
}

func loadOf(p99 time.Duration, errs int) counted {
	h := new(stats.Histogram)
	h.Add(p99)
	return counted{Result: &load.Result{Elapsed: time.Second, Answers: 1000, Errors: errs, Latency: h}, cpu: time.Millisecond}
}

// brokenBy returns what a judge found broken.
func brokenBy(judge func(*lab)) (names []string) {
	l := &lab{}
	judge(l)
	for _, f := range l.findings {
		if !f.good {
			names = append(names, f.what)
		}
	}
	for _, table := range l.tables {
		bars := -1
		for line := range strings.Lines(table) {
			n := strings.Count(line, "|")
			if bars >= 0 && n != bars {
				names = append(names, fmt.Sprintf("a table with %d and %d bars", bars, n))
			}
			bars = n
		}
	}
	return names
}

func TestIdleConnectionsAreHeldAgainstWhatIsPromised(t *testing.T) {
	good := func() *idleSeen {
		return &idleSeen{before: lookOf(10<<20, 10), held: lookOf(20<<20, 10+idleClients), after: lookOf(11<<20, 10), open: idleClients}
	}
	for name, change := range map[string]func(*idleSeen){
		"":                 func(*idleSeen) {},
		"connections open": func(s *idleSeen) { s.open-- },
		"bytes per":        func(s *idleSeen) { s.held.RSS = 100 << 20 },
		"descriptors besides": func(s *idleSeen) {
			s.held.descriptors += 100
		},
		"memory that stays":     func(s *idleSeen) { s.after.RSS = 18 << 20 },
		"descriptors that stay": func(s *idleSeen) { s.after.descriptors += 100 },
	} {
		s := good()
		change(s)
		checkBroken(t, name, brokenBy(func(l *lab) { l.judgeIdle(s, good()) }))
	}
}

// checkBroken holds what was found against the one promise that was broken.
func checkBroken(t *testing.T, name string, found []string) {
	t.Helper()
	if name == "" && len(found) > 0 || name != "" && (len(found) != 1 || !strings.HasPrefix(found[0], name)) {
		t.Errorf("found %q, want %q", found, name)
	}
}

func TestSlowClientsAreHeldAgainstWhatIsPromised(t *testing.T) {
	good := func() *lorisSeen {
		return &lorisSeen{
			alone: loadOf(10*time.Millisecond, 0), beside: loadOf(15*time.Millisecond, 0), heads: load.DripResult{Open: 1, Ended: 5, Statuses: map[int]int{408: 5}},
		}
	}
	for name, change := range map[string]func(*lorisSeen){
		"":                    func(*lorisSeen) {},
		"normal requests":     func(s *lorisSeen) { s.beside.Errors = 1 },
		"p99":                 func(s *lorisSeen) { s.beside = loadOf(50*time.Millisecond, 0) },
		"slow heads":          func(s *lorisSeen) { s.heads.Statuses = map[int]int{408: 4, 0: 1} },
		"slow heads turned a": func(s *lorisSeen) { s.heads = load.DripResult{} },
	} {
		s := good()
		change(s)
		checkBroken(t, name, brokenBy(func(l *lab) { l.judgeLoris(s, good()) }))
	}
}

func TestChurnIsHeldAgainstWhatIsPromised(t *testing.T) {
	good := func() *churnSeen {
		return &churnSeen{load: loadOf(time.Millisecond, 0), looks: []look{lookOf(1<<20, 50), lookOf(2<<20, 60), lookOf(3<<20, 60), lookOf(4<<20, 60)}, before: lookOf(1<<20, 40), after: lookOf(1<<20, 40)}
	}
	for name, change := range map[string]func(*churnSeen){
		"":                      func(*churnSeen) {},
		"connections that":      func(s *churnSeen) { s.load.Errors = 1 },
		"memory grown":          func(s *churnSeen) { s.looks[3].RSS = 20 << 20 },
		"descriptors at":        func(s *churnSeen) { s.looks[2].descriptors = 5000 },
		"descriptors that stay": func(s *churnSeen) { s.after.descriptors = 200 },
	} {
		s := good()
		change(s)
		checkBroken(t, name, brokenBy(func(l *lab) { l.judgeChurn(s, good()) }))
	}
}

func TestWhatRanMustHaveBeenAnswered(t *testing.T) {
	d := &drained{ending: endings()[1], answered: map[int]bool{}, early: map[string]int{}}
	d.note(1, true, nil)
	d.over.Store(true)
	for id, over := range map[int]bool{2: d.note(2, true, load.ErrTime), 3: d.note(3, false, load.ErrTime), 4: d.note(4, false, fmt.Errorf("x: %w", syscall.ECONNREFUSED))} {
		if over != (id == 4) {
			t.Errorf("%d: over %v", id, over)
		}
	}
	d.count([]string{"1", "3"})
	if d.requests != 4 || len(d.answered) != 1 || d.onKept != 1 || d.onNew != 1 || d.refused != 1 || d.lost != 1 || d.failedEarly() != 0 {
		t.Errorf("%+v", d)
	}
	if got := brokenBy(func(l *lab) { l.judgeDrain(d) }); len(got) != 2 {
		t.Errorf("%q", got)
	}
	early := &drained{ending: endings()[2], answered: map[int]bool{}, early: map[string]int{}}
	early.note(1, true, errors.New("reset"))
	if got := brokenBy(func(l *lab) { l.judgeDrain(early) }); len(got) != 1 {
		t.Errorf("%q", got)
	}
}
