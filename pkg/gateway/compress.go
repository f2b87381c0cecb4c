package gateway

import (
	"bytes"
	"fmt"

	"github.com/fcgigw/fcgigw/pkg/accept"
	"github.com/fcgigw/fcgigw/pkg/compress"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/static"
)

// buildCompression compiles what a location says of compression and of files
// that are compressed already.
func buildCompression(gen *generation, l *location) error {
	cfg := l.cfg
	var err error
	if l.files.Precompressed, err = static.NewPrecompressed(cfg.Precompressed); err != nil {
		return err
	}
	if cfg.Compression != "on" && (cfg.Compression != "files" || cfg.Backend != "") {
		return nil
	}
	if l.compress, err = gen.compressor(); err == nil {
		l.files.Varies = l.compress.Varies
	}
	return err
}

// compressor returns what all locations of the generation share.
func (g *generation) compressor() (*compress.Compressor, error) {
	if g.compress != nil {
		return g.compress, nil
	}
	cfg := &g.cfg.Compression
	level, ok := map[string]compress.Level{
		"fast": compress.Fast, "default": compress.Default, "best": compress.Best,
	}[cfg.Level]
	if !ok {
		return nil, fmt.Errorf("compression: unknown level %q", cfg.Level)
	}
	var err error
	g.compress, err = compress.New(compress.Config{
		Encodings: cfg.Encodings, Types: cfg.Types, MinSize: int64(cfg.MinSize),
		Level: level, MaxEncoders: cfg.MaxEncoders,
	})
	return g.compress, err
}

// compress begins the response through a filter if the location wants that, and
// reports whether it did begin it. Error pages of ours are too small to gain.
func (t *tap) compress() (begun bool, err error) {
	v := t.v
	if v.loc == nil || v.loc.compress == nil || v.failing {
		return false, nil
	}
	if v.zip == nil {
		v.zip = new(compress.Filter)
	}
	if len(v.x.Trace.Backend) > 0 && typeless(&v.x.Response) {
		accept.Vary(v.x)
	}
	active, err := v.zip.Start(v.loc.compress, v.x, t.Sink)
	if active {
		t.zip = v.zip
	}
	return true, err
}

// typeless reports whether an application's response does not tell the media type
// of the whole one, which may be one that is encoded: a 304, which has none, and one
// of several ranges. Vary is then right or does no harm.
func typeless(r *exchange.Response) bool {
	switch r.Status {
	case 304:
		return !r.Header.Has("Content-Type")
	case 206:
		return bytes.HasPrefix(bytes.ToLower(r.Header.Get("Content-Type")), []byte("multipart/"))
	}
	return false
}

// TryWrite implements exchange.Sink.
func (t *tap) TryWrite(p []byte, last bool) (int, error) {
	if t.zip != nil {
		return t.zip.TryWrite(p, last)
	}
	return t.Sink.TryWrite(p, last)
}

// Write implements exchange.Sink.
func (t *tap) Write(p []byte, last bool) error {
	if t.zip != nil {
		return t.zip.Write(p, last)
	}
	return t.Sink.Write(p, last)
}

// Abort implements exchange.Sink.
func (t *tap) Abort() {
	if t.zip != nil {
		t.zip.Abort()
		return
	}
	t.Sink.Abort()
}

// unzip ends the filter, if there is one, when the handler has ended; err is its
// error or that of the bytes that were still to be sent.
func (t *tap) unzip(err error) error {
	if t.zip == nil {
		return err
	}
	late := t.zip.End()
	t.zip = nil
	if err == nil {
		err = late
	}
	return err
}

// varies reports whether the response depends on Accept-Encoding, as static files
// say that have encoded forms.
func varies(r *exchange.Response) bool {
	for _, f := range r.Header.All() {
		if exchange.EqualFold(f.Name, "Vary") && accept.Varies(f.Value) {
			return true
		}
	}
	return false
}
