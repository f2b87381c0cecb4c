package http3

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// trailerBomb is a HEADERS frame of bytes that each stand for a long field of
// the static table: small, and large when decoded.
func trailerBomb() []byte {
	block := append([]byte{0, 0}, bytes.Repeat([]byte{0xc0 | 56}, 1000)...) // strict-transport-security
	return append(appendFrameHead(nil, frameHeaders, uint64(len(block))), block...)
}

func TestMalformedTrailersAreToldToTheClient(t *testing.T) {
	r := start(t, testConfig(), Events{}, echo)
	s := r.dial().open(post("/"), data("abc"), headers(":path: /"))
	if got := read(s); got.status != "400" {
		t.Errorf("%+v", got)
	}
	select {
	case <-s.Context().Done():
	case <-time.After(limit):
		t.Fatal("the client may go on sending")
	}
	var told *quic.StreamError
	if err := context.Cause(s.Context()); !errors.As(err, &told) || told.ErrorCode != codeMessageError {
		t.Errorf("told %v", err)
	}
}
