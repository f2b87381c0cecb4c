package fcgi_test

import (
	"errors"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestPingTellsWhetherSomebodyWaitsForARequest(t *testing.T) {
	errGone := errors.New("gone")
	result := fcgi.AppendRecord(nil, fcgi.TypeGetValuesResult, 0, fcgi.AppendPair(nil, fcgi.VarMpxsConns, "0"))
	asked := fcgitest.ExpectBytes(fcgi.AppendGetValues(nil, fcgi.VarMpxsConns))
	says := func(b []byte) fcgitest.Script {
		return fcgitest.Script{asked, fcgitest.Send(b), fcgitest.ExpectRequest(), fcgitest.Reply("ok"), fcgitest.Drain()}
	}
	var protocol *fcgi.ProtocolError
	for name, tt := range map[string]struct {
		script fcgitest.Script
		gone   error
		want   any // nil, an error, or the kind of one
	}{
		"answers":                      {says(result), nil, nil},
		"answers byte by byte":         {fcgitest.Script{asked, fcgitest.Slowly(1, func(uint16) []byte { return result }), fcgitest.ExpectRequest(), fcgitest.Reply("ok"), fcgitest.Drain()}, nil, nil},
		"does not know the question":   {says(fcgi.AppendUnknown(nil, fcgi.TypeGetValues)), nil, nil},
		"ends its answer as a stream":  {says(fcgi.AppendHeader(result[:len(result):len(result)], fcgi.Header{Type: fcgi.TypeGetValuesResult})), nil, nil},
		"closes":                       {fcgitest.Script{asked}, nil, fcgi.ErrStale},
		"has closed":                   {fcgitest.Script{}, nil, fcgi.ErrStale},
		"half closes":                  {fcgitest.Script{fcgitest.CloseWrite(), fcgitest.Drain()}, nil, fcgi.ErrStale},
		"says nothing":                 {fcgitest.Script{asked, fcgitest.Stall()}, nil, fcgi.ErrReadTimeout},
		"says something else":          {says(fcgi.AppendEnd(nil, 1, fcgi.End{})), nil, &protocol},
		"says something else as well":  {says(fcgi.AppendEnd(result[:len(result):len(result)], 1, fcgi.End{})), nil, &protocol},
		"speaks another language":      {says([]byte("220 ready\r\n")), nil, &protocol},
		"says nothing to who has left": {fcgitest.Script{asked, fcgitest.Stall()}, errGone, errGone},
	} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			c := newConn(t, dial(t, fcgitest.StartScripts(t, tt.script)), fcgi.Config{
				Sweeper: sweeper(t, 2*time.Millisecond), ReadTimeout: 100 * time.Millisecond,
			})
			err := c.Ping(&collect{onTick: func() error { return tt.gone }})
			ok := err == nil
			switch want := tt.want.(type) {
			case error:
				ok = errors.Is(err, want)
			case **fcgi.ProtocolError:
				ok = errors.As(err, want)
			}
			if !ok || c.Reusable() != (tt.want == nil) {
				t.Fatalf("%v, reusable %v", err, c.Reusable())
			}
			if tt.want != nil {
				if err := c.Ping(new(collect)); !errors.Is(err, fcgi.ErrClosed) {
					t.Errorf("again: %v", err)
				}
				return
			}
			h := new(collect)
			if _, err := c.Do(post(nil), h); err != nil || h.out.String() != "ok" {
				t.Errorf("the request: %v, %q", err, h.out.String())
			}
		})
	}
}
