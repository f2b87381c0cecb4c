package fcgi_test

import (
	"errors"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestProbeLearnsWhatTheBackendSays(t *testing.T) {
	tests := map[string]struct {
		values map[string]string
		want   fcgi.Values
	}{
		"default": {nil, fcgi.Values{Mpxs: true, MpxsKnown: true}},
		"all":     {map[string]string{fcgi.VarMaxConns: "3", fcgi.VarMaxReqs: "9", fcgi.VarMpxsConns: "0"}, fcgi.Values{MaxConns: 3, MaxReqs: 9, MpxsKnown: true}},
		"nothing": {map[string]string{}, fcgi.Values{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			s := &fcgitest.Server{Mpxs: true, Values: tt.values, Handler: echo}
			nc := dial(t, s.Start(t))
			if got, err := fcgi.Probe(nc, patience); got != tt.want || err != nil {
				t.Fatalf("%+v, %v", got, err)
			}
			c := newConn(t, nc, fcgi.Config{})
			if _, err := c.Do(post(nil), new(collect)); err != nil || !c.Reusable() {
				t.Fatal("not usable behind Probe: ", err)
			}
		})
	}
}

func TestProbeOfABackendThatDoesNotAnswerProperly(t *testing.T) {
	protocol := new(fcgi.ProtocolError)
	huge := fcgi.AppendHeader(nil, fcgi.Header{Type: fcgi.TypeGetValuesResult, Len: 1025})
	tests := map[string]struct {
		steps fcgitest.Script
		want  error
	}{
		"unknown type":   {fcgitest.Script{fcgitest.Send(fcgi.AppendUnknown(nil, fcgi.TypeGetValues))}, nil},
		"stdout":         {fcgitest.Script{fcgitest.Send(out(1, "x"))}, protocol},
		"silent":         {fcgitest.Script{fcgitest.Stall()}, fcgi.ErrReadTimeout},
		"closed":         {fcgitest.Script{}, fcgi.ErrStale},
		"half an answer": {fcgitest.Script{fcgitest.Send([]byte{1, 10, 0})}, fcgi.ErrTruncated},
		"oversized":      {fcgitest.Script{fcgitest.Send(huge)}, protocol},
		"huge lengths":   {fcgitest.Script{fcgitest.Send(rec(fcgi.TypeGetValuesResult, 0, []byte("\xff\xff\xff\xff\xff\xff\xff\xff"), 0))}, protocol},
		"more behind it": {fcgitest.Script{fcgitest.Send(join(rec(fcgi.TypeGetValuesResult, 0, nil, 0), out(1, "x")))}, protocol},
		"ended twice":    {fcgitest.Script{fcgitest.Send(join(rec(fcgi.TypeGetValuesResult, 0, nil, 0), rec(fcgi.TypeGetValuesResult, 0, nil, 0)))}, nil},
		"not FastCGI":    {fcgitest.Script{fcgitest.Send([]byte("220 ready\r\n"))}, protocol},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			script := append(fcgitest.Script{fcgitest.Expect(8)}, tt.steps...)
			wait := patience
			if tt.want == fcgi.ErrReadTimeout {
				wait = short
			}
			path := fcgitest.StartScripts(t, script, script)
			nc := dial(t, path)
			defer nc.Close()
			v, err := fcgi.Probe(nc, wait)
			if tt.want == nil && err != nil || tt.want != nil && !sameKind(err, tt.want) || v != (fcgi.Values{}) {
				t.Fatalf("Probe: %+v, %v", v, err)
			}
			c := newConn(t, dial(t, path), fcgi.Config{ReadTimeout: wait})
			got, err := c.GetValues(fcgi.VarMpxsConns)
			if tt.want == nil && err != nil || tt.want != nil && !sameKind(err, tt.want) || len(got) != 0 {
				t.Fatalf("GetValues: %v, %v", got, err)
			}
			if c.Reusable() != (tt.want == nil) {
				t.Fatalf("reusable %v", c.Reusable())
			}
		})
	}
}

func TestGetValuesOnAClosedConnection(t *testing.T) {
	s := echoServer()
	c := newConn(t, dial(t, s.Start(t)), fcgi.Config{})
	c.Close()
	if _, err := c.GetValues(fcgi.VarMaxReqs); !errors.Is(err, fcgi.ErrClosed) {
		t.Fatal(err)
	}
}
