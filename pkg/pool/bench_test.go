package pool_test

import (
	"context"
	"testing"
	"time"
)

// What a request costs that finds a slot and a kept connection at once. More
// goroutines than one show what the processors get in each other's way.
func BenchmarkARequestThatFindsAWarmConnection(b *testing.B) {
	for _, bench := range []struct {
		name    string
		streams int
	}{{"one request each", 1}, {"shared", 8}} {
		b.Run(bench.name, func(b *testing.B) {
			d := new(dialer)
			p := open(b, config{
				Dial: d.dial, MaxConns: 8, Streams: bench.streams, Keep: true, Queue: 64,
				Trust: time.Hour, Now: func() int64 { return 1 },
			})
			defer p.Close()
			ctx, at := context.Background(), time.Unix(0, 1)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					s, err := p.TryAcquire(ctx)
					if err != nil {
						continue // another has put it back on the way
					}
					if _, _, err := s.Conn(ctx, 0); err != nil {
						b.Error(err)
					}
					s.ReleaseAt(true, at)
				}
			})
		})
	}
}

// What a request costs when eight stand in line for each slot.
func BenchmarkARequestThatWaits(b *testing.B) {
	d := new(dialer)
	p := open(b, config{
		Dial: d.dial, MaxConns: 2, Keep: true, Queue: 64,
		Trust: time.Hour, Now: func() int64 { return 1 },
	})
	defer p.Close()
	ctx, at := context.Background(), time.Unix(0, 1)
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s, err := p.Acquire(ctx)
			if err != nil {
				b.Error(err)
				return
			}
			if _, _, err := s.Conn(ctx, 0); err != nil {
				b.Error(err)
			}
			s.ReleaseAt(true, at)
		}
	})
}
