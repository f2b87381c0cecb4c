package compress

import (
	"fmt"
	"testing"
)

// BenchmarkPage is the work for a page of 12 KiB, whole in one write.
func BenchmarkPage(b *testing.B) {
	for l, level := range []string{"fast", "default", "best"} {
		cfg := config()
		cfg.Level = Level(l)
		c := newCompressor(b, cfg)
		for _, coding := range codings {
			b.Run(fmt.Sprintf("%s/%s", coding, level), func(b *testing.B) {
				body := page(12 << 10)
				x := newExchange(coding)
				s := &sink{t: b}
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					x.Response.Reset()
					x.Response.Header.Add(typeName, typeValue)
					s.r, s.body, s.last = nil, s.body[:0], false
					var f Filter
					_, _ = f.Start(c, x, s)
					if err := f.Write(body, true); err != nil {
						b.Fatal(err)
					}
					_ = f.End()
				}
				b.ReportMetric(100*float64(len(s.body))/float64(len(body)), "%size")
			})
		}
	}
}

var typeName, typeValue = []byte("Content-Type"), []byte("text/html")
