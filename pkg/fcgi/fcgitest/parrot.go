package fcgitest

import (
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// Parrot serves a unix socket until the test ends and returns its path. Every
// request is answered with the same STDOUT, without allocating, so that a test
// can count what the other side allocates. A request must arrive with one read.
// The connections must be closed before the test's cleanups come to it.
func Parrot(tb testing.TB, stdout string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "parrot.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { // ends when the cleanup closes l
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { repeat(nc, stdout) }) // ends with the connection
		}
	})
	tb.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return path
}

func repeat(nc net.Conn, stdout string) {
	defer nc.Close()
	in := make([]byte, 64<<10)
	out := fcgi.AppendStream(nil, fcgi.TypeStdout, 1, []byte(stdout))
	end := len(out)
	out = fcgi.AppendEnd(out, 1, fcgi.End{})
	for {
		if _, err := nc.Read(in); err != nil {
			return
		}
		out[2], out[3] = in[2], in[3] // the request's id
		out[end+2], out[end+3] = in[2], in[3]
		if _, err := nc.Write(out); err != nil {
			return
		}
	}
}
