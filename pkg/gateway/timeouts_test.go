package gateway_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// timed is a backend with a timeout that is short, and others that are not.
const timed = `
[[site]]
listen = [":80"]
root = "{dir}/www"
scripts = ["/**.php"]
max_body = "16MiB"
  [[site.location]]
  match = "/"
  backend = "app"
[backend.app]
servers = ["%s"]
max_conns = 1
retry = []
%s
`

// record is what the logs say of a request.
type record struct {
	Msg, URI, Error, Hint string
	Status                int
}

// records returns what a log says of a path.
func (r *rig) records(log, uri string) (list []record) {
	for line := range strings.Lines(r.read(log)) {
		var rec record
		if json.Unmarshal([]byte(line), &rec) == nil && rec.URI == uri {
			list = append(list, rec)
		}
	}
	return list
}

// plays runs a script for each connection to a unix socket.
func plays(scripts ...fcgitest.Script) func(testing.TB) string {
	return func(tb testing.TB) string { return "unix:" + fcgitest.StartScripts(tb, scripts...) }
}

// unanswered listens on TCP and never takes a connection off a queue that is
// full, so that dials get no answer.
func unanswered(tb testing.TB) string {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { unix.Close(fd) })
	err = errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0))
	sa, nameErr := unix.Getsockname(fd)
	if err := errors.Join(err, nameErr); err != nil {
		tb.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", sa.(*unix.SockaddrInet4).Port)
	for range 8 {
		c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return addr
		}
		tb.Cleanup(func() { c.Close() })
	}
	tb.Skip("this system does not bound the queue of connections")
	return ""
}

// post sends a POST with a body of size bytes and reads the answer; whole says
// that it has its end.
func (r *rig) post(path string, size int) (resp *http.Response, body string, whole bool) {
	r.tb.Helper()
	nc, err := net.Dial("unix", r.addr[":80"])
	if err != nil {
		r.tb.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patient))
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", path, size)
	if _, err := io.WriteString(nc, head+strings.Repeat("x", size)); err != nil {
		r.tb.Fatal(err)
	}
	resp, err = http.ReadResponse(bufio.NewReader(nc), &http.Request{Method: "POST"})
	if err != nil {
		r.tb.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err == nil
}

func TestEachTimeoutHasItsStatusAndItsReason(t *testing.T) {
	silent := fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Stall()}
	begun := fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Stdout([]byte("A: b\r\n\r\nbegun")), fcgitest.Stall()}
	for _, c := range []struct {
		name, key    string
		server       func(testing.TB) string
		size, status int
		error, hint  string
		begun        bool // the client has got a part
	}{
		{"connect", `connect_timeout = "30ms"`, unanswered, 0, 504, "connect timed out", "firewall", false},
		{"send", `send_timeout = "30ms"`, plays(fcgitest.Script{fcgitest.Expect(100), fcgitest.Stall()}), 4 << 20, 504, "took nothing in time", "send_timeout", false},
		{"read", `read_timeout = "30ms"`, plays(silent), 0, 504, "sent nothing in time", "read_timeout", false},
		{"read, no worker", `read_timeout = "30ms"`, plays(fcgitest.Script{fcgitest.Stall()}), 0, 504, "sent nothing in time", "read_timeout", false},
		{"read, begun", `read_timeout = "30ms"`, plays(begun), 0, 200, "sent nothing in time", "read_timeout", true},
		{"total", `request_timeout = "30ms"`, plays(silent), 0, 504, "request_timeout", "request_timeout", false},
		{"total, begun", `request_timeout = "200ms"`, plays(begun), 0, 200, "request_timeout", "request_timeout", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, fmt.Sprintf(timed, c.server(t), c.key), []string{"a.php"}, nil)
			resp, body, whole := r.post("/a.php", c.size)
			if resp.StatusCode != c.status || resp.Header.Get("Retry-After") != "" || whole == c.begun || (body == "begun") != c.begun {
				t.Errorf("%d %q, whole %v, Retry-After %q", resp.StatusCode, body, whole, resp.Header.Get("Retry-After"))
			}
			r.logged("/a.php", c.status, c.error, c.hint, map[bool]string{true: "response broken off", false: "request failed"}[c.begun])
		})
	}
}

// logged waits for the records of a request that failed and checks them.
func (r *rig) logged(uri string, status int, reason, hint, msg string) {
	r.tb.Helper()
	harness.Eventually(r.tb, "there is an access record", func() bool { return len(r.records("access.log", uri)) > 0 })
	access, failed := r.records("access.log", uri), r.records("error.log", uri)
	if len(access) != 1 || access[0].Status != status || !strings.Contains(access[0].Error, reason) {
		r.tb.Errorf("access log: %+v", access)
	}
	if len(failed) != 1 || failed[0].Status != status || !strings.Contains(failed[0].Error, reason) ||
		!strings.Contains(failed[0].Hint, hint) || failed[0].Msg != msg {
		r.tb.Errorf("error log: %+v", failed)
	}
}

func TestAFullOrSlowQueueIs503AndSaysWhenToComeAgain(t *testing.T) {
	for key, reason := range map[string]string{
		`queue = 0`:               "queue full",
		`queue_timeout = "100ms"`: "waited too long for a worker",
	} {
		t.Run(key, func(t *testing.T) {
			entered, leave := make(chan struct{}), make(chan struct{})
			r := start(t, fmt.Sprintf(timed, "{app}", key), []string{"a.php", "b.php"}, func(w *fcgitest.Response, q *fcgitest.Request) {
				close(entered)
				select {
				case <-leave:
				case <-q.Aborted:
				}
				show(w, q)
			})
			first := make(chan int, 1)
			go func() { // ends with the request
				resp, _, _ := r.post("/a.php", 0)
				first <- resp.StatusCode
			}()
			<-entered
			resp, _, whole := r.post("/b.php", 0)
			if resp.StatusCode != 503 || !whole || resp.Header.Get("Retry-After") != "1" {
				t.Errorf("%d, whole %v, Retry-After %q", resp.StatusCode, whole, resp.Header.Get("Retry-After"))
			}
			r.logged("/b.php", 503, reason, "max_children", "request failed")
			close(leave)
			if status := <-first; status != 200 {
				t.Errorf("the one with the worker: %d", status)
			}
		})
	}
}

const ignoring = `
[[site]]
listen = [":80"]
root = "{dir}/www"
scripts = ["/**.php"]
  [[site.location]]
  match = "/"
  backend = "app"
  ignore_client_abort = %v
[backend.app]
servers = ["{app}"]
max_conns = 1
request_timeout = "1m"
`

// leaver asks for /a.php and leaves when its worker has begun.
func (r *rig) leaver(entered <-chan *fcgitest.Request) *fcgitest.Request {
	r.tb.Helper()
	nc, err := net.Dial("unix", r.addr[":80"])
	if err != nil {
		r.tb.Fatal(err)
	}
	if _, err := io.WriteString(nc, "GET /a.php HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		r.tb.Fatal(err)
	}
	q := <-entered
	nc.Close()
	return q
}

func TestAClientThatLeavesStopsItsScriptUnlessThatIsIgnored(t *testing.T) {
	for _, ignored := range []bool{false, true} {
		t.Run(fmt.Sprintf("ignored %v", ignored), func(t *testing.T) {
			entered, leave := make(chan *fcgitest.Request, 2), make(chan struct{})
			ended := make(chan bool, 2) // it was let come to its end
			r := start(t, fmt.Sprintf(ignoring, ignored), []string{"a.php", "b.php"}, func(w *fcgitest.Response, q *fcgitest.Request) {
				entered <- q
				select {
				case <-leave:
					show(w, q)
					ended <- w.Flush() == nil
				case <-q.Aborted:
					ended <- false
				}
			})
			r.leaver(entered)
			if ignored {
				next := make(chan reply, 1)
				go func() { next <- r.get("/b.php") }() // ends with the request
				close(leave)
				if got := <-next; got.StatusCode != 200 {
					t.Errorf("the next: %d", got.StatusCode)
				}
			}
			if got := <-ended; got != ignored {
				t.Errorf("it came to its end: %v", got)
			}
			harness.Eventually(t, "there is an access record", func() bool { return len(r.records("access.log", "/a.php")) > 0 })
			if rec := r.records("access.log", "/a.php")[0]; rec.Status != 499 {
				t.Errorf("%+v", rec)
			}
		})
	}
}
