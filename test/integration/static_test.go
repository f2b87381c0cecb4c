package integration

import (
	"net/http"
	"testing"
)

// ask sends a GET with more header lines, each ending in CRLF.
func (g *gateway) ask(path, lines string) answer {
	g.t.Helper()
	return g.request("GET " + path + " HTTP/1.1\r\nHost: ex.test\r\nConnection: close\r\n" + lines + "\r\n")
}

// staticSite has a file and no backend that works.
func staticSite(t *testing.T) *gateway {
	t.Helper()
	root := docroot(t, "file.txt", "0123456789", "dir/index.html", "index of dir")
	return startGateway(t, &site{root: root, server: "127.0.0.1:1"})
}

func TestStaticFilesAreRevalidated(t *testing.T) {
	g := staticSite(t)
	a := g.get("/file.txt")
	a.expect(t, 200, "0123456789")
	etag, modified := a.Header.Get("ETag"), a.Header.Get("Last-Modified")
	if etag == "" || modified == "" {
		t.Fatalf("validators: ETag %q, Last-Modified %q", etag, modified)
	}
	g.ask("/file.txt", "If-None-Match: "+etag+"\r\n").expect(t, 304, "")
	g.ask("/file.txt", "If-Modified-Since: "+modified+"\r\n").expect(t, 304, "")
	g.ask("/file.txt", "If-None-Match: \"other\"\r\n").expect(t, 200, "0123456789")
	g.ask("/file.txt", "If-None-Match: \"other\"\r\nIf-Modified-Since: "+modified+"\r\n").expect(t, 200, "0123456789")
	g.ask("/file.txt", "If-Match: \"other\"\r\n").expect(t, 412, "")
}

func TestStaticFilesAreServedInRanges(t *testing.T) {
	g := staticSite(t)
	a := g.ask("/file.txt", "Range: bytes=2-4\r\n")
	a.expect(t, 206, "234")
	if got := a.Header.Get("Content-Range"); got != "bytes 2-4/10" {
		t.Errorf("Content-Range %q", got)
	}
	g.ask("/file.txt", "Range: bytes=-3\r\n").expect(t, 206, "789")
	g.ask("/file.txt", "Range: bytes=7-\r\n").expect(t, 206, "789")
	a = g.ask("/file.txt", "Range: bytes=10-\r\n")
	if a.StatusCode != 416 || a.Header.Get("Content-Range") != "bytes */10" {
		t.Errorf("beyond the end: %d, %q", a.StatusCode, a.Header.Get("Content-Range"))
	}
	g.ask("/file.txt", "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n").expect(t, 200, "0123456789")
}

func TestDirectoriesAreRedirectedToTheirSlashAndIndexed(t *testing.T) {
	g := staticSite(t)
	a := g.get("/dir?x=1")
	if a.StatusCode != 301 || a.Header.Get("Location") != "/dir/?x=1" {
		t.Errorf("got %d %q, want 301 /dir/?x=1", a.StatusCode, a.Header.Get("Location"))
	}
	g.get("/dir/").expect(t, 200, "index of dir")
}

func TestAStaticFileIsNotPostedTo(t *testing.T) {
	g := staticSite(t)
	c := g.dial()
	c.send("POST /file.txt HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 1\r\n\r\nx")
	if a := c.answer(http.MethodPost); a.StatusCode != 405 || a.Header.Get("Allow") == "" {
		t.Errorf("got %d, Allow %q", a.StatusCode, a.Header.Get("Allow"))
	}
}
