package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
)

const hinting = `
[[site]]
listen = [":80"]
root = "{dir}/www"
scripts = ["/**.php"]
  [[site.location]]
  match = "/"
  backend = "app"
  early_hints = ["</style.css>; rel=preload; as=style", "<https://cdn.test/>; rel=preconnect"]
  [[site.location]]
  match = "/app/"
  backend = "app"
[backend.app]
servers = ["{app}"]
`

// heads sends a request and returns the heads that come, as status lines and Link
// fields, up to the final one, and its body.
func (r *rig) heads(text string) (list []string, body string) {
	r.tb.Helper()
	nc, err := net.Dial("unix", r.addr[":80"])
	if err != nil {
		r.tb.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patient))
	_, _ = io.WriteString(nc, text)
	br := bufio.NewReader(nc)
	for {
		head, err := br.Peek(len("HTTP/1.1 100"))
		if err != nil {
			r.tb.Fatal(err)
		}
		status := string(head[len("HTTP/1.1 "):])
		if status[0] != '1' {
			list = append(list, status)
			break
		}
		tp := textproto.NewReader(br)
		_, _ = tp.ReadLine()
		h, err := tp.ReadMIMEHeader()
		if err != nil {
			r.tb.Fatal(err)
		}
		list = append(list, status+" "+strings.Join(h["Link"], ", "))
	}
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		r.tb.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.tb.Fatal(err)
	}
	return list, string(b)
}

func TestEarlyHintsAreForBrowsersThatOpenAPage(t *testing.T) {
	asked := make(chan struct{}, 100)
	r := start(t, hinting, []string{"a.php"}, func(w *fcgitest.Response, q *fcgitest.Request) {
		asked <- struct{}{}
		show(w, q)
	})
	const hints = "103 </style.css>; rel=preload; as=style, <https://cdn.test/>; rel=preconnect"
	for _, row := range []struct {
		request string
		want    []string
	}{
		{"GET /a.php HTTP/1.1\r\nSec-Fetch-Mode: navigate", []string{hints, "200"}},
		{"GET /a.php HTTP/1.1\r\nSec-Fetch-Mode: no-cors", []string{"200"}},
		{"GET /a.php HTTP/1.1", []string{"200"}},
		{"GET /a.php HTTP/1.0\r\nSec-Fetch-Mode: navigate", []string{"200"}},
		{"POST /a.php HTTP/1.1\r\nSec-Fetch-Mode: navigate\r\nContent-Length: 0", []string{"200"}},
		{"GET /none.php HTTP/1.1\r\nSec-Fetch-Mode: navigate", []string{"404"}},
	} {
		got, _ := r.heads(row.request + "\r\nHost: x\r\n\r\n")
		if !slices.Equal(got, row.want) {
			t.Errorf("%q: %q, want %q", row.request, got, row.want)
		}
	}
}

// TestEarlyHintsComeBeforeTheBackendAnswers has the backend wait until the client
// has them.
func TestEarlyHintsComeBeforeTheBackendAnswers(t *testing.T) {
	read := make(chan struct{})
	r := start(t, hinting, []string{"a.php"}, func(w *fcgitest.Response, q *fcgitest.Request) {
		<-read
		show(w, q)
	})
	nc, err := net.Dial("unix", r.addr[":80"])
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patient))
	_, _ = io.WriteString(nc, "GET /a.php HTTP/1.1\r\nHost: x\r\nSec-Fetch-Mode: navigate\r\n\r\n")
	br := bufio.NewReader(nc)
	line, err := br.ReadString('\n')
	close(read)
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 103 ") {
		t.Fatalf("%q, %v", line, err)
	}
}

func TestAnApplicationSendsSeveralInterimResponses(t *testing.T) {
	const one = "Status: 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
	for _, row := range []struct {
		version string
		n       int
		status  string
	}{{"1.1", 1, "200"}, {"1.1", 3, "200"}, {"1.0", 3, "200"}, {"1.1", 500, "200"}, {"1.1", 5000, "502"}} {
		r := start(t, hinting, []string{"app/a.php"}, func(w *fcgitest.Response, _ *fcgitest.Request) {
			_, _ = w.WriteString(strings.Repeat(one, row.n) + "Content-Type: text/plain\r\n\r\nbody")
		})
		got, body := r.heads("GET /app/a.php HTTP/" + row.version + "\r\nHost: x\r\n\r\n")
		last := len(got) - 1
		if got[last] != row.status || row.status == "200" && body != "body" {
			t.Errorf("%d on HTTP/%s: %q, %q", row.n, row.version, got[last], body)
		}
		switch {
		case row.version == "1.0" && last != 0, row.version == "1.1" && row.n < 10 && last != row.n, last > row.n:
			t.Errorf("%d on HTTP/%s: %d heads came", row.n, row.version, last)
		}
		for _, h := range got[:last] {
			if h != "103 </a.css>; rel=preload" {
				t.Fatalf("%q", h)
			}
		}
	}
}
