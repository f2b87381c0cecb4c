package fcgi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// errGone is what handlers of tests give a request up with.
var errGone = errors.New("client gone")

// giveUp is a Handler that gives its request up at the first byte, or at a tick
// behind it.
func giveUp(atTick bool) *collect {
	if !atTick {
		return &collect{onOut: func([]byte) error { return errGone }}
	}
	began := make(chan struct{}, 99)
	h := giveUpWhen(began)
	h.onOut = func([]byte) error { began <- struct{}{}; return nil }
	return h
}

// giveUpWhen is a Handler that gives its request up at the first tick behind a
// message.
func giveUpWhen(now <-chan struct{}) *collect {
	return &collect{onTick: func() error {
		select {
		case <-now:
			return errGone
		default:
			return nil
		}
	}}
}

// ask sends a request that must be answered with its name, and returns nothing
// else.
func ask(t *testing.T, m *fcgi.Mux, name string) {
	t.Helper()
	h := new(collect)
	want := fmt.Sprintf("Status: 200\r\n\r\n%s 0:", name)
	if _, err := m.Do(post(nil, "NAME", name), h); err != nil || h.out.String() != want {
		t.Fatalf("%s: %q, %v", name, h.out.String(), err)
	}
}

// secondAnswer gives requests for "gone" up once they are aborted, then answers
// them a second time when again closes, as Go's net/http/fcgi does.
func secondAnswer(again <-chan struct{}) fcgitest.Handler {
	return func(w *fcgitest.Response, r *fcgitest.Request) {
		if r.Params["NAME"] != "gone" {
			echo(w, r)
			return
		}
		w.WriteString("some")
		w.Flush()
		<-r.Aborted
		w.Raw(end(r.ID))
		w.Flush()
		<-again
		w.WriteString("late")
	}
}

func TestMuxNeverUsesTheIDOfAnAbandonedRequestAgain(t *testing.T) {
	for _, atTick := range []bool{false, true} {
		t.Run(fmt.Sprint("at tick ", atTick), func(t *testing.T) {
			harness.NoLeaks(t)
			again := make(chan struct{})
			s := &fcgitest.Server{Mpxs: true, Handler: secondAnswer(again)}
			m := newMux(t, dial(t, s.Start(t)), fcgi.MuxConfig{Streams: 2, Sweeper: sweeper(t, time.Millisecond)})
			if _, err := m.Do(post(nil, "NAME", "gone"), giveUp(atTick)); err != errGone {
				t.Fatal(err)
			}
			waitFor(t, func() bool { return m.InUse() == 0 })
			ask(t, m, "one")
			close(again)
			for range 20 { // the second answer comes beside these
				ask(t, m, "two")
			}
			reqs := s.Requests()
			for _, r := range reqs[1:] {
				if r.ID != 2 {
					t.Fatalf("id %d", r.ID)
				}
			}
			if s.Aborts() != 1 || m.Err() != nil || m.Free() != 2 {
				t.Fatalf("%d aborts, %v, %d free", s.Aborts(), m.Err(), m.Free())
			}
		})
	}
}

func TestMuxCountsAnAbandonedRequestUntilTheBackendEndsIt(t *testing.T) {
	harness.NoLeaks(t)
	gate := make(chan struct{})
	s := &fcgitest.Server{Mpxs: true, Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		w.WriteString("some")
		w.Flush()
		<-gate
	}}
	m := newMux(t, dial(t, s.Start(t)), fcgi.MuxConfig{Streams: 2})
	if _, err := m.Do(post(nil), giveUp(false)); err != errGone || m.InUse() != 1 || m.Free() != 2 {
		t.Fatalf("%v, %d in use, %d free", err, m.InUse(), m.Free())
	}
	close(gate)
	waitFor(t, func() bool { return m.InUse() == 0 })
}

// TestMuxSurvivesThatGoAnswersTwice aborts an upload to Go's responder, which
// answers that at once and again when its handler returns, and replies before
// an upload is sent, behind which that responder never forgets the id.
func TestMuxSurvivesThatGoAnswersTwice(t *testing.T) {
	harness.NoLeaks(t)
	again := make(chan struct{})
	addr := startGoWith(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Name") {
		case "gone":
			_, _ = io.Copy(io.Discard, r.Body) // ends by the abort
			<-again
		case "early":
			fmt.Fprint(w, "no thanks")
			return
		}
		fmt.Fprint(w, r.Header.Get("Name"))
	})
	m := newMux(t, dial(t, addr), fcgi.MuxConfig{})
	short := goRequest("gone", nil)
	short.StdinReader, short.StdinLen = bytes.NewReader(make([]byte, 99)), 100
	if _, err := m.Do(short, new(collect)); err != fcgi.ErrStdinShort {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return m.InUse() == 0 })
	hello := func(name string, body []byte, want string) {
		t.Helper()
		h := new(collect)
		if _, err := m.Do(goRequest(name, body), h); err != nil || !bytes.HasSuffix(h.out.Bytes(), []byte(want)) {
			t.Fatalf("%s: %q, %v", name, h.out.String(), err)
		}
	}
	hello("one", nil, "one")
	close(again)
	for range 20 {
		hello("two", nil, "two")
		hello("early", make([]byte, 300<<10), "no thanks")
	}
	if m.Err() != nil {
		t.Fatal(m.Err())
	}
}

func TestMuxWithTooManyAbandonedIDsWantsToBeReplaced(t *testing.T) {
	harness.NoLeaks(t)
	s := &fcgitest.Server{Mpxs: true, Forget: true, Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		echo(w, r)
		if r.Params["NAME"] == "" {
			w.Flush()
			<-r.Aborted
		}
	}}
	m := newMux(t, dial(t, s.Start(t)), fcgi.MuxConfig{Streams: 1})
	abandoned, worn := 0, 0
	for m.Err() == nil {
		if _, err := m.Do(post(nil), giveUp(false)); err != errGone {
			t.Fatal(err)
		}
		if abandoned++; m.Reusable() && worn > 0 {
			t.Fatal("reusable again")
		}
		if !m.Reusable() && worn == 0 {
			worn = abandoned
			ask(t, m, "still served")
		}
	}
	if worn != 257 || abandoned != 258 {
		t.Errorf("not reusable behind %d, closed behind %d", worn, abandoned)
	}
	if _, err := m.Do(post(nil), new(collect)); err != fcgi.ErrClosed {
		t.Error(err)
	}
}

func TestMuxIsInDoubtWhenARequestTimesOutAndNobodyGotAnything(t *testing.T) {
	for name, tt := range map[string]struct{ some, others, leaves, reusable bool }{
		"nothing came":                           {},
		"a part of its reply came":               {some: true},
		"others were answered meanwhile":         {others: true, reusable: true},
		"it did not time out but was not wanted": {leaves: true, reusable: true},
	} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			begun, leave := make(chan struct{}), make(chan struct{})
			s := &fcgitest.Server{Mpxs: true, Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
				if r.Params["NAME"] == "slow" {
					if tt.some {
						w.WriteString("some")
						w.Flush()
					}
					close(begun)
					<-leave
				}
				echo(w, r)
			}}
			m := newMux(t, dial(t, s.Start(t)), fcgi.MuxConfig{Sweeper: sweeper(t, time.Millisecond), ReadTimeout: 5 * short})
			gone := make(chan error, 1)
			go func() { // ends by its timeout or Tick
				h := new(collect)
				if tt.leaves {
					h = giveUpWhen(begun)
				}
				_, err := m.Do(post(nil, "NAME", "slow"), h)
				gone <- err
			}()
			<-begun
			err := error(nil)
			for tt.others && err == nil {
				ask(t, m, "other")
				select {
				case err = <-gone:
				default:
				}
			}
			if !tt.others {
				err = <-gone
			}
			if (err == errGone) != tt.leaves || !tt.leaves && err != fcgi.ErrReadTimeout || m.Reusable() != tt.reusable {
				t.Errorf("%v, reusable %v", err, m.Reusable())
			}
			close(leave) // what comes now settles the doubt
			waitFor(t, m.Reusable)
		})
	}
}

func TestMuxHandlerThatPanicsHarmsNobodyElse(t *testing.T) {
	harness.NoLeaks(t)
	s := mpxServer()
	m := newMux(t, dial(t, s.Start(t)), fcgi.MuxConfig{Sweeper: sweeper(t, time.Millisecond)})
	func() {
		defer func() {
			if recover() != "on purpose" {
				t.Error("not the handler's panic")
			}
		}()
		_, _ = m.Do(post(nil), &collect{onOut: func([]byte) error { panic("on purpose") }})
	}()
	ask(t, m, "next")
	waitFor(t, func() bool { return m.InUse() == 0 })
	if m.Err() != nil {
		t.Fatal(m.Err())
	}
}
