package compress

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

var codings = []string{"zstd", "br", "gzip"}

func TestABodyInOneWriteIsEncodedInOneWrite(t *testing.T) {
	c := newCompressor(t, config())
	for _, coding := range codings {
		x := newExchange(coding)
		body := page(20_000)
		x.Response.ContentLength = int64(len(body))
		s := run(t, c, x, body)
		got, err := decode(coding, s.body)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: %v, %d bytes", coding, err, len(got))
		}
		if !s.last || s.waits != 1 || s.heads != 0 || len(s.body) > len(body)/2 {
			t.Errorf("%s: complete %t in %d writes and %d of the head, %d bytes", coding, s.last, s.waits, s.heads, len(s.body))
		}
	}
}

// TestWhatWasWrittenCanBeReadAtOnce is what event streams need.
func TestWhatWasWrittenCanBeReadAtOnce(t *testing.T) {
	c := newCompressor(t, config())
	for _, coding := range codings {
		x := newExchange(coding)
		x.Response.Header.Set([]byte("Content-Type"), []byte("text/event-stream"))
		s := &sink{t: t}
		var f Filter
		if active, err := f.Start(c, x, s); !active || err != nil {
			t.Fatalf("%s: %t %v", coding, active, err)
		}
		var all []byte
		for range 5 {
			event := page(rand.IntN(300) + 1)
			all = append(all, event...)
			if n, err := f.TryWrite(event, false); n != len(event) || err != nil {
				t.Fatalf("%s: %d of %d, %v", coding, n, len(event), err)
			}
			if got, err := decode(coding, s.body); err == nil || !bytes.Equal(got, all) {
				t.Fatalf("%s: %d of %d bytes readable, and %v", coding, len(got), len(all), err)
			}
		}
		if n, err := f.TryWrite(nil, true); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		if got, err := decode(coding, s.body); err != nil || !bytes.Equal(got, all) || !s.last {
			t.Errorf("%s: %d bytes, %v", coding, len(got), err)
		}
		f.End()
	}
}

func TestAHeadThatIsHeldBackIsSentByAnEmptyWrite(t *testing.T) {
	c := newCompressor(t, config())
	x := newExchange("gzip")
	s := &sink{t: t}
	var f Filter
	_, _ = f.Start(c, x, s)
	if s.r != nil {
		t.Fatal("started before anything is known of the body")
	}
	if n, err := f.TryWrite(nil, false); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if s.heads != 1 || string(x.Response.Header.Get("Content-Encoding")) != "gzip" {
		t.Errorf("%d heads, %q", s.heads, x.Response.Header.Get("Content-Encoding"))
	}
	f.End()
}

func TestAClientThatTakesLittleIsNotWaitedForAndGetsAll(t *testing.T) {
	c := newCompressor(t, config())
	for _, coding := range codings {
		for _, room := range []int{0, 1, 7, 1000} {
			x := newExchange(coding)
			body := page(300_000)
			s := &sink{t: t, room: func() int { return room }}
			var f Filter
			_, _ = f.Start(c, x, s)
			n, err := f.TryWrite(body, true)
			if err != nil || n >= len(body) || s.waits != 0 {
				t.Fatalf("%s: %d of %d, %v, waited %d times", coding, n, len(body), err, s.waits)
			}
			if held := len(f.e.out) - f.sent; held > 200<<10 {
				t.Errorf("%s: %d bytes are kept", coding, held)
			}
			if again, err := f.TryWrite(body[n:], true); again == len(body)-n || err != nil {
				t.Fatalf("%s: the client takes %d, and all %d are said to be gone", coding, room, again)
			} else {
				n += again
			}
			if err := f.Write(body[n:], true); err != nil {
				t.Fatal(err)
			}
			if got, err := decode(coding, s.body); err != nil || !bytes.Equal(got, body) || !s.last {
				t.Errorf("%s, room %d: %v, %d bytes", coding, room, err, len(got))
			}
			if err := f.End(); err != nil || c.Busy() != 0 {
				t.Errorf("%v, %d encoders in use", err, c.Busy())
			}
		}
	}
}

func TestTheEndOfAnEmptyWriteIsSentByEnd(t *testing.T) {
	c := newCompressor(t, config())
	x := newExchange("gzip")
	room := 1 << 20
	s := &sink{t: t, room: func() int { return room }}
	var f Filter
	_, _ = f.Start(c, x, s)
	body := page(1000)
	_, _ = f.TryWrite(body, false)
	room = 3
	if n, err := f.TryWrite(nil, true); n != 0 || err != nil || s.last {
		t.Fatal(n, err, s.last)
	}
	if err := f.End(); err != nil || !s.last {
		t.Fatalf("%v, complete %t", err, s.last)
	}
	if got, err := decode("gzip", s.body); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%v, %d bytes", err, len(got))
	}
}

func TestABrokenOffBodyHasNoEnd(t *testing.T) {
	c := newCompressor(t, config())
	for _, coding := range codings {
		x := newExchange(coding)
		s := &sink{t: t}
		var f Filter
		_, _ = f.Start(c, x, s)
		body := page(50_000)
		if _, err := f.TryWrite(body, false); err != nil {
			t.Fatal(err)
		}
		f.Abort()
		if err := f.Write(body, true); !errors.Is(err, exchange.ErrEnded) {
			t.Errorf("a write behind the end: %v", err)
		}
		if err := f.End(); err != nil || c.Busy() != 0 {
			t.Errorf("%v, %d encoders in use", err, c.Busy())
		}
		if _, err := decode(coding, s.body); err == nil || !s.aborted || s.last {
			t.Errorf("%s: it looks complete (%v), aborted %t", coding, err, s.aborted)
		}
		next := run(t, c, newExchange(coding), body) // with the same encoder, most likely
		if got, err := decode(coding, next.body); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: after an abort %v", coding, err)
		}
	}
}

func TestABodyThatIsNotAsLongAsDeclaredIsAnError(t *testing.T) {
	c := newCompressor(t, config())
	for _, row := range []struct {
		n    int
		want error
	}{{999, exchange.ErrShortBody}, {1000, nil}, {1001, exchange.ErrLongBody}} {
		x := newExchange("gzip")
		x.Response.ContentLength = 1000
		s := &sink{t: t}
		var f Filter
		_, _ = f.Start(c, x, s)
		body := page(row.n)
		err := f.Write(body[:500], false)
		if err == nil {
			err = f.Write(body[500:], true)
		}
		if !errors.Is(err, row.want) || s.last != (row.want == nil) {
			t.Errorf("%d bytes: %v, complete %t", row.n, err, s.last)
		}
		f.End()
	}
}

// TestABodyEndsWithItsDeclaredLength: a script that goes on when it has sent all
// does not keep the client waiting.
func TestABodyEndsWithItsDeclaredLength(t *testing.T) {
	c := newCompressor(t, config())
	for _, room := range []int{1 << 20, 10} {
		x := newExchange("gzip")
		x.Response.ContentLength = 1000
		s := &sink{t: t, room: func() int { return room }}
		var f Filter
		_, _ = f.Start(c, x, s)
		body := page(1000)
		if n, err := f.TryWrite(body[:300], false); n < 300 && f.Write(body[n:300], false) != nil || err != nil || s.last {
			t.Fatal(n, err, s.last)
		}
		if n, err := f.TryWrite(body[300:], false); n < 700 && f.Write(body[300+n:], false) != nil || err != nil {
			t.Fatal(n, err)
		}
		if got, err := decode("gzip", s.body); !s.last || err != nil || !bytes.Equal(got, body) || c.Busy() != 0 {
			t.Errorf("room %d: complete %t, %v, %d encoders in use", room, s.last, err, c.Busy())
		}
		if err := f.Write([]byte("x"), false); !errors.Is(err, exchange.ErrLongBody) {
			t.Errorf("more: %v", err)
		}
		if err := f.Write(nil, true); err != nil {
			t.Errorf("the end: %v", err)
		}
		f.End()
	}
}

func TestAnErrorOfTheClientComesBackAndFreesTheEncoder(t *testing.T) {
	c := newCompressor(t, config())
	gone := errors.New("gone")
	x := newExchange("zstd")
	s := &sink{t: t}
	var f Filter
	_, _ = f.Start(c, x, s)
	if err := f.Write(page(1000), false); err != nil {
		t.Fatal(err)
	}
	s.err = gone
	if err := f.Write(page(1000), false); !errors.Is(err, gone) {
		t.Error(err)
	}
	f.Abort()
	if c.Busy() != 0 {
		t.Error("the encoder is still in use")
	}
	f.End()
}

// broken is a library that fails.
type broken struct{ codec }

func (broken) Write([]byte) (int, error) { panic("index out of range") }

func TestAPanicInALibraryEndsOneResponseOnly(t *testing.T) {
	c := newCompressor(t, config())
	of := c.codings[2]
	mk := of.make
	of.make = func() codec { return broken{mk()} }
	x := newExchange("gzip")
	var f Filter
	_, _ = f.Start(c, x, &sink{t: t})
	if err := f.Write(page(1000), true); !errors.Is(err, errEncoder) || !strings.Contains(err.Error(), "out of range") {
		t.Errorf("%v", err)
	}
	f.Abort()
	f.End()
	of.make = mk
	s := run(t, c, newExchange("gzip"), page(1000))
	if _, err := decode("gzip", s.body); err != nil || c.Busy() != 0 {
		t.Errorf("afterwards: %v, %d encoders in use", err, c.Busy())
	}
}

func TestWithoutAnEncoderTheBodyGoesAsItIs(t *testing.T) {
	cfg := config()
	cfg.MaxEncoders = 3
	c := newCompressor(t, cfg)
	start := func(contentType string) (*Filter, *exchange.Exchange) {
		x := newExchange("gzip")
		x.Response.Header.Set([]byte("Content-Type"), []byte(contentType))
		x.Response.ContentLength = 2000
		f := &Filter{}
		if active, err := f.Start(c, x, &sink{t: t}); !active || err != nil {
			t.Fatal(active, err)
		}
		if err := f.Write(page(1000), false); err != nil {
			t.Fatal(err)
		}
		return f, x
	}
	var filters []*Filter
	for i, row := range []struct {
		contentType string
		encoded     bool
	}{
		{"text/event-stream", true},
		{"text/event-stream; charset=utf-8", true},
		{"text/event-stream", false},
		{"text/html", true},
		{"text/html", false},
	} {
		f, x := start(row.contentType)
		filters = append(filters, f)
		h := &x.Response.Header
		if h.Has("Content-Encoding") != row.encoded || string(h.Get("Vary")) != "Accept-Encoding" || (x.Response.ContentLength == 2000) == row.encoded {
			t.Errorf("response %d: %q, %q, %d", i, h.Get("Content-Encoding"), h.Get("Vary"), x.Response.ContentLength)
		}
	}
	for _, f := range filters {
		f.End()
	}
	if c.Busy() != 0 {
		t.Errorf("%d encoders in use", c.Busy())
	}
}

// FuzzAnySplitDecodesToTheSame writes a body in any pieces to a client that takes
// any number of bytes at a time.
func FuzzAnySplitDecodesToTheSame(f *testing.F) {
	f.Add(uint64(1), uint32(0), uint8(0))
	f.Add(uint64(2), uint32(1), uint8(1))
	f.Add(uint64(3), uint32(100), uint8(2))
	f.Add(uint64(4), uint32(70_000), uint8(0))
	f.Add(uint64(5), uint32(300_000), uint8(1))
	f.Add(uint64(6), uint32(300_000), uint8(2))
	c := newCompressor(f, config())
	f.Fuzz(func(t *testing.T, seed uint64, size uint32, which uint8) {
		r := rand.New(rand.NewPCG(seed, 0))
		body := page(int(size % 400_000))
		if r.IntN(4) == 0 { // what does not compress comes out longer
			for i := range body {
				body[i] = byte(r.Uint32())
			}
		}
		x := newExchange(codings[int(which)%len(codings)])
		if r.IntN(2) == 0 {
			x.Response.ContentLength = int64(len(body))
		}
		s := &sink{t: t}
		if r.IntN(2) == 0 {
			limit := r.IntN(100_000) + 1
			s.room = func() int { return r.IntN(limit) }
		}
		check(t, c, x, s, body, r)
	})
}

func check(t *testing.T, c *Compressor, x *exchange.Exchange, s *sink, body []byte, r *rand.Rand) {
	var f Filter
	active, err := f.Start(c, x, s)
	if err != nil {
		t.Fatal(err)
	}
	var out exchangeWriter = s
	if active {
		out = &f
	}
	if err := pieces(out, body, r); err != nil {
		t.Fatal(err)
	}
	if err := f.End(); err != nil || c.Busy() != 0 {
		t.Fatalf("End: %v, %d encoders in use", err, c.Busy())
	}
	got, err := decode(string(x.Response.Header.Get("Content-Encoding")), s.body)
	if err != nil || !bytes.Equal(got, body) || !s.last {
		t.Fatalf("%d bytes of %d, %v, complete %t", len(got), len(body), err, s.last)
	}
}

// pieces writes body in pieces of any size; some ask again without waiting when
// little was taken, others wait.
func pieces(out exchangeWriter, body []byte, r *rand.Rand) error {
	for {
		p := body[:min(len(body), r.IntN(50_000))]
		last := len(p) == len(body) && (len(p) > 0 || r.IntN(2) == 0)
		if r.IntN(3) == 0 || last && len(p) == 0 {
			if err := out.Write(p, last); err != nil || last {
				return err
			}
			body = body[len(p):]
			continue
		}
		n, err := out.TryWrite(p, last)
		if err != nil {
			return err
		}
		for n < len(p) && r.IntN(2) == 0 {
			more, err := out.TryWrite(p[n:], last)
			if err != nil {
				return err
			}
			n += more
		}
		if n < len(p) {
			if err := out.Write(p[n:], last); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
		body = body[len(p):]
	}
}
