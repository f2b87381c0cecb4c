package fcgi_test

import (
	"bytes"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// stubBody is the length of the stub's replies.
const stubBody = 128

// typicalParams is what a gateway sends for a small GET.
func typicalParams() []byte {
	var b []byte
	for i := range 28 {
		b = fcgi.AppendPair(b, fmt.Sprintf("HTTP_X_HEADER_%02d", i), "some value of usual length")
	}
	return b
}

// startStub starts a responder that does as little as it can: it looks for
// BEGIN_REQUEST and answers at the end of STDIN, all replies of one read in
// one write.
func startStub(tb testing.TB) string { return startStubOf(tb, stubBody) }

// startStubOf is startStub with replies of n bytes.
func startStubOf(tb testing.TB, n int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "stub.sock")
	l := must[net.Listener](tb)(net.Listen("unix", path))
	var wg sync.WaitGroup
	wg.Go(func() { // ends when the cleanup closes l
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { stub(nc, n) }) // ends when the client closes
		}
	})
	tb.Cleanup(func() { l.Close(); wg.Wait() })
	return path
}

func stub(nc net.Conn, reply int) {
	defer nc.Close()
	body := bytes.Repeat([]byte("x"), reply)
	var parser fcgi.Parser
	in := make([]byte, 0, 256<<10)
	var out []byte
	for {
		n, err := nc.Read(in[len(in):cap(in)])
		if err != nil {
			return
		}
		in, out = in[:len(in)+n], out[:0]
		r := 0
		for {
			part, used, err := parser.Next(in[r:])
			r += used
			if err != nil || part.Type == 0 {
				break
			}
			if part.Type == fcgi.TypeStdin && part.EOS {
				out = fcgi.AppendStream(out, fcgi.TypeStdout, part.ID, body)
				out = fcgi.AppendEnd(out, part.ID, fcgi.End{})
			}
		}
		in = in[:copy(in, in[r:])]
		if len(out) > 0 {
			if _, err := nc.Write(out); err != nil {
				return
			}
		}
	}
}

func BenchmarkConnDo(b *testing.B) {
	c := newConn(b, dial(b, startStub(b)), fcgi.Config{Sweeper: sweeper(b, 0), ReadTimeout: patience})
	req := &fcgi.Request{KeepConn: true, Params: typicalParams()}
	h := new(discard)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Do(req, h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeStdin64K(b *testing.B) {
	body := pattern(64 << 10)
	dst := make([]byte, 0, 70<<10)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		dst = fcgi.AppendStream(dst[:0], fcgi.TypeStdin, 1, body)
	}
}

func BenchmarkDecodeStdout64K(b *testing.B) {
	in := fcgi.AppendStream(nil, fcgi.TypeStdout, 1, pattern(64<<10))
	benchmarkParse(b, in)
}

func BenchmarkDecodeSmallRecord(b *testing.B) {
	in := fcgi.AppendRecord(nil, fcgi.TypeStdout, 1, pattern(100))
	benchmarkParse(b, in)
}

func benchmarkParse(b *testing.B, in []byte) {
	var p fcgi.Parser
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		for r := 0; r < len(in); {
			_, used, err := p.Next(in[r:])
			if err != nil {
				b.Fatal(err)
			}
			r += used
		}
	}
}

func BenchmarkAppendPair(b *testing.B) {
	dst := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		dst = fcgi.AppendPair(dst[:0], "SCRIPT_FILENAME", "/var/www/html/index.php")
	}
}

func BenchmarkConnDoReply1MiB(b *testing.B) {
	const size = 1 << 20
	c := newConn(b, dial(b, startStubOf(b, size)), fcgi.Config{Sweeper: sweeper(b, 0), ReadTimeout: patience})
	req := &fcgi.Request{KeepConn: true, Params: typicalParams()}
	h := new(discard)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Do(req, h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMuxDo(b *testing.B) {
	const callers = 64
	m := newMux(b, dial(b, startStub(b)), fcgi.MuxConfig{Streams: callers, Sweeper: sweeper(b, 0), ReadTimeout: patience})
	var writes, left atomic.Int64
	m.CountWrites(&writes)
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() { // ends with the last request
			req := &fcgi.Request{Params: typicalParams()}
			h := new(discard)
			for left.Add(-1) >= 0 {
				if _, err := m.Do(req, h); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(writes.Load())/float64(b.N), "writes/op")
}
