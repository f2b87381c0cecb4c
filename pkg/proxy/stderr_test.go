package proxy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/proxy"
)

func TestStderrIsKeptInBoundsAndEscaped(t *testing.T) {
	for _, c := range []struct {
		name    string
		pieces  []string
		want    []string
		dropped int64
	}{
		{"a line", []string{"PHP Warning: x\n"}, []string{"PHP Warning: x"}, 0},
		{"no line end", []string{"half"}, []string{"half"}, 0},
		{"one line in pieces", []string{"PHP ", "Warn", "ing\nnext"}, []string{"PHP Warning", "next"}, 0},
		{"empty lines", []string{"\n\r\n \na\r\n"}, []string{"a"}, 0},
		{"control bytes", []string{"a\x1b[31m\x00\tb\n"}, []string{`a\x1b[31m\x00\tb`}, 0},
		{"a forged record", []string{"a\rWARN b\u2028c\xff\n"}, []string{`a\rWARN b\u2028c\xff`}, 0},
		{"quotes and text", []string{"say \"ä\" \\ \n"}, []string{`say "ä" \\`}, 0},
		{"too many lines", []string{"1\n2\n3\n4\n5\n"}, []string{"1", "2", "3"}, 2},
		{"too many bytes", []string{strings.Repeat("x", 30) + "\n" + "more\n"}, []string{strings.Repeat("x", 20)}, 14},
		{"a flood", []string{strings.Repeat("x", 200_000)}, []string{strings.Repeat("x", 20)}, 199_980},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, addr := app(t, func(w *fcgitest.Response, _ *fcgitest.Request) {
				for _, p := range c.pieces {
					_ = w.Stderr([]byte(p))
				}
				_, _ = w.WriteString(hello)
			})
			b := newBench(t, addr)
			b.cfg.StderrLines, b.cfg.StderrBytes = 3, 20
			if c.name == "control bytes" || c.name == "a forged record" {
				b.cfg.StderrBytes = 40
			}
			x, client := b.exchange("GET", nil)
			if err := b.serve(x); err != nil || client.body.String() != "hello" {
				t.Fatal(err)
			}
			if !slices.Equal(x.Trace.Stderr, c.want) || x.Trace.StderrDropped != c.dropped {
				t.Errorf("%q, %d dropped", x.Trace.Stderr, x.Trace.StderrDropped)
			}
		})
	}
}

func TestStderrOfAFailedReplyIsKept(t *testing.T) {
	_, addr := app(t, func(w *fcgitest.Response, _ *fcgitest.Request) { _ = w.Stderr([]byte("PHP Fatal error: x")) })
	b := newBench(t, addr)
	x, c := b.exchange("GET", nil)
	if err := b.serve(x); err == nil || proxy.Status(err) != 502 || len(c.calls) != 0 {
		t.Errorf("%v, sink %v", err, c.calls)
	}
	if !slices.Equal(x.Trace.Stderr, []string{"PHP Fatal error: x"}) {
		t.Errorf("%q", x.Trace.Stderr)
	}
}
