package compress

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/fcgigw/fcgigw/pkg/accept"
)

// Config says what is encoded, and how.
type Config struct {
	// Encodings are the content codings, the one we like best first: "zstd",
	// "br", "gzip".
	Encodings []string
	// Types are the media types, in lower case and without parameters, that are
	// worth it; one "*" in each may stand for any characters.
	Types []string
	// MinSize is the least length of a body in bytes. A body whose length is not
	// known when its first bytes are sent is taken for long enough.
	MinSize int64
	Level   Level
	// MaxEncoders bounds the responses that are encoded at once. Event streams,
	// which last, get at most half of it.
	MaxEncoders int
}

// Compressor holds what the responses of one configuration share. Its methods
// may be called from any goroutine.
type Compressor struct {
	names   []string
	codings []*coding
	types   typeSet
	min     int64
	max     int64
	busy    atomic.Int64 // encoders given out
}

// coding is a content coding with its idle encoders.
type coding struct {
	name []byte
	idle sync.Pool // of *encoder
	make func() codec
}

// New returns a Compressor, or an error that names the coding it does not know.
func New(c Config) (*Compressor, error) {
	z := &Compressor{names: c.Encodings, types: newTypeSet(c.Types), min: c.MinSize, max: int64(c.MaxEncoders)}
	if len(c.Encodings) > accept.Max {
		return nil, fmt.Errorf("compress: more than %d encodings", accept.Max)
	}
	for _, name := range c.Encodings {
		mk := newCodec(name, c.Level)
		if mk == nil {
			return nil, fmt.Errorf("compress: unknown encoding %q", name)
		}
		z.codings = append(z.codings, &coding{name: []byte(name), make: mk})
	}
	return z, nil
}

// Busy returns how many encoders are in use.
func (c *Compressor) Busy() int { return int(c.busy.Load()) }

// get returns an encoder for a body, or nil when there are as many as may be.
func (c *Compressor) get(of *coding, lasting bool) *encoder {
	limit := c.max
	if lasting {
		limit = (limit + 1) / 2
	}
	if c.busy.Add(1) > limit {
		c.busy.Add(-1)
		return nil
	}
	e, ok := of.idle.Get().(*encoder)
	if !ok {
		e = &encoder{codec: of.make(), of: of}
	}
	e.begin()
	return e
}

// keepOutput bounds the output buffer that an idle encoder keeps, in bytes.
const keepOutput = 64 << 10

// put takes an encoder back; one that failed is not used again.
func (c *Compressor) put(e *encoder, failed bool) {
	c.busy.Add(-1)
	if failed {
		return
	}
	if cap(e.out) > keepOutput {
		e.out = nil
	}
	e.of.idle.Put(e)
}
