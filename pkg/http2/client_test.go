package http2_test

import (
	"bytes"
	"fmt"
	"net"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// client is a peer that sends what a test says, whether the RFC allows it or not.
type client struct {
	t   testing.TB
	nc  net.Conn
	fr  *xhttp2.Framer
	enc *hpack.Encoder
	dec *hpack.Decoder
	buf bytes.Buffer

	answers map[uint32]*answer
	goAway  []goAway
	pings   []string // data of ACKs
	probes  []string // data of the server's own PINGs
	updates map[uint32]int
	set     map[xhttp2.SettingID]uint32
	acks    int // of our SETTINGS
	err     error
	quiet   bool // does not answer PINGs
}

// answer is what came on one stream.
type answer struct {
	interim []string // heads of 1xx
	fields  []hpack.HeaderField
	block   []byte // that encoded them
	body    []byte
	frames  int // DATA
	ended   bool
	reset   *xhttp2.ErrCode
}

type goAway struct {
	last   uint32
	code   xhttp2.ErrCode
	reason string
}

func (a *answer) get(name string) string {
	for _, f := range a.fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// done reports whether nothing more can come on the stream.
func (a *answer) done() bool { return a.ended || a.reset != nil }

// dial connects without a word.
func dial(t testing.TB, r *rig) *client {
	t.Helper()
	nc, err := net.Dial("tcp", r.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(limit))
	return newClient(t, nc)
}

func newClient(t testing.TB, nc net.Conn) *client {
	c := &client{
		t: t, nc: nc, fr: xhttp2.NewFramer(nc, nc),
		answers: make(map[uint32]*answer), updates: make(map[uint32]int), set: make(map[xhttp2.SettingID]uint32),
	}
	c.fr.AllowIllegalWrites = true
	c.fr.SetMaxReadFrameSize(1 << 24)
	c.enc = hpack.NewEncoder(&c.buf)
	c.dec = hpack.NewDecoder(4096, nil)
	return c
}

// connect dials, and exchanges SETTINGS.
func connect(t testing.TB, r *rig, settings ...xhttp2.Setting) *client {
	t.Helper()
	c := dial(t, r)
	c.greet(settings...)
	c.until("settings", func() bool { return c.acks > 0 && len(c.set) > 0 })
	return c
}

func (c *client) greet(settings ...xhttp2.Setting) {
	c.raw([]byte(xhttp2.ClientPreface))
	c.ok(c.fr.WriteSettings(settings...))
}

// ok fails the test when a write did, unless the server has closed: what it
// said before that is what tests look at.
func (c *client) ok(err error) {
	if err != nil && c.err == nil {
		c.err = err
	}
}

func (c *client) raw(b []byte) {
	_, err := c.nc.Write(b)
	c.ok(err)
}

// block encodes name, value, name, value...
func (c *client) block(fields ...string) []byte {
	c.buf.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = c.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // into memory
	}
	return bytes.Clone(c.buf.Bytes())
}

// request is the pseudo-header fields of a request, and more.
func request(method, path string, more ...string) []string {
	return append([]string{":method", method, ":scheme", "http", ":authority", "example.org", ":path", path}, more...)
}

// headers sends a whole head.
func (c *client) headers(id uint32, end bool, fields ...string) {
	c.ok(c.fr.WriteHeaders(xhttp2.HeadersFrameParam{
		StreamID: id, BlockFragment: c.block(fields...), EndStream: end, EndHeaders: true,
	}))
}

func (c *client) get(id uint32, path string, more ...string) {
	c.headers(id, true, request("GET", path, more...)...)
}

func (c *client) data(id uint32, end bool, b []byte) { c.ok(c.fr.WriteData(id, end, b)) }

func (c *client) answer(id uint32) *answer {
	if c.answers[id] == nil {
		c.answers[id] = &answer{}
	}
	return c.answers[id]
}

// until reads frames until done, which must come.
func (c *client) until(what string, done func() bool) {
	c.t.Helper()
	for !done() {
		if !c.step() {
			c.t.Fatalf("no %s: %v (goaway %v)", what, c.err, c.goAway)
		}
	}
}

// finish reads frames until the server closes.
func (c *client) finish() {
	for c.step() {
	}
	if ne, ok := c.err.(net.Error); ok && ne.Timeout() {
		c.t.Helper()
		c.t.Fatal("the server does not close")
	}
}

// ended waits for the end of a stream.
func (c *client) ended(id uint32) *answer {
	c.t.Helper()
	c.until(fmt.Sprintf("answer on %d", id), func() bool { return c.answer(id).done() })
	return c.answer(id)
}

// step reads one frame.
func (c *client) step() bool {
	f, err := c.fr.ReadFrame()
	if err != nil {
		c.err = err
		return false
	}
	switch f := f.(type) {
	case *xhttp2.SettingsFrame:
		c.onSettings(f)
	case *xhttp2.PingFrame:
		c.onPing(f)
	case *xhttp2.GoAwayFrame:
		c.goAway = append(c.goAway, goAway{f.LastStreamID, f.ErrCode, string(f.DebugData())})
	case *xhttp2.WindowUpdateFrame:
		c.updates[f.StreamID] += int(f.Increment)
	case *xhttp2.RSTStreamFrame:
		code := f.ErrCode
		c.answer(f.StreamID).reset = &code
	case *xhttp2.DataFrame:
		a := c.answer(f.StreamID)
		a.body = append(a.body, f.Data()...)
		a.frames++
		a.ended = f.StreamEnded()
	case *xhttp2.HeadersFrame:
		c.onHead(f)
	}
	return true
}

func (c *client) onSettings(f *xhttp2.SettingsFrame) {
	if f.IsAck() {
		c.acks++
		return
	}
	_ = f.ForeachSetting(func(s xhttp2.Setting) error {
		c.set[s.ID] = s.Val
		return nil
	})
	c.ok(c.fr.WriteSettingsAck())
}

func (c *client) onPing(f *xhttp2.PingFrame) {
	if f.IsAck() {
		c.pings = append(c.pings, string(f.Data[:]))
		return
	}
	c.probes = append(c.probes, string(f.Data[:]))
	if !c.quiet {
		c.ok(c.fr.WritePing(true, f.Data))
	}
}

func (c *client) onHead(f *xhttp2.HeadersFrame) {
	block := bytes.Clone(f.HeaderBlockFragment())
	id, end := f.StreamID, f.StreamEnded()
	for whole := f.HeadersEnded(); !whole; {
		next, err := c.fr.ReadFrame()
		if err != nil {
			c.t.Fatal(err)
		}
		cf := next.(*xhttp2.ContinuationFrame)
		block = append(block, cf.HeaderBlockFragment()...)
		whole = cf.HeadersEnded()
	}
	fields, err := c.dec.DecodeFull(block)
	if err != nil {
		c.t.Fatal(err)
	}
	a := c.answer(id)
	if len(fields) > 0 && fields[0].Value[0] == '1' {
		a.interim = append(a.interim, fmt.Sprint(fields))
		return
	}
	a.fields, a.block = fields, block
	a.ended = end
}

// told checks that the connection ended with a code.
func (c *client) told(code xhttp2.ErrCode) {
	c.t.Helper()
	c.finish()
	if n := len(c.goAway); n == 0 || c.goAway[n-1].code != code {
		c.t.Errorf("told %v, want %v (%v)", c.goAway, code, c.err)
	}
}
