package http3

import (
	"errors"
	"io"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
)

// Types of unidirectional streams (RFC 9114 section 6.2, RFC 9204 section 4.2).
const (
	streamControl = 0x0
	streamPush    = 0x1
	streamEncoder = 0x2
	streamDecoder = 0x3
)

// Settings (RFC 9114 section 7.2.4.1, RFC 9220 section 3). That we have no
// dynamic QPACK table is their default.
const (
	settingMaxFieldSection = 0x6
	settingConnectProtocol = 0x8
)

// maxSettings bounds the peer's SETTINGS frame; there are a dozen settings.
const maxSettings = 4 << 10

// controlBuffer holds what is read of a control stream.
const controlBuffer = 512

// appendControl appends the beginning of our control stream.
func appendControl(b []byte, cfg *Config) []byte {
	var s []byte
	s = quicvarint.Append(s, settingMaxFieldSection)
	s = quicvarint.Append(s, uint64(cfg.Limits.MaxRequestLine+cfg.Limits.MaxHeaderBytes+32*cfg.Limits.MaxHeaders))
	s = quicvarint.Append(s, settingConnectProtocol)
	s = quicvarint.Append(s, 1)
	b = quicvarint.Append(b, streamControl)
	b = appendFrameHead(b, frameSettings, uint64(len(s)))
	return append(b, s...)
}

func appendGoAway(b []byte, id quic.StreamID) []byte {
	b = appendFrameHead(b, frameGoAway, uint64(quicvarint.Len(uint64(id))))
	return quicvarint.Append(b, uint64(id))
}

// peer is what a connection remembers of its peer's unidirectional streams.
type peer struct {
	seen    [4]bool // by type: there may be one of each
	unknown int     // streams of other types, or that ended before they had one
}

// maxUnknown bounds the streams of a connection that have no use. Clients that
// grease open one or a few (RFC 9114 section 6.2.3).
const maxUnknown = 100

// useless counts a stream of which nothing is read.
func (p *peer) useless() error {
	if p.unknown++; p.unknown > maxUnknown {
		return fatal(codeExcessiveLoad, "too many streams of unknown type")
	}
	return nil
}

// open judges a stream by its type. serve says that it is the control stream,
// whose frames have to be read.
func (p *peer) open(kind uint64) (serve bool, err error) {
	switch kind {
	case streamPush:
		return false, fatal(codeStreamCreationError, "clients do not push")
	case streamControl, streamEncoder, streamDecoder:
		if p.seen[kind] {
			return false, fatal(codeStreamCreationError, "second stream of a kind of which there is one")
		}
		p.seen[kind] = true
		return kind == streamControl, nil
	}
	if err := p.useless(); err != nil {
		return false, err
	}
	return false, &streamError{codeStreamCreationError, "stream of unknown type"}
}

// control reads the peer's control stream to its end, which is an error.
func control(d *reader) error {
	kind, length, err := d.frame()
	if err != nil {
		return closedCritical(err)
	}
	if kind != frameSettings {
		return fatal(codeMissingSettings, "control stream does not begin with SETTINGS")
	}
	if err := settings(d, length); err != nil {
		return err
	}
	for {
		if kind, length, err = d.frame(); err != nil {
			return closedCritical(err)
		}
		switch kind {
		case frameData, frameHeaders, frameSettings, framePushPromise:
			return fatal(codeFrameUnexpected, "frame that the control stream does not have")
		case frameCancelPush:
			return fatal(codeIDError, "nothing was pushed")
		}
		if ofHTTP2(kind) {
			return fatal(codeFrameUnexpected, "frame of HTTP/2")
		}
		// GOAWAY concerns pushes, priorities are advice, the rest is unknown.
		if err := d.skip(length); err != nil {
			return closedCritical(err)
		}
	}
}

// settings checks the peer's SETTINGS. None of them changes what we send.
func settings(d *reader, length uint64) error {
	if length > maxSettings {
		return fatal(codeExcessiveLoad, "SETTINGS too large")
	}
	b, err := d.take(int(length))
	if err != nil {
		return closedCritical(err)
	}
	seen := make(map[uint64]bool)
	for len(b) > 0 {
		id, n, err := quicvarint.Parse(b)
		if err != nil {
			return fatal(codeFrameError, "SETTINGS cut short")
		}
		_, m, err := quicvarint.Parse(b[n:])
		if err != nil {
			return fatal(codeFrameError, "SETTINGS cut short")
		}
		if b = b[n+m:]; seen[id] || 0x2 <= id && id <= 0x5 || id == 0 {
			return fatal(codeSettingsError, "setting given twice, or one of HTTP/2")
		}
		seen[id] = true
	}
	return nil
}

// closedCritical makes the end of a control stream an error of the connection
// (RFC 9114 section 6.2.1); other errors are the connection's own.
func closedCritical(err error) error {
	_, reset := errors.AsType[*quic.StreamError](err)
	if reset || errors.Is(err, io.EOF) {
		return fatal(codeClosedCriticalStream, "control stream closed")
	}
	return truncated(err)
}
