package http2

import (
	"testing"
	"time"
)

func TestAWaitGoesOnWhileItsClientTakesSomethingAndKeepsUpTheRate(t *testing.T) {
	const s = int64(time.Second)
	for name, row := range map[string]struct {
		cfg    Config
		unsent []int // at the looks, one a second
		by     int64 // the deadline behind them
	}{
		"nothing taken":             {Config{SendTimeout: 10 * time.Second}, []int{100, 100}, 11 * s},
		"a byte":                    {Config{SendTimeout: 10 * time.Second}, []int{100, 99}, 13 * s},
		"nothing behind it":         {Config{SendTimeout: 10 * time.Second}, []int{99, 99}, 12 * s},
		"more than before":          {Config{SendTimeout: 10 * time.Second}, []int{120, 110}, 13 * s},
		"fast enough":               {Config{SendTimeout: 10 * time.Second, MinSendRate: 10}, []int{90, 80}, 13 * s},
		"half the rate":             {Config{SendTimeout: 10 * time.Second, MinSendRate: 10}, []int{95, 90}, 12 * s},
		"no timeout":                {Config{}, []int{100, 99}, 0},
		"no timeout, nothing taken": {Config{MinSendRate: 10}, []int{100, 100}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var u uptake
			if u.look(s, 50, &row.cfg) != 0 || u.by != 0 {
				t.Error("a look without a wait")
			}
			u.begin(s, 100, &row.cfg)
			for i, n := range row.unsent {
				u.look(int64(i+2)*s, n, &row.cfg)
			}
			if u.by != row.by {
				t.Errorf("ends at %v, want %v", time.Duration(u.by), time.Duration(row.by))
			}
			if u.end(); u.by != 0 || u.look(9*s, 0, &row.cfg) != 0 {
				t.Error("the wait has ended")
			}
		})
	}
}
