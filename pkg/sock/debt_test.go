package sock_test

import (
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

func TestDebtIsTheTimeThatBytesWereNotWorth(t *testing.T) {
	const s = int64(time.Second)
	type wait struct{ seconds, bytes int64 }
	for _, tt := range []struct {
		name  string
		rate  int64
		waits []wait
		want  int64 // seconds
	}{
		{"as fast as it must be", 100, []wait{{1, 100}, {2, 200}}, 0},
		{"speed is not saved up", 100, []wait{{1, 1_000_000}, {5, 0}}, 5},
		{"slower", 100, []wait{{10, 100}, {10, 100}}, 18},
		{"it is paid back", 100, []wait{{10, 100}, {1, 500}}, 5},
		{"no rate", 0, []wait{{10, 1}}, 0},
		{"no overflow", 1, []wait{{10, 1 << 40}, {3, 0}}, 3},
	} {
		var d sock.Debt
		for _, w := range tt.waits {
			d.Settle(w.seconds*s, w.bytes, tt.rate)
		}
		if d != sock.Debt(tt.want*s) {
			t.Errorf("%s: got %v", tt.name, time.Duration(d))
		}
	}
}

func TestADebtShortensTheTimeout(t *testing.T) {
	for _, tt := range []struct {
		debt    sock.Debt
		timeout time.Duration
		want    int64
	}{{0, 10, 1010}, {4, 10, 1006}, {10, 10, 1000}, {99, 10, 1000}, {5, 0, 0}} {
		if got := tt.debt.Deadline(1000, tt.timeout); got != tt.want {
			t.Errorf("debt %d, timeout %d: got %d", tt.debt, tt.timeout, got)
		}
	}
}
