package integration

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// slowOnce is once for a script that takes a moment.
const slowOnce = `<?php
file_put_contents(__DIR__ . '/ran', $_POST['n'] . "\n", FILE_APPEND | LOCK_EX);
usleep((int)$_POST['us']);
echo 'ran ', $_POST['n'];`

func TestXPosts(t *testing.T) {
	sig := syscall.SIGQUIT
	if os.Getenv("SIG") == "TERM" {
		sig = syscall.SIGTERM
	}
	f := startFPM(t, fpmConf{children: 4})
	root := docroot(t, "index.php", `x`, "once.php", slowOnce)
	g := startGateway(t, &site{root: root, server: f.server(), conns: 4})
	hc := g.httpClient()
	var next, good atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	bad := map[string]error{}
	for c := range 6 {
		wg.Go(func() {
			us := "1000"
			if c == 0 {
				us = "150000"
			}
			for {
				select {
				case <-stop:
					return
				default:
				}
				n := itoa(int(next.Add(1)))
				resp, err := hc.Post(g.url("/once.php"), "application/x-www-form-urlencoded", strings.NewReader("n="+n+"&us="+us))
				if err == nil {
					err = compare(resp, "ran "+n)
				}
				if err != nil {
					mu.Lock()
					bad[n] = err
					mu.Unlock()
				} else {
					good.Add(1)
				}
			}
		})
	}
	for range 15 {
		time.Sleep(300 * time.Millisecond)
		_ = f.cmd.Process.Signal(sig)
		<-f.done
		f.start()
	}
	time.Sleep(200 * time.Millisecond)
	close(stop)
	wg.Wait()
	runs := map[string]int{}
	for _, n := range strings.Fields(readFile(t, root+"/ran")) {
		runs[n]++
	}
	unseen, seen, twice := 0, 0, 0
	for n, err := range bad {
		if runs[n] == 0 {
			unseen++
			t.Log(n, err)
		} else {
			seen++
		}
	}
	for _, k := range runs {
		if k > 1 {
			twice++
		}
	}
	t.Logf("%v: %d good, %d failed though never run, %d failed and run, %d run twice", sig, good.Load(), unseen, seen, twice)
	_ = http.MethodGet
	t.Log(grepFailures(g))
}

func grepFailures(g *gateway) string { g.logFailures(); return "" }
