package http3

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	now := time.Unix(1000, 0)
	p := pace{timeout: 10 * time.Second, rate: 100}
	after := func() time.Duration { return p.deadline(now).Sub(now) }
	steps := []struct {
		name   string
		waited time.Duration
		n      int
		want   time.Duration
	}{
		{"nothing yet", 0, 0, 10 * time.Second},
		{"at the rate", time.Second, 100, 10 * time.Second},
		{"faster, which is not saved up", time.Second, 1 << 40, 10 * time.Second},
		{"slower", 5 * time.Second, 100, 6 * time.Second},
		{"slower still", 5 * time.Second, 1, time.Second + 10*time.Millisecond},
		{"catching up", time.Second, 400, 4*time.Second + 10*time.Millisecond},
		{"too slow", 9 * time.Second, 0, 0},
	}
	for _, s := range steps {
		p.settle(s.waited, s.n)
		if got := after(); got != s.want {
			t.Errorf("%s: %v, want %v", s.name, got, s.want)
		}
	}
	if p := (pace{rate: 100, debt: time.Hour}); !p.deadline(now).IsZero() {
		t.Error("a deadline without a timeout")
	}
	p = pace{timeout: time.Second}
	p.settle(time.Hour, 0)
	if p.debt != 0 {
		t.Error("a debt without a rate")
	}
}
