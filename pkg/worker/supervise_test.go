package worker

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

type death struct {
	err error
	in  time.Duration
}

// diary collects a pool's events; the channels are big enough for any test here.
func diary() (Events, chan death, chan int) {
	died, started := make(chan death, 64), make(chan int, 64)
	return Events{
		Died:    func(err error, in time.Duration) { died <- death{err, in} },
		Started: func(pid int, _ time.Duration) { started <- pid },
	}, died, started
}

func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}

func TestAKilledMasterIsReplacedAndItsWorkersGo(t *testing.T) {
	requirePHP(t)
	events, died, started := diary()
	p := startPool(t, Config{Events: events})
	first := next(t, started)
	pids := group(t, first)
	gone := watch(t, pids)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	d := next(t, died)
	var exit *ExitError
	if !errors.As(d.err, &exit) || exit.Status != "signal: killed" || d.in != firstBackoff {
		t.Errorf("died: %v, again in %v", d.err, d.in)
	}
	if !gone(0) {
		t.Errorf("some of %v outlived their master", pids)
	}
	second := next(t, started)
	if second == first || p.PID() != second {
		t.Errorf("PID %d, then %d, now %d", first, second, p.PID())
	}
	if got := run(t, p.Addr(), "echo 1;"); got != "1" {
		t.Errorf("after the restart a script printed %q", got)
	}
}

func TestRestartsBackOff(t *testing.T) {
	c := playing(t, "dies")
	events, died, started := diary()
	c.Events = events
	startPool(t, c)
	var waits []time.Duration
	for range 4 {
		d := next(t, died)
		if !strings.Contains(d.err.Error(), "out of coffee") {
			t.Errorf("died: %v", d.err)
		}
		waits = append(waits, d.in)
	}
	want := []time.Duration{firstBackoff, 2 * firstBackoff, 4 * firstBackoff, 8 * firstBackoff}
	if !slices.Equal(waits, want) {
		t.Errorf("waits %v", waits)
	}
	next(t, started)
}

func TestStopEndsAPoolThatIsBetweenTwoLives(t *testing.T) {
	c := playing(t, "dies")
	events, died, _ := diary()
	c.Events = events
	p := startPool(t, c)
	next(t, died)
	if err := p.Stop(within(t, 5*time.Second)); err != nil {
		t.Error(err)
	}
	select {
	case d := <-died:
		t.Errorf("Stop was reported as a death: %v", d.err)
	default:
	}
}

// The owner is another process, killed so that no code of it can clean up.
func TestNothingOutlivesAKilledOwner(t *testing.T) {
	requirePHP(t)
	owner, master := spawnOwner(t)
	pids := group(t, master)
	died := watch(t, pids)
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // "signal: killed"
	if !died(5 * time.Second) {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		t.Errorf("some of %v outlived their owner", pids)
	}
}

// Same with a worker that is busy and holds a connection.
func TestABusyWorkerDoesNotOutliveAKilledOwner(t *testing.T) {
	requirePHP(t)
	owner, master := spawnOwner(t)
	conn := send(t, socketOf(t, owner.Env), script(t, `echo str_repeat(" ", 9000); flush(); while (true) sleep(60);`))
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	died := watch(t, group(t, master))
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // "signal: killed"
	if !died(5 * time.Second) {
		_ = syscall.Kill(-master, syscall.SIGKILL)
		t.Error("a busy worker outlived its owner")
	}
}

func socketOf(t *testing.T, env []string) string {
	t.Helper()
	for _, pair := range env {
		if dir, ok := strings.CutPrefix(pair, ownerEnv+"="); ok {
			return runDir{path: dir}.socket()
		}
	}
	t.Fatal("no " + ownerEnv)
	return ""
}
