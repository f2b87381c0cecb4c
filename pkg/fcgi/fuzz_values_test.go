package fcgi_test

import (
	"bytes"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

func FuzzHeader(f *testing.F) {
	f.Add([]byte("\x01\x06\x00\x01\x00\x05\x03\x00"))
	f.Add([]byte("\x02\x06\x00\x01\x00\x05\x03\x00"))
	f.Add([]byte("\x01\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := fcgi.ParseHeader(b)
		var pe *fcgi.ProtocolError
		switch {
		case len(b) < fcgi.HeaderLen:
			if err != fcgi.ErrShort {
				t.Fatal(err)
			}
		case b[0] != fcgi.Version:
			if !errors.As(err, &pe) || pe.Type != h.Type || pe.ID != h.ID {
				t.Fatal(err)
			}
		case err != nil || !bytes.Equal(fcgi.AppendHeader(nil, h)[:7], b[:7]):
			t.Fatalf("%+v, %v", h, err)
		}
	})
}

// answers are contents of GET_VALUES_RESULT records.
var answers = [][]byte{
	nil,
	params(fcgi.VarMpxsConns, "1"),
	params(fcgi.VarMaxConns, "10", fcgi.VarMaxReqs, "50", fcgi.VarMpxsConns, "0"),
	params(fcgi.VarMaxConns, "-1", fcgi.VarMaxReqs, "99999999999999999999", fcgi.VarMpxsConns, "yes", "X", ""),
	[]byte("\xff\xff\xff\xff\xff\xff\xff\xff"),
}

func FuzzValues(f *testing.F) {
	for _, a := range answers {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := fcgi.ParseValues(b)
		want, ok := modelValues(b)
		if (err == nil) != ok || ok && got != want {
			t.Fatalf("%+v, %v; want %+v, %v", got, err, want, ok)
		}
	})
}

// modelValues is ParseValues the slow way; not ok when b is malformed.
func modelValues(b []byte) (v fcgi.Values, ok bool) {
	for len(b) > 0 {
		name, value, rest, err := fcgi.NextPair(b)
		if err != nil {
			return v, false
		}
		b = rest
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || n < 0 {
			continue
		}
		switch string(name) {
		case "FCGI_MAX_CONNS":
			v.MaxConns = int(n)
		case "FCGI_MAX_REQS":
			v.MaxReqs = int(n)
		case "FCGI_MPXS_CONNS":
			v.Mpxs, v.MpxsKnown = n == 1, true
		}
	}
	return v, true
}

// patient is a canned whose deadlines never pass.
type patient struct{ canned }

func (p *patient) SetDeadline(time.Time) error { return nil }

// FuzzProbe gives Probe any bytes as its answer: it believes only what one whole
// record says that nothing else follows.
func FuzzProbe(f *testing.F) {
	for _, a := range answers {
		f.Add(rec(fcgi.TypeGetValuesResult, 0, a, 3), uint16(5))
	}
	f.Add(fcgi.AppendUnknown(nil, fcgi.TypeGetValues), uint16(1))
	f.Add(join(rec(fcgi.TypeGetValuesResult, 0, nil, 0), rec(fcgi.TypeGetValuesResult, 0, nil, 0)), uint16(100))
	f.Add(out(1, "x"), uint16(100))
	f.Fuzz(func(t *testing.T, b []byte, most uint16) {
		nc := &patient{canned{most: int(most) + 1}}
		nc.in.Reset(b)
		v, err := fcgi.Probe(nc, time.Minute)
		var pe *fcgi.ProtocolError
		if err != nil {
			if v != (fcgi.Values{}) || !errors.Is(err, fcgi.ErrStale) && !errors.Is(err, fcgi.ErrTruncated) && !errors.As(err, &pe) {
				t.Fatalf("%+v, %v", v, err)
			}
			return
		}
		h, _ := fcgi.ParseHeader(b)
		want, ok := fcgi.Values{}, true
		if h.Type == fcgi.TypeGetValuesResult {
			want, ok = modelValues(b[fcgi.HeaderLen : fcgi.HeaderLen+int(h.Len)])
		}
		if h.ID != 0 || v != want || !ok || h.Type != fcgi.TypeGetValuesResult && h.Type != fcgi.TypeUnknownType {
			t.Fatalf("%+v for %+v, want %+v", v, h, want)
		}
	})
}
