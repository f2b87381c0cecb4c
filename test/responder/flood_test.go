package responder_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// floodVar is an environment variable: bytes of STDERR to flood the gateway
// with, instead of 64 MB. "make test" does without; 1073741824 is the attack.
const floodVar = "FCGIGW_STDERR_FLOOD"

// flatMemory is how much the process, responder and client included, may grow
// while a flood of any size goes through it. What is held at a time is some
// 64 KiB on a private connection and some megabytes on a shared one; the rest is
// for the garbage collector, which comes late.
const flatMemory = 48 << 20

func floodSize(t *testing.T) int64 {
	s := os.Getenv(floodVar)
	if s == "" {
		return 64 << 20
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1<<20 {
		t.Fatalf("%s: %q is no number of bytes above a megabyte", floodVar, s)
	}
	return n
}

func TestAFloodOfSTDERRCostsNeitherMemoryNorTheRequest(t *testing.T) {
	const record = 60 << 10
	total := floodSize(t) / record * record
	line := strings.Repeat("e", 99) + "\n"
	for name, content := range map[string]string{
		"of lines":    strings.Repeat(line, record/100),
		"of one line": strings.Repeat("e", record),
	} {
		for _, shared := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/shared %v", name, shared), func(t *testing.T) { flood(t, content, total, shared) })
		}
	}
}

func flood(t *testing.T, content string, total int64, shared bool) {
	total = total / int64(len(content)) * int64(len(content))
	check := noLeaks(t)
	app := (&responder{mpxs: shared, plan: plays(floods(stderr, content, total), says(out(goodHead+"a"), end()))}).listen(t, "unix")
	r := start(t, "unix", map[bool]keys{true: sharing}[shared], app)
	defer check()
	defer r.close()
	if shared {
		r.untilShared()
	}
	grown := peak(t, func() {
		if h := r.asks(at("GET", 0), "GET", false); h.status != 200 || h.body != "a" || !h.complete {
			t.Errorf("client: %v", h)
		}
	})
	if grown > flatMemory {
		t.Errorf("%d MB of STDERR made the process grow by %d MB", total>>20, grown>>20)
	}
	e := r.access(atURI(0))
	kept := 0
	for _, line := range e.Stderr {
		kept += len(line)
	}
	ends := strings.Count(content, "\n") * int(total/int64(len(content)))
	if kept == 0 || kept > 16<<10 || len(e.Stderr) > 50 || int64(kept)+e.StderrDropped != total-int64(ends) {
		t.Errorf("%d lines with %d bytes are kept and %d bytes counted of %d", len(e.Stderr), kept, e.StderrDropped, total)
	}
	r.noTemp()
	r.good("afterwards")
}

// peak returns how much more memory than before f the process had in it.
func peak(t *testing.T, f func()) int64 {
	t.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Skipf("the peak of memory cannot be measured: %v", err)
	}
	before := resident(t)
	f()
	return resident(t) - before
}

// resident returns the most bytes of memory the process has had (VmHWM) since
// the mark was set back.
func resident(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	t.Fatal("no VmHWM in /proc/self/status")
	return 0
}
