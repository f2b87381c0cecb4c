package integration

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
)

// scriptSite has a responder that plays the scripts, one for each connection.
func scriptSite(t *testing.T, scripts ...fcgitest.Script) *gateway {
	t.Helper()
	return startGateway(t, &site{
		root: docroot(t, "index.php", ""), server: played(t, scripts...), conns: 1,
		backend: "multiplex = \"off\"\nread_timeout = \"500ms\"",
	})
}

func TestAFatalErrorIsA500WithItsMessageInTheAccessRecord(t *testing.T) {
	g := phpSite(t, 2, "index.php", `<?php no_such_function();`)
	if a := g.get("/fatal"); a.StatusCode != 500 {
		t.Errorf("status %d, want 500", a.StatusCode)
	}
	r := g.record("/fatal")
	if r.Status != 500 || !strings.Contains(strings.Join(r.Stderr, "\n"), "undefined function no_such_function()") {
		t.Errorf("record: %+v", r)
	}
}

func TestWarningsAreInTheAccessRecordOfTheirRequest(t *testing.T) {
	g := phpSite(t, 2, "index.php", `<?php error_log("mark " . $_GET["n"]); echo $undefined, "fine";`)
	for _, n := range []string{"1", "2", "3"} {
		g.get("/?n="+n).expect(t, 200, "fine")
	}
	for _, n := range []string{"1", "2", "3"} {
		lines := strings.Join(g.record("/?n="+n).Stderr, "\n")
		if !containsAll(lines, []string{"mark " + n, "Undefined variable $undefined"}) || strings.Count(lines, "mark") != 1 {
			t.Errorf("request %s: stderr %q", n, lines)
		}
	}
}

func TestTheRequestIDIsTheSameForPHPTheClientAndTheLog(t *testing.T) {
	g := phpSite(t, 1, "index.php", `<?php echo $_SERVER['REQUEST_ID'];`)
	a := g.get("/id")
	if id := g.record("/id").ID; id == "" || a.body != id || a.Header.Get("X-Request-ID") != id {
		t.Errorf("log %q, PHP %q, client %q", id, a.body, a.Header.Get("X-Request-ID"))
	}
}

func TestASilentBackendIsA504(t *testing.T) {
	g := scriptSite(t, fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Drain()})
	if a := g.get("/silent"); a.StatusCode != 504 {
		t.Errorf("status %d, want 504", a.StatusCode)
	}
	g.awaitLog(`"status":504`, "read_timeout")
	if r := g.record("/silent"); r.Status != 504 || r.Error == "" {
		t.Errorf("record: %+v", r)
	}
}

func TestABadReplyIsA502WhoseCauseIsLogged(t *testing.T) {
	tests := []struct{ name, output, logged string }{
		{"nothing", "", "empty"},
		{"no header", "just text\n\nmore", "no colon"},
		{"half a header", "Content-Type: text/html\r\n", "ends within its header"},
		{"a bad status", "Status: 20x\r\n\r\n", "bad status"},
		{"a large header", "X-Large: " + strings.Repeat("x", 70<<10) + "\r\n\r\n", "max_response_header"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := scriptSite(t, replies(tt.output))
			if a := g.get("/bad"); a.StatusCode != 502 {
				t.Errorf("status %d, want 502", a.StatusCode)
			}
			g.awaitLog(`"status":502`, `"uri":"/bad"`, tt.logged)
		})
	}
}

func TestABackendThatClosesWithoutAReplyIsA502(t *testing.T) {
	closes := fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Close()}
	g := scriptSite(t, closes, closes, closes)
	c := g.dial()
	c.send("POST /closed HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 1\r\n\r\nx")
	if a := c.answer(http.MethodPost); a.StatusCode != 502 {
		t.Errorf("status %d, want 502", a.StatusCode)
	}
	if r := g.record("/closed"); r.Tries != 1 {
		t.Errorf("%d tries of a POST on a new connection, want 1", r.Tries)
	}
}

func TestAReplyThatIsCutBehindItsHeadIsSeenAsIncomplete(t *testing.T) {
	tests := []struct{ name, head string }{
		{"of unknown length", "Content-Type: text/plain\r\n\r\n"},
		{"of known length", "Content-Length: 1000\r\n\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := make(chan struct{})
			g := scriptSite(t, fcgitest.Script{
				fcgitest.ExpectRequest(), fcgitest.Stdout([]byte(tt.head + "part")), fcgitest.Wait(seen),
			})
			c := g.dial()
			c.send("GET /cut HTTP/1.1\r\nHost: ex.test\r\n\r\n")
			resp := c.head(http.MethodGet)
			if _, err := io.ReadFull(resp.Body, make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
			close(seen) // the client has the beginning: now the backend goes
			if _, err := io.ReadAll(resp.Body); err != io.ErrUnexpectedEOF {
				t.Errorf("read error %v, want unexpected EOF", err)
			}
			if r := g.record("/cut"); r.Error == "" {
				t.Errorf("record without an error: %+v", r)
			}
		})
	}
}

func TestAReplyShorterThanItsLengthIsSeenAsIncomplete(t *testing.T) {
	g := scriptSite(t, replies("Content-Length: 40000\r\n\r\n"+strings.Repeat("x", 30000)))
	c := g.dial()
	c.send("GET /short HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	if _, err := io.ReadAll(c.head(http.MethodGet).Body); err != io.ErrUnexpectedEOF {
		t.Errorf("read error %v, want unexpected EOF", err)
	}
}

func TestAReplyLongerThanItsLengthIsCutThere(t *testing.T) {
	g := scriptSite(t, replies("Content-Length: 4\r\n\r\nfourand more"), replies("Content-Length: 4\r\n\r\nnext"))
	c := g.dial()
	c.send("GET /long HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	c.answer(http.MethodGet).expect(t, 200, "four")
	c.send("GET /next HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	c.answer(http.MethodGet).expect(t, 200, "next")
	if g.record("/next").Reused {
		t.Error("the connection of the long reply was used again")
	}
}

func TestEarlyHintsReachTheClientBeforeTheResponse(t *testing.T) {
	early := make(chan struct{})
	g := scriptSite(t, fcgitest.Script{
		fcgitest.ExpectRequest(),
		fcgitest.Stdout([]byte("Status: 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")),
		fcgitest.Wait(early),
		fcgitest.Reply("Content-Type: text/plain\r\n\r\nhinted"),
	})
	c := g.dial()
	c.send("GET / HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	hint := c.head(http.MethodGet)
	if hint.StatusCode != 103 || hint.Header.Get("Link") != "</a.css>; rel=preload" {
		t.Errorf("got %d %q", hint.StatusCode, hint.Header.Get("Link"))
	}
	close(early)
	c.answer(http.MethodGet).expect(t, 200, "hinted")
}
