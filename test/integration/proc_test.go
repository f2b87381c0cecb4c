package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/fcgigw/fcgigw/test/harness"
)

// descriptors returns what the gateway's open descriptors lead to.
func (g *gateway) descriptors() []string {
	dir := fmt.Sprintf("/proc/%d/fd", g.pid())
	entries, err := os.ReadDir(dir)
	if err != nil {
		g.t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			list = append(list, to)
		}
	}
	return list
}

// checkLeaks waits until the gateway holds no more than before its first
// request.
func (g *gateway) checkLeaks() {
	var found string
	clean := harness.Poll(harness.Patience, func() bool {
		found = g.leftovers()
		return found == ""
	})
	if !clean {
		g.t.Errorf("left behind: %s", found)
	}
}

func (g *gateway) leftovers() string {
	if files := g.tempFiles(); len(files) > 0 {
		return fmt.Sprintf("temporary files %q", files)
	}
	fds := g.descriptors()
	for _, to := range fds {
		if strings.HasPrefix(to, g.temp) {
			return "a descriptor of " + to
		}
	}
	if len(fds) > len(g.open)+g.site.kept {
		return fmt.Sprintf("%d descriptors, %d at first: %q, %q", len(fds), len(g.open), fds, g.open)
	}
	return ""
}

// goroutinesLeft is how many goroutines a gateway has when everything that it
// served is closed: its own, for signals, logs and the clock.
const goroutinesLeft = 8

// checkGoroutines looks at what the gateway said of them when it stopped.
func (g *gateway) checkGoroutines() {
	const mark = `"stopped","goroutines":`
	for line := range strings.Lines(g.logged()) {
		_, after, ok := strings.Cut(line, mark)
		if !ok {
			continue
		}
		most, n := goroutinesLeft+3*g.site.kept, 0
		if _, err := fmt.Sscanf(after, "%d", &n); err != nil || n > most {
			g.t.Errorf("goroutines left at the end: %q, want at most %d", after, most)
		}
		g.t.Logf("goroutines left: %d", n)
		return
	}
	g.t.Error("the gateway did not say how many goroutines are left")
}

func (g *gateway) tempFiles() []string {
	files, err := filepath.Glob(filepath.Join(g.temp, "*"))
	if err != nil {
		g.t.Fatal(err)
	}
	return files
}

// forgetPeak makes peakMemory begin anew.
func (g *gateway) forgetPeak() {
	g.t.Helper()
	path := fmt.Sprintf("/proc/%d/clear_refs", g.pid())
	if err := os.WriteFile(path, []byte("5"), 0); err != nil {
		g.t.Fatal(err)
	}
}

// peakMemory returns the most bytes of memory the gateway has used at once
// (VmHWM) since forgetPeak.
func (g *gateway) peakMemory() int64 {
	g.t.Helper()
	for line := range strings.Lines(readFile(g.t, fmt.Sprintf("/proc/%d/status", g.pid()))) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	g.t.Fatal("no VmHWM in /proc/PID/status")
	return 0
}

// flatMemory is how much a gateway may grow by bodies of any size.
const flatMemory = 64 << 20

// checkFlat runs f and compares the peak of memory before and in it.
func (g *gateway) checkFlat(f func()) {
	g.t.Helper()
	g.forgetPeak()
	before := g.peakMemory()
	f()
	if grown := g.peakMemory() - before; grown >= flatMemory {
		g.t.Errorf("memory grew by %d MiB, want less than %d", grown>>20, flatMemory>>20)
	}
}
