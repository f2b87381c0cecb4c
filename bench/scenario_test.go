package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/rig"
	"github.com/fcgigw/fcgigw/bench/stats"
)

func TestOptionsNameScenarios(t *testing.T) {
	o, err := parseOptions([]string{"-scenario", "only-once,saturation"})
	if err != nil || len(o.scenarios) != 2 || o.scenarios[0].name != "saturation" || o.out != "bench/SCENARIOS.md" || !slices.Equal(o.gateways, []string{rig.Fcgigw}) {
		t.Errorf("%+v, %v", o, err)
	}
	o, err = parseOptions([]string{"-scenario", "all", "-out", ""})
	if err != nil || len(o.scenarios) != len(allScenarios()) || o.out != "" {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parseOptions(nil); err != nil || len(o.scenarios) != 0 {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := parseOptions([]string{"-scenario", "flood"}); err == nil {
		t.Error("an unknown scenario is no error")
	}
}

func TestAShowingIsKeptOnlyIfEveryPromiseIs(t *testing.T) {
	var s showing
	s.describe("it has %d parts", 2)
	s.noted("size", "%d", 7)
	s.found("errors", true, "0", "%d", 0)
	if !s.kept() {
		t.Error("nothing was broken")
	}
	s.found("time", false, "≤ 1 ms", "two\nlines")
	if s.kept() {
		t.Error("a broken promise was not noticed")
	}
	text := s.markdown(scenario{name: "n", title: "t"}, "a machine")
	for _, want := range []string{
		"## n: t", "it has 2 parts", "| size | 7 | – | – |", "| errors | 0 | 0 | kept |", "| time | two; lines | ≤ 1 ms | **broken** |", "- a machine\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestResultsOfOtherScenariosStay(t *testing.T) {
	text := replaceSection("", "only-once", "\n## only-once: x\n\nfirst: 1\n")
	text = replaceSection(text, "saturation", "\n## saturation: y\n\nsecond\n")
	text = replaceSection(text, "only-once", "\n## only-once: x\n\nthird: 3\n")
	if want := scenarioHead + "\n## saturation: y\n\nsecond\n\n## only-once: x\n\nthird: 3\n"; text != want {
		t.Errorf("%q, want %q", text, want)
	}
}

func TestDisplacementIsTheDistanceFromThePlaceInOrder(t *testing.T) {
	for _, c := range []struct {
		list []int
		most int
		mean float64
	}{
		{nil, 0, 0},
		{[]int{3, 7, 9}, 0, 0},
		{[]int{7, 3, 9, 10}, 1, 0.5},
		{[]int{10, 1, 2, 3}, 3, 1.5},
	} {
		if most, mean := displacement(c.list); most != c.most || mean != c.mean {
			t.Errorf("%v: %d, %v", c.list, most, mean)
		}
	}
}

func TestRequestsAreOrderedByWhenTheyGotAWorker(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	a := accessRecord{Time: at(10), Total: 5, Queue: 4}.turn() // came at 5, taken at 9
	b := accessRecord{Time: at(8), Total: 2, Queue: 1}.turn()  // came at 6, taken at 7
	if came := inTurn([]turn{a, b}); !slices.Equal(came, []int{6e9, 5e9}) {
		t.Errorf("came %v", came)
	}
}

func TestShotsAreHeldAgainstTheQueue(t *testing.T) {
	var shots []load.Shot
	for i := range satClients {
		s := load.Shot{Status: 200, Took: time.Second}
		if i >= satQueue {
			s = load.Shot{Status: 503, Retry: true, Took: time.Millisecond}
		}
		shots = append(shots, s)
	}
	l := &lab{}
	l.countShots(shots, newSingles(time.Millisecond))
	if !l.kept() {
		t.Errorf("%+v", l.findings)
	}
	for _, bad := range []load.Shot{
		{Status: 502}, {Status: 503, Took: time.Millisecond}, {Status: 503, Retry: true, Took: satRefused + 1}, {Status: 200}, {Err: load.ErrTime},
	} {
		l := &lab{}
		l.countShots(append(shots[:satClients-1:satClients-1], bad), newSingles(time.Millisecond))
		if l.kept() {
			t.Errorf("%+v was not noticed", bad)
		}
	}
}

func TestRunsAreHeldAgainstAnswers(t *testing.T) {
	outcomes := []onceOutcome{{}, {post: true}, {failed: "status 502"}, {post: true, failed: "status 502"}, {}}
	c := countOnce(outcomes, []string{"0", "1", "1", "3", "1"})
	if c.requests != 5 || c.answered != 3 || c.doubled != 1 || c.lost != 1 || c.getFailed != 1 || c.postFail != 1 || c.failedAndRan != 1 {
		t.Errorf("%+v", c)
	}
	if c.reasons["POST status 502"] != 1 || c.reasons["GET status 502"] != 1 {
		t.Errorf("reasons %v", c.reasons)
	}
	l := &lab{}
	if c.judge(l, ""); l.kept() {
		t.Error("failures were not noticed")
	}
	l = &lab{}
	if countOnce(outcomes[:2], []string{"1", "0"}).judge(l, ""); !l.kept() {
		t.Errorf("%+v", l.findings)
	}
	all := newOnceCount()
	all.add(c)
	all.add(c)
	if all.requests != 10 || all.doubled != 2 || all.lost != 2 || all.reasons["POST status 502"] != 2 {
		t.Errorf("sum %+v", all)
	}
}

func TestTheTableOfRunsHasAsManyColumnsAsItsHead(t *testing.T) {
	c := countOnce(make([]onceOutcome, 3), []string{"0", "1", "2"})
	c.run, c.took = &onceRun{network: "unix", label: "1"}, time.Second
	for _, r := range []accessRecord{{Method: "POST", Reused: true}, {Method: "POST"}, {Method: "GET", Tries: 2}} {
		c.record(r)
	}
	want := "| unix | 1 | 3 | 3 | 0 | 0 | 0 | 0 | 0 | 0 %, 50 % | 1 | 3 |"
	if got := c.row(); got != want || strings.Count(got, "|") != strings.Count(onceTable()[0], "|") {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTheMainScenarioMakesAHundredThousandRequests(t *testing.T) {
	total := 0
	for _, network := range []string{"unix", "tcp"} {
		for _, n := range onceRequests(network) {
			total += n
		}
	}
	if total != 100_000 {
		t.Errorf("%d requests", total)
	}
}

func TestTheLastRecordOfAnAccessLogMayBeIncomplete(t *testing.T) {
	l := &lab{data: t.TempDir()}
	const text = `{"uri":"/a","status":200,"total":0.5,"queue":0.25,"time":"2026-01-02T03:04:05.5Z","tries":1}` + "\n" + `{"uri":"/b","sta`
	if err := os.WriteFile(filepath.Join(l.data, accessLog), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var got []accessRecord
	if err := l.readAccess(func(r accessRecord) { got = append(got, r) }); err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if r := got[0]; r.URI != "/a" || r.Status != 200 || r.Total != 0.5 || r.Queue != 0.25 || r.Time.Nanosecond() != 5e8 {
		t.Errorf("%+v", r)
	}
}

func newSingles(d time.Duration) *stats.Histogram {
	h := new(stats.Histogram)
	h.Add(d)
	return h
}
