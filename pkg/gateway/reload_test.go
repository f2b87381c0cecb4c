package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

const reloaded = `
[[site]]
listen = [":80"]
root = "{dir}/www"
  [[site.location]]
  match = "/"
  return = "200 one"
  [[site.location]]
  match = '~ \.php$'
  backend = "app"
[backend.app]
servers = ["{app}"]
max_conns = 4
idle_timeout = "1m"
multiplex = "off"
`

func descriptors(tb testing.TB) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(list)
}

func TestAReloadUnderLoadLosesNoRequest(t *testing.T) {
	r := start(t, reloaded, []string{"index.php"}, nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var counts [4]int
	for i := range counts {
		wg.Go(func() { // ends with stop
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got := r.get("/index.php"); got.StatusCode != 200 {
					t.Errorf("got %d %q", got.StatusCode, got.body)
				}
				counts[i]++
			}
		})
	}
	for i := range 30 {
		text := reloaded
		if i%3 == 0 { // another backend, so that the old one is closed
			text = strings.Replace(text, "max_conns = 4", fmt.Sprintf("max_conns = %d", 5+i), 1)
		}
		r.load(text)
	}
	close(stop)
	wg.Wait()
	if counts[0] == 0 {
		t.Error("no request was made")
	}
}

// shared is reloaded with a connection that stays, however slow the machine is:
// private ones are given up when the server seems to be short of workers.
var shared = strings.Replace(reloaded, `multiplex = "off"`, `multiplex = "on"`, 1)

func TestAReloadKeepsTheConnectionsOfAnUnchangedBackend(t *testing.T) {
	r := start(t, shared, []string{"index.php"}, nil)
	r.get("/index.php")
	r.load(strings.Replace(shared, "200 one", "200 two", 1))
	if got := r.get("/"); got.body != "two" {
		t.Errorf("got %q", got.body)
	}
	r.get("/index.php")
	harness.Eventually(t, "the connection is kept", func() bool { return r.app.Accepted() == 1 })
	r.load(strings.Replace(shared, "max_conns = 4", "max_conns = 5", 1))
	r.get("/index.php")
	harness.Eventually(t, "the changed backend has its own", func() bool { return r.app.Accepted() == 2 })
	harness.Eventually(t, "the old backend's connection is closed", func() bool { return r.app.Open() == 1 })
}

func TestARemovedBackendIsClosedBehindItsLastRequest(t *testing.T) {
	entered, goOn := make(chan struct{}), make(chan struct{})
	r := start(t, reloaded, []string{"index.php"}, func(w *fcgitest.Response, req *fcgitest.Request) {
		close(entered)
		select {
		case <-goOn:
		case <-req.Aborted:
		}
		show(w, req)
	})
	first := make(chan reply, 1)
	go func() { first <- r.get("/index.php") }() // ends with goOn
	<-entered
	r.load("[[site]]\nlisten = [\":80\"]\n[[site.location]]\nmatch = \"/\"\nreturn = \"200 new\"\n")
	if got := r.get("/index.php"); got.body != "new" {
		t.Errorf("got %q", got.body)
	}
	if r.app.Open() != 1 {
		t.Error("the connection of a request under way is closed")
	}
	close(goOn)
	if got := <-first; got.StatusCode != 200 {
		t.Errorf("the request under way: %d", got.StatusCode)
	}
	harness.Eventually(t, "the connection is closed", func() bool { return r.app.Open() == 0 })
}

// A backend that one reload kept and the next one replaced is still needed by a
// request that began before both.
func TestARequestOlderThanTwoReloadsFindsItsBackendOpen(t *testing.T) {
	r := start(t, reloaded, []string{"index.php"}, nil)
	nc, err := net.Dial("unix", r.addr[":80"])
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patient))
	from := bufio.NewReader(nc)
	_, _ = io.WriteString(nc, "POST /index.php HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if line, err := from.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("got %q, %v", line, err)
	}
	_, _ = from.ReadString('\n')
	// The request is in the first generation and has not asked for a connection.
	r.load(reloaded)
	r.load(strings.Replace(reloaded, "max_conns = 4", "max_conns = 5", 1))
	_, _ = io.WriteString(nc, "12345")
	resp, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
	harness.Eventually(t, "the replaced backend is closed behind it", func() bool { return r.app.Open() == 0 })
}

func TestABuildThatFailsChangesNothingAndLeavesNothingOpen(t *testing.T) {
	r := start(t, shared, []string{"index.php"}, nil)
	r.get("/index.php")
	before := 0
	for i, text := range []string{
		strings.Replace(shared, "match = \"/\"\n  return = \"200 one\"", "match = \"/\"\n  root = \"{dir}/none\"", 1),
		strings.Replace(shared, "200 one", "200 $nonsense", 1),
		strings.Replace(shared, "multiplex", "[backend.more]\nservers = [\"{app}\"]\nmax_conns = 3\n[[site]]\nlisten = [\":81\"]\nroot = \"{dir}/none\"\n#", 1),
	} {
		if i == 0 {
			before = descriptors(t)
		}
		for range 5 {
			if err := r.Load(t.Context(), r.parse(text)); err == nil || !strings.Contains(err.Error(), "test.toml:") {
				t.Errorf("%d: got %v", i, err)
			}
		}
		if got := r.get("/"); got.body != "one" {
			t.Errorf("%d: got %q", i, got.body)
		}
	}
	r.get("/index.php")
	harness.Eventually(t, "the first connection is the only one", func() bool { return r.app.Accepted() == 1 })
	harness.Eventually(t, "no more descriptors are open than before", func() bool { return descriptors(t) <= before })
}
