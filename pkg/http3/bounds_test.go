package http3

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

func TestManyPartsOfACookieCostNoMoreThanTheirBytes(t *testing.T) {
	lines, want := proper[:4:4], ""
	for range 90 {
		part := strings.Repeat("c", 600)
		lines, want = append(lines, "cookie: "+part), want+"; "+part
	}
	d := reader{}
	d.reset(bytes.NewReader(headers(lines...)))
	_, n, _ := d.frame()
	block, _ := d.take(int(n))
	x := exchange.New()
	x.Reset()
	h := head{x: x, cfg: Config{}.withDefaults()}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := h.decode(block)
	runtime.ReadMemStats(&after)
	if err != nil || string(x.Request.Header.Get("cookie")) != want[2:] {
		t.Errorf("%v, %d bytes", err, len(x.Request.Header.Get("cookie")))
	}
	// Decoded once, and the growing buffer.
	if cost, most := after.TotalAlloc-before.TotalAlloc, uint64(10*len(want)); cost > most {
		t.Errorf("%d bytes for a cookie of %d, at most %d allowed", cost, len(want), most)
	}
}

func TestStreamsOfUnknownTypeAreBounded(t *testing.T) {
	r := start(t, testConfig(), Events{}, echo)
	c := r.dial()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	opened := 0
	for ; opened < 3*maxUnknown; opened++ {
		s, err := c.qc.OpenUniStreamSync(ctx)
		if err != nil {
			break
		}
		_, _ = s.Write([]byte{0x21})
		s.Close()
	}
	if got := c.closed(); got != codeExcessiveLoad {
		t.Errorf("closed with %#x", got)
	}
	if opened < maxUnknown {
		t.Errorf("only %d were allowed", opened)
	}
}
