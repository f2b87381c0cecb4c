package observe

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// stuck is a log whose reader has stopped until free is closed.
type stuck struct {
	free chan struct{}
	mu   sync.Mutex
	got  bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.free
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.Write(p)
}

func (s *stuck) Sync() error { return nil }

func TestALogThatNobodyReadsStopsNoRequest(t *testing.T) {
	out := &stuck{free: make(chan struct{})}
	q := newQueue(out, 0, dropNote(form{}))
	line := []byte(strings.Repeat("x", 1023) + "\n")
	start := time.Now()
	for range 5000 { // five times what may wait
		if n, err := q.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	if took := time.Since(start); took > flushWait {
		t.Errorf("writing took %v", took)
	}
	if err := q.Sync(); err == nil {
		t.Error("Sync says that all is written")
	}
	close(out.free)
	if err := q.Stop(); err != nil {
		t.Error(err)
	}
	lines := strings.Count(out.got.String(), "x\n")
	if lines < 1000 || lines > 2100 {
		t.Errorf("%d lines were kept", lines)
	}
	if !strings.Contains(out.got.String(), "log records were dropped") {
		t.Error("nothing tells of the dropped records")
	}
}

func TestStopGivesUpOnALogThatNobodyReads(t *testing.T) {
	out := &stuck{free: make(chan struct{})}
	defer close(out.free)
	q := newQueue(out, time.Hour, dropNote(form{}))
	_, _ = q.Write([]byte("x"))
	start := time.Now()
	if err := q.Stop(); err == nil {
		t.Error("Stop says that all is written")
	}
	if took := time.Since(start); took > 4*flushWait {
		t.Errorf("it took %v", took)
	}
}
