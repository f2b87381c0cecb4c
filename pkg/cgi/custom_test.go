package cgi_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/vars"
)

func TestBadCustomParamsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        error
	}{
		{"A-B", "x", cgi.ErrParamName},
		{"", "x", cgi.ErrParamName},
		{"1A", "x", cgi.ErrParamName},
		{"A B", "x", cgi.ErrParamName},
		{"A", "${", vars.ErrSyntax},
		{"PHP_VALUE", "auto_prepend_file=$http_x", cgi.ErrClientSetting},
		{"PHP_ADMIN_VALUE", "open_basedir=$document_root$uri", cgi.ErrClientSetting},
		{"PHP_VALUE", "open_basedir=$1", cgi.ErrClientSetting},
	} {
		_, err := cgi.New(cgi.Config{Encode: pair, Custom: map[string]string{c.name: c.value}})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), fmt.Sprintf("%q", c.name)) {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		}
	}
	var unknown *vars.UnknownError
	if _, err := cgi.New(cgi.Config{Encode: pair, Custom: map[string]string{"A": "$nope"}}); !errors.As(err, &unknown) {
		t.Errorf("%v", err)
	}
	cfg := cgi.Config{Custom: map[string]string{"PHP_VALUE": "open_basedir=$document_root", "_a9": "$n"}, Groups: []string{"n"}}
	if got := params(t, cfg, request(), script()); got["PHP_VALUE"] != "open_basedir=/srv" {
		t.Errorf("PHP_VALUE is %q", got["PHP_VALUE"])
	}
}

func TestATraceComesFromTheGatewayOnly(t *testing.T) {
	e := request("traceparent: 00-evil", "trace_parent: x")
	if got, ok := params(t, cgi.Config{}, e, script())["HTTP_TRACEPARENT"]; ok {
		t.Errorf("HTTP_TRACEPARENT is %q", got)
	}
	e.X.Trace.Span = exchange.Span{Trace: []byte("4bf92f3577b34da6a3ce929d0e0e4736"), ID: []byte("00f067aa0ba902b7"), Flags: 1}
	if got := params(t, cgi.Config{}, e, script())["HTTP_TRACEPARENT"]; got != "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" {
		t.Errorf("HTTP_TRACEPARENT is %q", got)
	}
}

// One connection of a proxy carries the requests of many clients.
func TestWhatIsKeptOfAConnectionIsNotAnotherClients(t *testing.T) {
	p, err := cgi.New(cgi.Config{Encode: pair})
	if err != nil {
		t.Fatal(err)
	}
	e, kept := request(), new(cgi.Kept)
	c := e.X.Request.Conn
	c.Via = &exchange.Via{}
	for i, client := range []struct{ addr, scheme string }{{"192.0.2.1", "http"}, {"192.0.2.2", "http"}, {"192.0.2.2", "https"}} {
		c.Peer, c.PeerAddr, c.Scheme = netip.MustParseAddrPort(client.addr+":1"), []byte(client.addr), client.scheme
		for range 2 {
			got := string(p.Append(nil, e, script(), kept))
			if !strings.Contains(got, client.addr) || strings.Contains(got, "HTTPS") != (client.scheme == "https") {
				t.Errorf("client %d: %q", i, got)
			}
		}
	}
}

func browser() *vars.Env {
	return request("host: ex.test", "accept: text/html,application/xhtml+xml", "accept-encoding: gzip, br",
		"accept-language: en", "cookie: sid=0123456789abcdef", "user-agent: Mozilla/5.0 (X11; Linux x86_64)")
}

func TestAppendAllocatesNothing(t *testing.T) {
	p, err := cgi.New(cgi.Config{Encode: pair, Software: "fcgigw", Custom: map[string]string{"APP": "x", "U": "$uri-$host"}})
	if err != nil {
		t.Fatal(err)
	}
	e, s, dst, kept := browser(), script(), make([]byte, 0, 4096), new(cgi.Kept)
	e.X.Request.Header.AddString("cookie", "b=2")
	x := e.X
	req := x.Request
	if n := testing.AllocsPerRun(200, func() {
		x.Reset() // gives the scratch space back
		x.Request = req
		dst = p.Append(dst[:0], e, s, kept)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParams(b *testing.B) {
	p, err := cgi.New(cgi.Config{Encode: pair, Software: "fcgigw"})
	if err != nil {
		b.Fatal(err)
	}
	e, s, dst, kept := browser(), script(), make([]byte, 0, 4096), new(cgi.Kept)
	e.X.Trace.SetID([]byte("0123456789abcdef"))
	x, fields := e.X, append([]exchange.Field(nil), e.X.Request.Header.All()...)
	req := x.Request
	b.ReportAllocs()
	for b.Loop() {
		x.Reset()
		x.Request = req
		x.Request.Header.Reset()
		for _, f := range fields {
			x.Request.Header.Add(f.Name, f.Value)
		}
		dst = p.Append(dst[:0], e, s, kept)
	}
	b.ReportMetric(float64(len(decode(b, dst))), "params")
}
