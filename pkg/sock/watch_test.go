package sock_test

import (
	"errors"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// ticker answers every Tick alike.
type ticker struct{ err error }

func (t ticker) Tick() error { return t.err }

func TestAWatchEndsWhatIsLateOrUnwanted(t *testing.T) {
	readLate, writeLate, unwanted := errors.New("read"), errors.New("write"), errors.New("unwanted")
	for _, tt := range []struct {
		name  string
		does  func(w *sock.Watch)
		tick  error
		after time.Duration
		want  error
	}{
		{"a reply in time", (*sock.Watch).Waiting, nil, time.Second, nil},
		{"a late reply", (*sock.Watch).Waiting, nil, 3 * time.Second, readLate},
		{"nobody waits", (*sock.Watch).Resting, unwanted, time.Hour, nil},
		{"not wanted any more", (*sock.Watch).Waiting, unwanted, 0, unwanted},
		{"a slow write", func(w *sock.Watch) { w.Waiting(); w.Sending() }, nil, 6 * time.Second, writeLate},
		{"a write under way", func(w *sock.Watch) { w.Waiting(); w.Sending() }, nil, 4 * time.Second, nil},
		{"a slow source", func(w *sock.Watch) { w.Waiting(); w.Reading() }, nil, time.Hour, nil},
		{"a reply behind a write", func(w *sock.Watch) { w.Waiting(); w.Sending(); w.Sent() }, nil, 3 * time.Second, readLate},
		{"stopped", func(w *sock.Watch) { w.Stop(unwanted) }, nil, 0, unwanted},
	} {
		sw := sock.NewSweeper(time.Hour) // its clock stands still
		nc, _ := pair(t)
		var w sock.Watch
		w.Init(nc, nil, sock.WatchLimits{
			Sweeper: sw, Read: 2 * time.Second, ReadLate: readLate, Write: 5 * time.Second, WriteLate: writeLate,
		})
		if !w.Begin(ticker{tt.tick}) || w.Begin(ticker{}) {
			t.Errorf("%s: one request at a time", tt.name)
		}
		tt.does(&w)
		w.Sweep(sw.Now() + int64(tt.after))
		if tt.want != nil {
			_, err := nc.Read(make([]byte, 1)) // returns
			if again, why := w.Woken(err); again || why != tt.want {
				t.Errorf("%s: woken for %v, again %t", tt.name, why, again)
			}
		}
		if why := w.End(); why != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, why, tt.want)
		}
		sw.Close()
	}
}

func TestAReaderIsMadeToLookAtWhatGaveNoEdge(t *testing.T) {
	sw := sock.NewSweeper(time.Hour)
	defer sw.Close()
	nc, peer := pair(t)
	rc, err := nc.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var w sock.Watch
	w.Init(nc, rc, sock.WatchLimits{Sweeper: sw})
	w.Begin(ticker{})
	w.Waiting()
	now := sw.Now()
	w.Sweep(now + 1)
	w.Sweep(now + 2) // nothing is there
	if _, err := peer.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	w.Sweep(now + 3)
	_, err = nc.Read(make([]byte, 1))
	if again, why := w.Woken(err); !again || why != nil {
		t.Errorf("%v: again %t, %v", err, again, why)
	}
	if n, err := nc.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("looked again: %d, %v", n, err)
	}
	if why := w.End(); why != nil {
		t.Error(why)
	}
}
