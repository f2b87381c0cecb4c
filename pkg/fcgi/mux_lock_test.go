package fcgi_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// stuck is a Handler whose Stdout blocks until release closes.
func stuck(release <-chan struct{}) (h *collect, blocked <-chan struct{}) {
	in := make(chan struct{}, 1)
	return &collect{onOut: func([]byte) error {
		select {
		case in <- struct{}{}:
		default:
		}
		<-release
		return nil
	}}, in
}

// fullStream is a script that fills the buffer of request 1, whose handler
// blocks, to the last byte, and then sends what then makes.
func fullStream(blocked <-chan struct{}, then func(id uint16) []byte) fcgitest.Script {
	full := func(id uint16) []byte { return rec(fcgi.TypeStdout, id, pattern(fullBuffer-10), 0) }
	return fcgitest.Script{
		fcgitest.ExpectRequest(), fcgitest.Stdout([]byte("x")), fcgitest.Wait(blocked),
		fcgitest.SendFor(full), fcgitest.Stdout(pattern(10)), fcgitest.SendFor(then),
		fcgitest.ExpectRequest(), fcgitest.Reply("neighbour"), fcgitest.Drain(),
	}
}

// fullBuffer is the smallest StreamBuffer.
const fullBuffer = 64 << 10

func TestMuxCallerThatBlocksDoesNotHoldUpItsEnd(t *testing.T) {
	harness.NoLeaks(t)
	release, unblocked := make(chan struct{}), make(chan struct{})
	h, blocked := stuck(release)
	path := fcgitest.StartScripts(t, fullStream(unblocked, end))
	m := newMux(t, dial(t, path), fcgi.MuxConfig{StreamBuffer: 1, Stall: time.Hour})
	done := make(chan error)
	go func() { // ends when release closes
		_, err := m.Do(post(nil), h)
		done <- err
	}()
	<-blocked
	close(unblocked)
	other := new(collect)
	if _, err := m.Do(post(nil), other); err != nil || other.out.String() != "neighbour" {
		t.Errorf("%q, %v", other.out.String(), err)
	}
	close(release)
	if err := <-done; err != nil || h.out.Len() != 1+fullBuffer {
		t.Errorf("%v, %d bytes", err, h.out.Len())
	}
}

func TestMuxDataBehindTheEndEndsTheConnectionWhoeverBlocks(t *testing.T) {
	harness.NoLeaks(t)
	release, unblocked := make(chan struct{}), make(chan struct{})
	h, blocked := stuck(release)
	path := fcgitest.StartScripts(t, fullStream(unblocked, func(id uint16) []byte {
		return join(end(id), out(id, "stray"))
	}))
	m := newMux(t, dial(t, path), fcgi.MuxConfig{StreamBuffer: 1, Stall: time.Hour})
	done := make(chan error)
	go func() { // ends when release closes
		_, err := m.Do(post(nil), h)
		done <- err
	}()
	<-blocked
	close(unblocked)
	waitFor(t, func() bool { return m.Err() != nil })
	var pe *fcgi.ProtocolError
	if !errors.As(m.Err(), &pe) {
		t.Error(m.Err())
	}
	m.Close() // must not wait for the handler
	close(release)
	if err := <-done; err != nil || h.out.Len() != 1+fullBuffer {
		t.Errorf("a reply that was complete: %v, %d bytes", err, h.out.Len())
	}
}

// TestMuxSortsABurstOfManyRequests has replies of several requests, one of them
// abandoned, in one write, in every order of records that keeps each reply's.
func TestMuxSortsABurstOfManyRequests(t *testing.T) {
	replies := func(c, abandoned uint16) [][]byte {
		return [][]byte{
			join(out(abandoned, "a"), end(abandoned), out(abandoned, "again"), end(abandoned)),
			join(out(c, "b"), rec(fcgi.TypeStderr, c, []byte("e"), 7), out(c, "c"), end(c)),
		}
	}
	for seed := range 50 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			harness.NoLeaks(t)
			begun, gone := make(chan struct{}), make(chan struct{})
			path := fcgitest.StartScripts(t, fcgitest.Script{
				fcgitest.ExpectRequest(), fcgitest.ExpectRequest(),
				fcgitest.Do(func() { close(begun) }), fcgitest.Wait(gone),
				fcgitest.Send(shuffle(uint64(seed), replies(1, 2)...)), fcgitest.Drain(),
			})
			m := newMux(t, dial(t, path), fcgi.MuxConfig{Sweeper: sweeper(t, time.Millisecond)})
			h := new(collect)
			done := make(chan error)
			go func() { // ends with its reply
				_, err := m.Do(post(nil), h)
				done <- err
			}()
			waitFor(t, func() bool { return m.InUse() == 1 })
			if _, err := m.Do(post(nil), giveUpWhen(begun)); err != errGone {
				t.Fatal(err)
			}
			close(gone)
			if err := <-done; err != nil || h.out.String() != "bc" || h.err.String() != "e" {
				t.Fatalf("%q, %q, %v", h.out.String(), h.err.String(), err)
			}
			waitFor(t, func() bool { return m.InUse() == 0 })
			if m.Err() != nil {
				t.Fatal(m.Err())
			}
		})
	}
}

// shuffle merges sequences of records at random, each in its own order.
func shuffle(seed uint64, replies ...[]byte) []byte {
	var all bytes.Buffer
	left := bytes.Join(replies, nil)
	for all.Len() < len(left) {
		seed = seed*6364136223846793005 + 1442695040888963407
		b := &replies[int(seed>>33)%len(replies)]
		if len(*b) == 0 {
			continue
		}
		h, err := fcgi.ParseHeader(*b)
		if err != nil {
			panic(err)
		}
		n := fcgi.HeaderLen + int(h.Len) + int(h.Pad)
		all.Write((*b)[:n])
		*b = (*b)[n:]
	}
	return all.Bytes()
}
