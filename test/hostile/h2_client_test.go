package hostile

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/fcgigw/fcgigw/test/harness"
)

// h2client writes frames as they are told to it, good or bad.
type h2client struct {
	nc  net.Conn
	fr  *http2.Framer
	buf bytes.Buffer
	enc *hpack.Encoder
	dec *hpack.Decoder
}

// h2answer is what became of one stream.
type h2answer struct {
	status string
	reset  bool
	code   http2.ErrCode
	ended  bool
}

func (a *h2answer) over() bool { return a.ended || a.reset }

// errGoAway says that the whole connection was ended.
var errGoAway = errors.New("GOAWAY")

// dialH2 begins HTTP/2 with prior knowledge (RFC 9113 section 3.3).
func dialH2(via *transport) (*h2client, error) {
	nc, err := via.dial()
	if err != nil {
		return nil, err
	}
	c := &h2client{nc: nc, fr: http2.NewFramer(nc, nc), dec: hpack.NewDecoder(4096, nil)}
	c.enc = hpack.NewEncoder(&c.buf)
	c.fr.AllowIllegalWrites = true
	err = nc.SetDeadline(time.Now().Add(harness.Patience))
	if err == nil {
		_, err = nc.Write([]byte(http2.ClientPreface))
	}
	return c, errors.Join(err, c.fr.WriteSettings())
}

// headers sends a field section as it is.
func (c *h2client) headers(stream uint32, fields []hpack.HeaderField, end bool) error {
	c.buf.Reset()
	for _, f := range fields {
		if err := c.enc.WriteField(f); err != nil {
			return err
		}
	}
	const most = 16 << 10
	block := c.buf.Bytes()
	first := block[:min(len(block), most)]
	rest := block[len(first):]
	err := c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: first, EndStream: end, EndHeaders: len(rest) == 0})
	for err == nil && len(rest) > 0 {
		part := rest[:min(len(rest), most)]
		rest = rest[len(part):]
		err = c.fr.WriteContinuation(stream, len(rest) == 0, part)
	}
	return err
}

// until reads frames until the stream is over, and returns what became of all.
func (c *h2client) until(stream uint32) (map[uint32]*h2answer, error) {
	all := map[uint32]*h2answer{}
	for all[stream] == nil || !all[stream].over() {
		f, err := c.fr.ReadFrame()
		if err != nil {
			return all, err
		}
		if err := c.frame(f, all); err != nil {
			return all, err
		}
	}
	return all, nil
}

func (c *h2client) frame(f http2.Frame, all map[uint32]*h2answer) error {
	h := f.Header()
	a := all[h.StreamID]
	if a == nil {
		a = &h2answer{}
		all[h.StreamID] = a
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return c.fr.WriteSettingsAck()
		}
	case *http2.GoAwayFrame:
		return fmt.Errorf("%w: %v %s", errGoAway, f.ErrCode, f.DebugData())
	case *http2.RSTStreamFrame:
		a.reset, a.code = true, f.ErrCode
	case *http2.DataFrame:
		a.ended = f.StreamEnded()
	case *http2.HeadersFrame:
		fields, err := c.dec.DecodeFull(f.HeaderBlockFragment())
		if err != nil {
			return err
		}
		for _, field := range fields {
			if field.Name == ":status" {
				a.status = field.Value
			}
		}
		a.ended = f.StreamEnded()
	}
	return nil
}
