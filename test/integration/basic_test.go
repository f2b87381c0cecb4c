package integration

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// echo tells what PHP got.
const echo = `<?php
header('X-Method: ' . $_SERVER['REQUEST_METHOD']);
echo $_SERVER['REQUEST_METHOD'], ' ', $_SERVER['REQUEST_URI'], ' ', (int) $_SERVER['CONTENT_LENGTH'],
	' ', strlen($body = file_get_contents('php://input')), ' ', hash('sha256', $body);
`

// phpSite starts php-fpm with some children and a gateway in front of it.
func phpSite(t testing.TB, children int, files ...string) *gateway {
	t.Helper()
	f := startFPM(t, fpmConf{children: children})
	return startGateway(t, &site{root: docroot(t, files...), server: f.server(), conns: children})
}

func TestGETReachesThePHPScript(t *testing.T) {
	g := phpSite(t, 2, "index.php", `<?php echo "hello ", $_GET["name"];`)
	a := g.get("/?name=world")
	a.expect(t, 200, "hello world")
	if got := a.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/html") {
		t.Errorf("Content-Type %q", got)
	}
	g.get("/some/pretty/path?name=you").expect(t, 200, "hello you")
}

func TestHEADGetsTheHeadOfAGETAndNoBody(t *testing.T) {
	g := phpSite(t, 2, "index.php", `<?php header('Content-Length: 5'); header('X-Kept: yes'); echo "hello";`)
	c := g.dial()
	c.send("HEAD / HTTP/1.1\r\nHost: ex.test\r\n\r\nGET / HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	a := c.answer(http.MethodHead)
	a.expect(t, 200, "")
	if a.Header.Get("X-Kept") != "yes" || a.ContentLength != 5 {
		t.Errorf("head of HEAD: %v, length %d", a.Header, a.ContentLength)
	}
	c.answer(http.MethodGet).expect(t, 200, "hello")
}

func TestAPOSTedFormReachesPHP(t *testing.T) {
	g := phpSite(t, 2, "form.php", `<?php ksort($_POST); echo json_encode($_POST);`)
	resp, err := g.httpClient().PostForm(g.url("/form.php"), url.Values{"a": {"1 & 2"}, "b": {"ü"}})
	if err != nil {
		t.Fatal(err)
	}
	whole(t, resp).expect(t, 200, `{"a":"1 & 2","b":"\u00fc"}`)
}

func TestPathInfoIsSplitBehindTheScript(t *testing.T) {
	g := phpSite(t, 2, "a.php", `<?php echo $_SERVER['SCRIPT_NAME'], '|', $_SERVER['PATH_INFO'], '|', $_SERVER['REQUEST_URI'];`)
	g.get("/a.php/foo/b%20r?x=1").expect(t, 200, "/a.php|/foo/b r|/a.php/foo/b%20r?x=1")
}

func TestRequestsOnOneConnectionUseOneConnectionToPHP(t *testing.T) {
	g := phpSite(t, 1, "index.php", `<?php echo getmypid();`)
	c := g.dial()
	for range 10 {
		c.send("GET /?keep HTTP/1.1\r\nHost: ex.test\r\n\r\n")
		if a := c.answer(http.MethodGet); a.StatusCode != 200 || a.Close {
			t.Fatalf("status %d, close %v", a.StatusCode, a.Close)
		}
	}
	for i, r := range g.records("/?keep", 10) {
		if r.Conn != g.records("/?keep", 10)[0].Conn {
			t.Errorf("request %d came on another client connection", i)
		}
		if r.Reused != (i > 0) {
			t.Errorf("request %d: reused=%v", i, r.Reused)
		}
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	g := phpSite(t, 2, "index.php", `<?php usleep(1000 * (20 - $_GET['n'])); echo $_GET['n'];`, "file.txt", "static")
	var raw strings.Builder
	for i := range 20 {
		fmt.Fprintf(&raw, "GET /?n=%d HTTP/1.1\r\nHost: ex.test\r\n\r\n", i)
		if i%5 == 0 {
			raw.WriteString("GET /file.txt HTTP/1.1\r\nHost: ex.test\r\n\r\n")
		}
	}
	c := g.dial()
	c.send(raw.String())
	for i := range 20 {
		c.answer(http.MethodGet).expect(t, 200, itoa(i))
		if i%5 == 0 {
			c.answer(http.MethodGet).expect(t, 200, "static")
		}
	}
}

func TestConnectionCloseIsAnsweredAndObeyed(t *testing.T) {
	g := phpSite(t, 2, "index.php", `<?php echo "bye";`)
	c := g.dial()
	c.send("GET / HTTP/1.1\r\nHost: ex.test\r\nConnection: close\r\n\r\n")
	a := c.answer(http.MethodGet)
	a.expect(t, 200, "bye")
	if !a.Close {
		t.Error("no Connection: close in the answer")
	}
	if !c.closed() {
		t.Error("the connection stays open")
	}
}

func TestHTTP10IsAnsweredWithoutChunksAndCloses(t *testing.T) {
	g := phpSite(t, 2, "index.php", `<?php echo "one"; flush(); usleep(100000); echo "two";`)
	c := g.dial()
	c.send("GET / HTTP/1.0\r\n\r\n")
	a := c.answer(http.MethodGet)
	a.expect(t, 200, "onetwo")
	if len(a.TransferEncoding) > 0 {
		t.Errorf("Transfer-Encoding %q for HTTP/1.0", a.TransferEncoding)
	}
	if !c.closed() {
		t.Error("the connection stays open")
	}
}

func TestHTTP10KeepAliveIsServed(t *testing.T) {
	g := phpSite(t, 2, "index.php", `<?php echo "x";`)
	c := g.dial()
	for range 3 {
		c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		c.answer(http.MethodGet).expect(t, 200, "x")
	}
}

func TestExpectContinueIsAnsweredBeforeTheBody(t *testing.T) {
	g := phpSite(t, 2, "index.php", echo)
	c := g.dial()
	c.send("POST / HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if line, err := c.br.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("interim line %q, %v", line, err)
	}
	if line, err := c.br.ReadString('\n'); err != nil || line != "\r\n" {
		t.Fatalf("interim end %q, %v", line, err)
	}
	c.send("hello")
	a := c.answer(http.MethodPost)
	a.expect(t, 200, "POST / 5 5 "+sha256Hex([]byte("hello")))
}
