package httpc

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// FuzzReply holds what every reply must satisfy: the pieces it comes in do not
// matter, and what we accept net/http accepts with the same meaning.
func FuzzReply(f *testing.F) {
	for _, row := range append(goodReplies, badReplies...) {
		f.Add(row.in, false, 3)
	}
	f.Add("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nrest", false, 1)
	f.Fuzz(func(t *testing.T, in string, isHead bool, n int) {
		n = max(n, 0) % 1000
		whole := outcome(in, 0, isHead, "websocket")
		if parted := outcome(in, n, isHead, "websocket"); parted != whole {
			t.Fatalf("%q in pieces of %d:\n%s\nwhole:\n%s", in, n, parted, whole)
		}
		if strings.HasPrefix(whole, "switched") {
			return
		}
		status, length, body, fine := final(in, isHead)
		if !fine {
			return
		}
		compare(t, in, isHead, status, length, body)
	})
}

// final is what we make of a reply that is complete.
func final(in string, isHead bool) (status int, length int64, body string, fine bool) {
	var r Reply
	resp := new(exchange.Response)
	p := &parts{r: resp}
	r.Begin(resp, isHead, nil)
	if _, err := r.Feed([]byte(in), p); err != nil || r.End() != nil {
		return 0, 0, "", false
	}
	return resp.Status, resp.ContentLength, p.body.String(), true
}

// compare reads the reply as net/http does. It takes interim responses for final
// ones, so it is asked again behind them.
func compare(t *testing.T, in string, isHead bool, status int, length int64, body string) {
	method := map[bool]string{true: "HEAD", false: "GET"}[isHead]
	r := bufio.NewReader(strings.NewReader(in))
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("%q: net/http: %v", in, err)
		}
		if resp.StatusCode/100 == 1 {
			continue
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil || string(got) != body || resp.StatusCode != status {
			t.Fatalf("%q: %d %q; net/http %d %q, %v", in, status, body, resp.StatusCode, got, err)
		}
		if length >= 0 && status != 304 && resp.ContentLength != length { // net/http takes the length of a 304 off
			t.Fatalf("%q: length %d; net/http %d", in, length, resp.ContentLength)
		}
		return
	}
}

// FuzzAppendHead holds that whatever an exchange has in it, the head is one head
// with one Host and one framing.
func FuzzAppendHead(f *testing.F) {
	f.Add("GET", "/a?b", "h", "x-a", "b\r\nEvil: 1", int64(3))
	f.Add("POST", "/", "h:1", "content-length", "7", int64(0))
	f.Add("POST", "/", "", "transfer-encoding", "chunked", int64(9))
	f.Fuzz(func(t *testing.T, method, target, host, name, value string, bodyLen int64) {
		if !octets.IsToken([]byte(method)) || bodyLen < 0 || !plain(target) || target == "" || !plain(host) {
			return // a listener lets nobody send these
		}
		x := exchange.New()
		x.Request.Method, x.Request.Target, x.Request.Authority = []byte(method), []byte(target), []byte(host)
		x.Request.Header.Add([]byte(name), []byte(value))
		head := string(AppendHead(nil, x, &Outgoing{BodyLen: bodyLen, Host: "other"}))
		lines := strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
		if len(lines) > 4 || strings.Count(head, "\r\n\r\n") != 1 || strings.ContainsAny(strings.ReplaceAll(head, "\r\n", ""), "\r\n\x00") {
			t.Fatalf("%q", head)
		}
		low := strings.ToLower(head)
		if strings.Count(low, "\r\nhost:") != 1 || strings.Count(low, "\r\ncontent-length:") > 1 || strings.Contains(low, "\r\ntransfer-encoding:") {
			t.Fatalf("%q", head)
		}
	})
}

// plain reports whether s has printable ASCII without spaces only.
func plain(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}
