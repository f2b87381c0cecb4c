package http3

import (
	"testing"
	"time"
)

func TestAPaceIsATimeoutLessTheDebt(t *testing.T) {
	now := time.Unix(1000, 0)
	p := pace{timeout: 10 * time.Second, rate: 100}
	for _, s := range []struct {
		name   string
		waited time.Duration
		n      int
		want   time.Duration
	}{
		{"nothing yet", 0, 0, 10 * time.Second},
		{"slower", 5 * time.Second, 100, 6 * time.Second},
		{"too slow", 9 * time.Second, 0, 0},
	} {
		p.settle(s.waited, s.n)
		if got := p.deadline(now).Sub(now); got != s.want {
			t.Errorf("%s: %v, want %v", s.name, got, s.want)
		}
	}
	p.timeout = 0
	if !p.deadline(now).IsZero() {
		t.Error("a deadline without a timeout")
	}
}
