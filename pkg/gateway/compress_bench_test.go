package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
)

// BenchmarkCompressedPage is a page of 12 KiB by FastCGI: what its encoding adds
// to the processor time of the request (client and responder included) is the
// difference to "none".
func BenchmarkCompressedPage(b *testing.B) {
	page := "Content-Type: text/html\r\n\r\n" + prose(12<<10)
	r := start(b, compressing, nil, func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(page) })
	for _, coding := range []string{"none", "gzip", "zstd", "br"} {
		b.Run(coding, func(b *testing.B) {
			nc, err := net.Dial("unix", r.addr[":80"])
			if err != nil {
				b.Fatal(err)
			}
			defer nc.Close()
			br := bufio.NewReader(nc)
			request := "GET /app/a.php HTTP/1.1\r\nHost: x\r\nAccept-Encoding: " + coding + "\r\n\r\n"
			before := processorTime(b)
			size := int64(0)
			for b.Loop() {
				_, _ = io.WriteString(nc, request)
				resp, err := http.ReadResponse(br, nil)
				if err != nil {
					b.Fatal(err)
				}
				if size, err = io.Copy(io.Discard, resp.Body); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processorTime(b)-before)/1e3/float64(b.N), "cpu-us/op")
			b.ReportMetric(float64(size), "bytes/op")
		})
	}
}

// processorTime returns the process' in nanoseconds.
func processorTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// prose returns n bytes of words in no order.
func prose(n int) string {
	words := strings.Fields(`the of and to in is was he for it with as his on be at by had not are but from or have an
they which one you were her all she there would their we him been has when who will more no if out so said what up its
about into than them can only other new some could time these two may then do first any my now such like our over man
me even most made after also did many before must through back years where much your way well down should because each
just those people mister how too little state good very make world still own see men work long get here between both
life being under never day same another know while last might us great old year off come since against go came right`)
	var b strings.Builder
	for state := uint32(1); b.Len() < n; {
		state = state*1664525 + 1013904223
		b.WriteString(words[int(state>>16)%len(words)] + " ")
	}
	return b.String()[:n]
}
