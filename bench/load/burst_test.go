package load

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestEveryClientOfABurstGetsItsOwnAnswer(t *testing.T) {
	s := serve(t, func(conn, _ int) string {
		switch conn % 4 {
		case 0:
			return hello
		case 1:
			return "HTTP/1.1 503 Busy\r\nretry-after: 1\r\nContent-Length: 0\r\n\r\n"
		case 2:
			return "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
		}
		return "" // closes
	})
	var mu sync.Mutex
	asked := map[int]bool{}
	shots, err := Burst(t.Context(), BurstConfig{
		Addr: s.addr, Clients: 40, Limit: 10 * time.Second,
		Request: func(i int) []byte {
			mu.Lock()
			defer mu.Unlock()
			asked[i] = true
			return fmt.Appendf(nil, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, sh := range shots {
		got[fmt.Sprint(sh.Status, sh.Retry, sh.Err != nil)]++
	}
	for _, want := range []string{"200 false false", "503 true false", "503 false false", "0 false true"} {
		if got[want] != 10 {
			t.Errorf("%d of %q, want 10: %v", got[want], want, got)
		}
	}
	if len(asked) != 40 {
		t.Errorf("%d requests were made, want 40", len(asked))
	}
}

func TestABurstGivesUpAtItsLimit(t *testing.T) {
	never := make(chan struct{})
	s := serve(t, func(int, int) string { <-never; return "" })
	defer close(never)
	shots, err := Burst(t.Context(), BurstConfig{
		Addr: s.addr, Clients: 3, Limit: 50 * time.Millisecond, Request: func(int) []byte { return []byte(getRequest) },
	})
	if err != nil || len(shots) != 3 {
		t.Fatalf("%v, %v", shots, err)
	}
	for _, sh := range shots {
		if !errors.Is(sh.Err, ErrTime) || sh.Status != 0 {
			t.Errorf("%+v", sh)
		}
	}
}

func TestTheEndOfTheContextEndsABurst(t *testing.T) {
	never := make(chan struct{})
	s := serve(t, func(int, int) string { <-never; return "" })
	defer close(never)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Burst(ctx, BurstConfig{
		Addr: s.addr, Clients: 3, Limit: time.Minute, Each: cancel, Request: func(int) []byte { return []byte(getRequest) },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestACallerKeepsItsConnectionAndNeverRepeatsARequest(t *testing.T) {
	var mu sync.Mutex
	calls := 0
	s := serve(t, func(conn, request int) string {
		mu.Lock()
		defer mu.Unlock()
		calls++
		if conn == 1 && request == 3 {
			return "" // closes
		}
		body := strconv.Itoa(conn) + "/" + strconv.Itoa(request)
		return okHead + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	})
	c := &Caller{Addr: s.addr}
	defer c.Close()
	var got []string
	for range 5 {
		a, err := c.Do(t.Context(), []byte(getRequest))
		if err != nil {
			got = append(got, "failed")
			continue
		}
		got = append(got, string(a.Bytes))
	}
	if text := strings.Join(got, " "); text != "1/1 1/2 failed 2/1 2/2" {
		t.Errorf("answers %q", text)
	}
	if calls != 5 {
		t.Errorf("the server got %d requests, want 5", calls)
	}
}

// eventually polls cond until it is true.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); !cond(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

func TestSlowReadersReadAtTheirRate(t *testing.T) {
	const size = 4 << 20
	body := okHead + "Content-Length: " + strconv.Itoa(size) + "\r\n\r\n" + strings.Repeat("x", size)
	s := serve(t, func(int, int) string { return body })
	r, err := StartReaders(t.Context(), ReadersConfig{Addr: s.addr, Request: []byte(getRequest), Readers: 30, Rate: 10 << 10})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "not every reader has a head", func() bool { return r.Begun() == 30 })
	if res := r.Stop(); res.Reading != 30 || res.Failed != 0 || res.Complete != 0 || res.Bytes > 30*size/2 {
		t.Errorf("%+v", res)
	}
}

func TestSlowReadersTellHowTheirAnswersEnded(t *testing.T) {
	s := serve(t, func(conn, _ int) string {
		switch conn {
		case 1:
			return hello
		case 2:
			return "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
		case 3:
			return okHead + "Content-Length: 100\r\n\r\nshort"
		}
		return ""
	})
	r, err := StartReaders(t.Context(), ReadersConfig{Addr: s.addr, Request: []byte(getRequest), Readers: 4, Rate: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "not all heads came", func() bool { return r.Begun() == 3 })
	if res := r.Stop(); res.Complete != 1 || res.Reading != 1 || res.Failed < 1 || res.First == nil {
		t.Errorf("%+v", res)
	}
}
