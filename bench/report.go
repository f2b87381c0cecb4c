package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/fcgigw/fcgigw/bench/rig"
	"github.com/fcgigw/fcgigw/bench/stats"
)

// results is a whole comparison.
type results struct {
	opts     options
	machine  string
	versions string
	notes    []string
	rows     []rowResult
	took     time.Duration
}

// rowResult is what the runs of one row showed.
type rowResult struct {
	row      row
	gateways []string // those that could be started at all
	samples  map[string][]sample
	calls    map[string]float64 // system calls per request
	failed   map[string]int     // runs that came to nothing
	notes    []string
}

func (rr *rowResult) note(format string, args ...any) {
	rr.notes = append(rr.notes, fmt.Sprintf(format, args...))
}

// spread is the spread of one figure over the rounds of a gateway.
func (rr *rowResult) spread(gateway string, figure func(sample) float64) stats.Spread {
	var values []float64
	for _, s := range rr.samples[gateway] {
		values = append(values, figure(s))
	}
	return stats.SpreadOf(values)
}

// against compares a figure of a gateway with that of nginx in the same round,
// and returns the spread of the comparisons.
func (rr *rowResult) against(gateway string, compare func(mine, base sample) float64) stats.Spread {
	var values []float64
	for _, mine := range rr.samples[gateway] {
		for _, base := range rr.samples[rig.Nginx] {
			if base.round == mine.round {
				values = append(values, compare(mine, base))
			}
		}
	}
	return stats.SpreadOf(values)
}

func cpuRatio(mine, base sample) float64   { return mine.cpu / base.cpu }
func memoryMore(mine, base sample) float64 { return mine.perClient - base.perClient }
func (rr *rowResult) decisive() stats.Spread {
	if rr.row.idle > 0 {
		return rr.against(rig.Fcgigw, memoryMore)
	}
	return rr.against(rig.Fcgigw, cpuRatio)
}

// verdict says whether fcgigw reached the target of the row.
func (rr *rowResult) verdict() string {
	got := rr.decisive()
	switch {
	case got.N == 0:
		return "not measured"
	case rr.row.target == 0:
		return "no target"
	case got.Median > rr.row.target:
		return "**missed**"
	case rr.row.fair && !rr.isFair():
		return "**missed**: clients served unequally"
	}
	return "met"
}

// isFair says that in no round a client got less than half of what another got.
func (rr *rowResult) isFair() bool {
	for _, s := range rr.samples[rig.Fcgigw] {
		if s.least*2 < s.most {
			return false
		}
	}
	return true
}

// failures counts the errors that the clients of a gateway saw.
func (rr *rowResult) failures(gateway string) (n int) {
	for _, s := range rr.samples[gateway] {
		n += s.errors
	}
	return n
}

// markdown writes the whole report.
func (r *results) markdown() string {
	var b strings.Builder
	b.WriteString("# Benchmark results\n\nWritten by `go run ./bench`; see `bench/README.md` for what is measured and how.\n\n")
	fmt.Fprintf(&b, "- %s\n- %s\n", r.machine, r.versions)
	fmt.Fprintf(&b, "- %d rounds, %v measured after %v warm-up in each run, %d workers; took %v\n",
		r.opts.rounds, r.opts.measure, r.opts.warmup, r.opts.workers, r.took.Round(time.Second))
	for _, note := range r.notes {
		fmt.Fprintf(&b, "- %s\n", note)
	}
	r.summary(&b)
	for i := range r.rows {
		r.rows[i].table(&b)
	}
	return b.String()
}

func (r *results) summary(b *strings.Builder) {
	b.WriteString("\n## fcgigw against nginx\n\n| row | figure | median (lowest–highest) | target | verdict |\n|---|---|---|---|---|\n")
	for i := range r.rows {
		rr := &r.rows[i]
		figure, decimals, target := "CPU × nginx", 2, "–"
		if rr.row.idle > 0 {
			figure, decimals = "bytes per idle client above nginx", 0
		}
		if rr.row.target > 0 {
			target = fmt.Sprintf("≤ %.*f", min(decimals, 1), rr.row.target)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", rr.row.name, figure, rr.decisive().Format(decimals), target, rr.verdict())
	}
}

func (rr *rowResult) table(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s: %s\n\n", rr.row.name, rr.row.title)
	if rr.row.idle > 0 {
		rr.idleTable(b)
	} else {
		rr.loadTable(b)
	}
	for i, note := range rr.notes {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "- %s\n", strings.ReplaceAll(note, "\n", "; "))
	}
}

func (rr *rowResult) loadTable(b *strings.Builder) {
	b.WriteString("| gateway | CPU × nginx | CPU µs/request | of it user | backend µs/request | requests/s | p50 ms | p99 ms | errors | answers per client | longest wait at the end | peak MB | system calls/request |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, g := range rr.gateways {
		median := func(figure func(sample) float64) float64 { return rr.spread(g, figure).Median }
		fmt.Fprintf(b, "| %s | %s | %s | %.1f | %.1f | %.0f | %.2f | %.2f | %d | %s | %s | %.1f | %s |\n", g,
			rr.against(g, cpuRatio).Format(2),
			rr.spread(g, func(s sample) float64 { return s.cpu }).Format(1),
			median(func(s sample) float64 { return s.user }),
			median(func(s sample) float64 { return s.backendCPU }),
			median(func(s sample) float64 { return s.rate }),
			median(func(s sample) float64 { return milliseconds(s.p50) }),
			median(func(s sample) float64 { return milliseconds(s.p99) }),
			rr.failures(g), rr.perClient(g), rr.longestWait(g),
			median(func(s sample) float64 { return float64(s.peak) / (1 << 20) }),
			rr.callsText(g))
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// perClient is the fewest and the most answers that a client got, in the
// median round.
func (rr *rowResult) perClient(gateway string) string {
	least := rr.spread(gateway, func(s sample) float64 { return float64(s.least) })
	most := rr.spread(gateway, func(s sample) float64 { return float64(s.most) })
	return fmt.Sprintf("%.0f–%.0f", least.Median, most.Median)
}

// longestWait is the longest time that a client was waiting when a run ended.
func (rr *rowResult) longestWait(gateway string) string {
	wait := rr.spread(gateway, func(s sample) float64 { return milliseconds(s.stalled) })
	return fmt.Sprintf("%.0f ms", wait.Max)
}

func (rr *rowResult) callsText(gateway string) string {
	n, ok := rr.calls[gateway]
	if !ok {
		return "–"
	}
	return fmt.Sprintf("%.1f", n)
}

func (rr *rowResult) idleTable(b *strings.Builder) {
	b.WriteString("| gateway | bytes per idle client | above nginx | closed by the server | peak MB |\n|---|---|---|---|---|\n")
	for _, g := range rr.gateways {
		fmt.Fprintf(b, "| %s | %s | %s | %d | %.1f |\n", g,
			rr.spread(g, func(s sample) float64 { return s.perClient }).Format(0),
			rr.against(g, memoryMore).Format(0),
			rr.failures(g),
			rr.spread(g, func(s sample) float64 { return float64(s.peak) / (1 << 20) }).Median)
	}
}
