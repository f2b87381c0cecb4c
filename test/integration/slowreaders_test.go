package integration

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// dialSlowly opens a connection that holds little on its way, like one over a
// network: on the loopback interface the kernel alone would take a megabyte.
func (g *gateway) dialSlowly() *client {
	g.t.Helper()
	small := func(_, _ string, rc syscall.RawConn) (err error) {
		failed := rc.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10)
			if err == nil {
				err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1448)
			}
		})
		if failed != nil {
			return failed
		}
		return err
	}
	d := net.Dialer{Control: small}
	nc, err := d.Dial("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(2 * harness.Patience)); err != nil {
		g.t.Fatal(err)
	}
	return &client{t: g.t, nc: nc, br: bufio.NewReaderSize(nc, 1<<10)}
}

func TestNormalRequestsGoOnWhileManyClientsReadSlowly(t *testing.T) {
	const readers, requests, piece = 50, 20, 10 << 10
	g := phpSite(t, 1, "big.php", big, "index.php", `<?php echo "served";`)
	var bodies []io.Reader
	for range readers {
		c := g.dialSlowly()
		c.send("GET /big.php?n=1 HTTP/1.1\r\nHost: ex.test\r\n\r\n")
		resp := c.head(http.MethodGet)
		t.Cleanup(func() { resp.Body.Close() })
		if _, err := io.CopyN(io.Discard, resp.Body, piece); err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, resp.Body)
	}
	for range requests {
		g.get("/normal").expect(t, 200, "served")
	}
	g.records("/normal", requests)
	for _, r := range g.parseRecords(readFile(t, g.access)) {
		if strings.HasPrefix(r.URI, "/big.php") {
			t.Fatalf("a slow answer ended before its client had read it: %+v", r)
		}
	}
	for i, body := range bodies {
		if n, err := io.Copy(io.Discard, body); err != nil || n != 1<<20-piece {
			t.Errorf("reader %d: %d more bytes, %v", i, n, err)
		}
	}
}
