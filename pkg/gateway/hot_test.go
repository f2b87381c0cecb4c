package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/gateway"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/observe"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

type nullSink struct {
	exchange.Sink
	out []byte
	r   *exchange.Response
}

func (s *nullSink) Start(r *exchange.Response) error { s.r = r; return nil }
func (s *nullSink) Started() bool                    { return false }
func (s *nullSink) Sent() int64                      { return 0 }
func (s *nullSink) Write(p []byte, last bool) error {
	s.out, _ = http1.AppendHead(s.out[:0], s.r, http1.HeadOptions{KeepAlive: true, ContentLength: 5})
	return nil
}

func BenchmarkHot(b *testing.B) {
	cfg, err := config.Parse("bench", []byte("[[site]]\nlisten=[\":1\"]\n[[site.location]]\nmatch=\"= /r\"\nreturn=\"200 hello\"\n"), nil)
	if err != nil {
		b.Fatal(err)
	}
	logs, _ := observe.Open(observe.Config{Output: "off"})
	sweeper := sock.NewSweeper(0)
	g := gateway.New(gateway.Options{Logs: logs, Sweeper: sweeper})
	if err := g.Load(context.Background(), cfg); err != nil {
		b.Fatal(err)
	}
	x := exchange.New()
	sink := &nullSink{}
	x.Request.Conn = &exchange.ConnInfo{Listen: ":1"}
	var m http1.Meta
	var lim http1.Limits
	req := []byte("GET /r HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: bench/1\r\n" +
		"Accept: text/html,application/xhtml+xml\r\nAccept-Encoding: gzip\r\nAccept-Language: en\r\n\r\n")
	buf := make([]byte, len(req))
	for _, c := range []string{"parse", "all"} {
		b.Run(c, func(b *testing.B) {
			for b.Loop() {
				x.Reset()
				x.Sink = sink
				copy(buf, req)
				if _, err := http1.ParseHead(buf, &lim, x, &m); err != nil {
					b.Fatal(err)
				}
				if c == "all" {
					x.Trace.Start = time.Now()
					g.Serve(x)
				}
			}
		})
	}
}
