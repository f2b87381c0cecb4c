package http2

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/fcgigw/fcgigw/pkg/http1"
)

// What comes behind trailers that are too large is decoded for the sake of the
// table, and not looked at: a byte of it may stand for 4 KiB.
func TestATrailerBombIsNotLookedAtBeyondTheLimit(t *testing.T) {
	const limit, value = 8192, 3000
	cfg := Config{Limits: http1.Limits{MaxTrailerBytes: limit}}.withDefaults()
	s := new(Server)
	s.cfg.Store(&cfg)
	c := &Conn{srv: s}
	c.dec = hpack.NewDecoder(tableSize, c.head.field)
	c.head.c = c

	var b bytes.Buffer
	_ = hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: "x-bomb", Value: strings.Repeat("b", value)}) // into memory
	b.WriteString(strings.Repeat("\xbe", 10_000))                                                             // the newest entry
	c.head.reset(nil)
	c.head.trailers = true
	c.dec.SetEmitEnabled(true)
	if err := c.decode(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	if c.head.status != 431 || c.head.size > limit+2*value {
		t.Errorf("status %d, %d bytes looked at", c.head.status, c.head.size)
	}
}
