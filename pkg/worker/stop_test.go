package worker

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestStopLetsARunningRequestEnd(t *testing.T) {
	requirePHP(t)
	p := startPool(t, Config{})
	conn := send(t, p.Addr(), script(t, `echo str_repeat(" ", 9000); flush(); $t = microtime(true); while (microtime(true) - $t < 0.7) usleep(1000); echo "done";`))
	if _, err := conn.Read(make([]byte, 1)); err != nil { // it runs
		t.Fatal(err)
	}
	stopped, begin := make(chan error, 1), time.Now()
	go func() { stopped <- p.Stop(within(t, 20*time.Second)) }() // ends with Stop
	rest, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(rest), "done") {
		t.Errorf("the request was cut off: %v", err)
	}
	_ = conn.Close() // php-fpm waits for it
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("Stop took %v after an orderly end", took)
	}
}

func TestStopCutsARequestOffAtTheDeadline(t *testing.T) {
	requirePHP(t)
	p := startPool(t, Config{})
	conn := send(t, p.Addr(), script(t, `echo str_repeat(" ", 9000); flush(); while (true) sleep(60);`))
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	died := watch(t, group(t, p.PID()))
	begin := time.Now()
	if err := p.Stop(within(t, 4*time.Second)); err != nil {
		t.Errorf("SIGTERM should have been enough: %v", err)
	}
	if took := time.Since(begin); took < time.Second || took > 5*time.Second {
		t.Errorf("Stop took %v", took)
	}
	if !died(0) {
		t.Error("processes are left")
	}
}

func TestStopKillsWhatIgnoresIt(t *testing.T) {
	p := startPool(t, playing(t, "stubborn"))
	died := watch(t, []int{p.PID()})
	if err := p.Stop(within(t, 400*time.Millisecond)); !errors.Is(err, ErrKilled) {
		t.Errorf("Stop: %v", err)
	}
	if !died(0) {
		t.Error("it lives")
	}
}

func TestStopWithACancelledContextKillsAtOnce(t *testing.T) {
	p := startPool(t, playing(t, "stubborn"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Stop(ctx); !errors.Is(err, ErrKilled) {
		t.Errorf("Stop: %v", err)
	}
}

func TestStopMayBeCalledByMany(t *testing.T) {
	requirePHP(t)
	p := startPool(t, Config{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := p.Stop(within(t, 5*time.Second)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
