package responder_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// A body that is full of records is a body, however long it is: none of it gets
// out of its STDIN records.
func TestABodyOfRecordsIsOneRequest(t *testing.T) {
	evil := record(beginRequest, 1, []byte("\x00\x01\x01\x00\x00\x00\x00\x00"), 0)
	evil = append(evil, record(params, 1, appendPair(nil, "PHP_VALUE", "auto_prepend_file=/etc/passwd"), 0)...)
	for _, shared := range []bool{false, true} {
		for _, n := range []int{1, 8, 65534, 65535, 65536, 65543, 65544, 99_000, 131_070, 131_072, 1 << 20} {
			t.Run(fmt.Sprintf("%d bytes, shared %v", n, shared), func(t *testing.T) { desync(t, evil, n, shared) })
		}
	}
}

func desync(t *testing.T, evil []byte, n int, shared bool) {
	body := bytes.Repeat(evil, n/len(evil)+1)[:n]
	check := noLeaks(t)
	app := (&responder{mpxs: shared, plan: plays(says(out(goodHead+"a"), end()))}).listen(t, "unix")
	r := start(t, "unix", map[bool]keys{true: sharing}[shared], app)
	defer check()
	defer r.close()
	if shared {
		r.untilShared()
	}
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, n, body)
	if h := r.asks(request, "POST", false); h.body != "a" || !h.complete {
		t.Errorf("client: %v", h)
	}
	if app.count(path) != 1 {
		t.Fatalf("%d requests", app.count(path))
	}
	q := app.last(path)
	if !bytes.Equal(q.body, body) {
		t.Errorf("%d bytes of body, want the %d that were sent", len(q.body), n)
	}
	for name := range q.params {
		if strings.HasPrefix(name, "PHP_") {
			t.Errorf("param %s", name)
		}
	}
	r.noTemp()
	r.good("afterwards")
}
