package responder_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// What a responder writes behind the end of a reply meets the next request, and
// is neither part of its reply nor its end.
func TestWhatComesLateBehindAReplyIsNobodysReply(t *testing.T) {
	for name, late := range map[string]part{
		"STDOUT of the last request":      out("secret"),
		"STDERR of the last request":      errOut("secret\n"),
		"END_REQUEST of the last request": end(),
		"a reply to a later request":      join(foreign(stdout, 7, goodHead+"secret"), foreign(endRequest, 7, "\x00\x00\x00\x00\x00\x00\x00\x00")),
		"half a record header":            raw("\x01\x06\x00"),
		"no records at all":               raw("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret"),
	} {
		for _, method := range []string{"GET", "POST"} {
			t.Run(name+"/"+method, func(t *testing.T) { lateBehind(t, late, method) })
		}
	}
}

func lateBehind(t *testing.T, late part, method string) {
	check := noLeaks(t)
	written := make(chan struct{})
	app := (&responder{plan: plays(says(out(goodHead+"a"), end()), untilOver(), says(late), tells(written))}).listen(t, "unix")
	r := start(t, "unix", nil, app)
	defer check()
	defer r.close()
	if h := r.asks(at("GET", 0), "GET", false); h.body != "a" || !h.complete {
		t.Fatalf("%v", h)
	}
	<-written
	length := map[string]string{"POST": "Content-Length: 1\r\n\r\nb", "GET": "\r\n"}[method]
	h := r.asks(method+" /good.php HTTP/1.1\r\nHost: x\r\n"+length, method, false)
	if h.status != 200 || h.body != "good" || !h.complete {
		t.Errorf("the next request: %v", h)
	}
	if strings.Contains(h.body, "secret") {
		t.Error("it got what was not meant for it")
	}
	if e := r.access("/good.php"); len(e.Stderr) > 0 {
		t.Errorf("its record has the stderr of another: %q", e.Stderr)
	}
	r.checkHouse(privateSlots)
}

// interleaver answers two requests of one connection by records that alternate.
type interleaver struct {
	mu   sync.Mutex
	ids  []uint16
	both chan struct{} // closed when the second has come
}

func (i *interleaver) script(q *request) script {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ids = append(i.ids, q.id)
	if len(i.ids) == 1 {
		return script{until(i.both)}
	}
	close(i.both)
	a, b := i.ids[0], i.ids[1]
	var all []part
	add := func(id uint16, p part) { all = append(all, func(uint16) []byte { return p(id) }) }
	for _, c := range goodHead {
		add(a, out(string(c)))
		add(b, out(string(c)))
	}
	for range 1000 {
		add(a, out("a"))
		add(b, padded(stdout, "b", 5))
		add(a, errOut("a"))
		add(b, errOut("b"))
	}
	add(b, end())
	add(a, end())
	return script{says(all...)}
}

func TestTwoRepliesInterleavedByteByByteAreKeptApart(t *testing.T) {
	check := noLeaks(t)
	i := &interleaver{both: make(chan struct{})}
	app := (&responder{mpxs: true, plan: plan{by: i.script}}).listen(t, "unix")
	r := start(t, "unix", sharing, app)
	defer check()
	defer r.close()
	r.untilShared()
	replies := make(map[string]heard)
	for h := range r.together(2) {
		replies[h.body[:min(1, len(h.body))]] = h
	}
	for _, c := range []string{"a", "b"} {
		if h := replies[c]; h.body != strings.Repeat(c, 1000) || !h.complete {
			t.Errorf("the reply of %s: %v", c, h)
		}
	}
	for n := range 2 {
		e := r.access(atURI(n))
		if e.Bytes != 1000 || len(e.Stderr) != 1 || strings.Trim(e.Stderr[0], e.Stderr[0][:1]) != "" || len(e.Stderr[0]) != 1000 {
			t.Errorf("record: %+v", e)
		}
	}
	r.checkHouse(sharedSlots)
}

// together sends n requests at once and yields the responses.
func (r *rig) together(n int) <-chan heard {
	list := make(chan heard, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { list <- r.get(fmt.Sprintf("%s?at=%d", path, i)) }) // ends with the response
	}
	wg.Wait()
	close(list)
	return list
}
