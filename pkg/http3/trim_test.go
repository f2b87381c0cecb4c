package http3

import (
	"testing"
	"time"
)

func TestMemoryIsGivenBackOnceWhenABurstIsOver(t *testing.T) {
	trims := make(chan int64, 8)
	var tr trimmer
	tr.pause = time.Millisecond
	tr.trim = func() { trims <- tr.rested.Load() }
	for range trimAfter - 1 {
		tr.rest()
	}
	if tr.armed.Load() {
		t.Error("armed before there were enough")
	}
	for range trimAfter {
		tr.rest()
	}
	select {
	case <-trims:
	case <-time.After(limit):
		t.Fatal("nothing is given back")
	}
}

func TestTheEndOfARequestCountsForATrim(t *testing.T) {
	r := start(t, testConfig(), Events{}, echo)
	c := r.dial()
	for range 3 {
		read(c.send(get("/")))
	}
	for end := time.Now().Add(limit); r.srv.trim.rested.Load() != 3; {
		if time.Now().After(end) {
			t.Fatalf("%d were counted", r.srv.trim.rested.Load())
		}
		<-time.After(time.Millisecond)
	}
}
