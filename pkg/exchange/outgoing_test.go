package exchange

import (
	"errors"
	"testing"
)

func TestWritesAreHeldAgainstOrderAndLength(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stage  Stage
		length int64
		sent   int
		noBody bool
		n      int
		last   bool
		want   error
	}{
		{"before the start", StageNew, -1, 0, false, 1, false, ErrNotStarted},
		{"behind the end", StageDone, -1, 0, false, 1, false, ErrEnded},
		{"behind an abort", StageAborted, -1, 0, false, 0, true, ErrEnded},
		{"unknown length", StageHeld, -1, 5, false, 99, true, nil},
		{"a part", StageBody, 10, 4, false, 5, false, nil},
		{"the rest", StageBody, 10, 4, false, 6, true, nil},
		{"all, and not the last", StageBody, 10, 4, false, 6, false, nil},
		{"one too many", StageBody, 10, 4, false, 7, false, ErrLongBody},
		{"one too many at the end", StageBody, 10, 4, false, 7, true, ErrLongBody},
		{"one too few", StageBody, 10, 4, false, 5, true, ErrShortBody},
		{"too few without a body", StageBody, 10, 0, true, 0, true, nil},
	} {
		o := Outgoing{Response: &Response{ContentLength: tt.length}, Stage: tt.stage, NoBody: tt.noBody}
		o.Took(tt.sent)
		err := o.Writable()
		if err == nil {
			err = o.Fits(tt.n, tt.last)
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestAResponseBeginsOnce(t *testing.T) {
	for _, tt := range []struct {
		status       int
		head, noBody bool
	}{{200, false, false}, {200, true, true}, {204, false, true}, {304, false, true}} {
		var o Outgoing
		r := &Response{Status: tt.status}
		if err := o.Begin(r, tt.head); err != nil || o.Stage != StageHeld || o.Response != r || o.NoBody != tt.noBody {
			t.Errorf("%d: %v, %+v", tt.status, err, o)
		}
		if err := o.Begin(r, tt.head); !errors.Is(err, ErrStarted) {
			t.Errorf("%d, again: %v", tt.status, err)
		}
	}
}

func TestABodyThatIsCompleteAtOnceHasALength(t *testing.T) {
	for _, tt := range []struct {
		declared     int64
		last, noBody bool
		want         int64
	}{{-1, true, false, 3}, {-1, false, false, -1}, {-1, true, true, -1}, {7, true, false, 7}} {
		o := Outgoing{Response: &Response{ContentLength: tt.declared}, NoBody: tt.noBody}
		o.Measure(3, tt.last)
		if got := o.Response.ContentLength; got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
}
