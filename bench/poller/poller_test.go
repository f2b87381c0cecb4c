package poller

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMillisRoundsUp(t *testing.T) {
	for d, want := range map[time.Duration]int{
		-time.Second:           0,
		0:                      0,
		1:                      1,
		time.Millisecond:       1,
		time.Millisecond + 1:   2,
		250 * time.Millisecond: 250,
	} {
		if got := millis(d); got != want {
			t.Errorf("millis(%v) = %d, want %d", d, got, want)
		}
	}
}

func socketPair(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(fds[0])
		unix.Close(fds[1])
	})
	return fds[0], fds[1]
}

func TestWaitReportsSlotAndGenerationOfTheReadyDescriptor(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	a, b := socketPair(t)
	if err := p.Add(a, Readable, 7, 3); err != nil {
		t.Fatal(err)
	}
	if evs, err := p.Wait(0); err != nil || len(evs) != 0 {
		t.Fatalf("before any data: %v, %v", evs, err)
	}
	if _, err := unix.Write(b, []byte("x")); err != nil {
		t.Fatal(err)
	}
	evs, err := p.Wait(time.Second)
	if err != nil || len(evs) != 1 || evs[0] != (Event{Slot: 7, Gen: 3, Read: true}) {
		t.Fatalf("after a write: %+v, %v", evs, err)
	}
	if err := p.Change(a, Writable, 7, 4); err != nil {
		t.Fatal(err)
	}
	evs, err = p.Wait(time.Second)
	if err != nil || len(evs) != 1 || evs[0] != (Event{Slot: 7, Gen: 4, Write: true}) {
		t.Fatalf("after Change: %+v, %v", evs, err)
	}
}

func TestAHangUpIsReportedAsReadable(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	if err := p.Add(fds[0], Readable, 1, 1); err != nil {
		t.Fatal(err)
	}
	unix.Close(fds[1])
	evs, err := p.Wait(time.Second)
	if err != nil || len(evs) != 1 || !evs[0].Read {
		t.Fatalf("after the peer closed: %+v, %v", evs, err)
	}
}
