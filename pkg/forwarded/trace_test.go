package forwarded_test

import (
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/forwarded"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	parent  = "00-" + traceID + "-00f067aa0ba902b7-"
)

func TestTraceparentIsReadAsTheW3CSays(t *testing.T) {
	rows := []struct {
		value string
		flags int // below 0: not valid
	}{
		{parent + "01", 1},
		{parent + "00", 0},
		{parent + "03", 3},
		{parent + "ff", 3},
		{parent + "0a", 2},
		{"cc" + parent[2:] + "01", 1},
		{"cc" + parent[2:] + "01-what-the-future-will-be-like", 1},
		{"cc" + parent[2:] + "01.what", -1},
		{parent + "01-x", -1},
		{"ff" + parent[2:] + "01", -1},
		{"0" + parent[2:] + "01", -1},
		{strings.ToUpper(parent) + "01", -1},
		{parent + "0g", -1},
		{parent + "0", -1},
		{parent + "1 ", -1},
		{"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01", -1},
		{"00-" + traceID + "-0000000000000000-01", -1},
		{"00_" + traceID + "-00f067aa0ba902b7-01", -1},
		{"00-" + traceID[1:] + "--00f067aa0ba902b7-01", -1},
		{"00-" + traceID + "-00f067aa0ba902b-701", -1},
		{"", -1},
		{strings.Repeat("a", 10000), -1},
	}
	for _, row := range rows {
		x := request(near, "traceparent: "+row.value, "tracestate: a=b", "accept: a")
		trace, flags := forwarded.TakeTrace(&x.Request.Header)
		h := &x.Request.Header
		switch {
		case row.flags >= 0 && (string(trace) != traceID || int(flags) != row.flags || !h.Has("tracestate")):
			t.Errorf("%s: %s, %d", row.value, trace, flags)
		case row.flags < 0 && (trace != nil || h.Has("tracestate")):
			t.Errorf("%.80s: %s is taken, or its tracestate is left", row.value, trace)
		}
		if h.Has("traceparent") || !h.Has("accept") {
			t.Errorf("%.80s: left %s", row.value, h.All())
		}
	}
	x := request(near, "traceparent: "+parent+"01", "traceparent: "+parent+"01", "tracestate: a=b")
	if trace, _ := forwarded.TakeTrace(&x.Request.Header); trace != nil || x.Request.Header.Len() > 0 {
		t.Error("one of two is taken")
	}
}

func TestRequestIDsOfProxiesAreChecked(t *testing.T) {
	for value, ok := range map[string]bool{
		"a": true, "8f14e45f-ceea-467f": true, "a/b+c=:@_.9-Z": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "a b": false, "a\tb": false, "\u00e9": false, `a"b`: false, `a\b`: false, "\x7f": false, "a~": false, "<b>": false, "a&b": false, "a'b": false, "a`b": false, "a;b": false, "$a": false,
	} {
		x := request(near, "x-request-id: "+value, "accept: a")
		if id := forwarded.TakeID(&x.Request.Header); (id != nil) != ok || ok && string(id) != value {
			t.Errorf("%q: %q", value, id)
		}
		if x.Request.Header.Has("x-request-id") || !x.Request.Header.Has("accept") {
			t.Errorf("%q: left %s", value, x.Request.Header.All())
		}
	}
	x := request(near, "x-request-id: a", "x-request-id: b", "x_request_id: c")
	if id := forwarded.TakeID(&x.Request.Header); id != nil || x.Request.Header.Len() > 0 {
		t.Errorf("%q of two", id)
	}
}

func TestServersBehindAreTold(t *testing.T) {
	rows := []struct{ peer, authority, want string }{
		{"203.0.113.60", "ex.test", "X-Forwarded-For=203.0.113.60 X-Forwarded-Proto=http X-Forwarded-Host=ex.test Forwarded=for=203.0.113.60;proto=http;host=ex.test"},
		{"2001:db8::1", "ex.test:8080", `X-Forwarded-For=2001:db8::1 X-Forwarded-Proto=http X-Forwarded-Host=ex.test:8080 Forwarded=for="[2001:db8::1]";proto=http;host="ex.test:8080"`},
		{"203.0.113.60", "", "X-Forwarded-For=203.0.113.60 X-Forwarded-Proto=http Forwarded=for=203.0.113.60;proto=http"},
		{"", "[::1]", `X-Forwarded-Proto=http X-Forwarded-Host=[::1] Forwarded=for=unknown;proto=http;host="[::1]"`},
	}
	for _, row := range rows {
		x := request(row.peer)
		x.Request.Authority = []byte(row.authority)
		x.Trace.SetID([]byte("id-1"))
		x.Trace.Span = exchange.Span{Trace: []byte(traceID), ID: []byte("0123456789abcdef"), Flags: 1}
		var h exchange.Header
		forwarded.Append(&h, x)
		var got []string
		for _, f := range h.All() {
			got = append(got, string(f.Name)+"="+string(f.Value))
		}
		want := row.want + " X-Request-ID=id-1 traceparent=00-" + traceID + "-0123456789abcdef-01"
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%v:\n%s\nwant\n%s", row, s, want)
		}
	}
}

func TestWhatIsAppendedIsUnderstood(t *testing.T) {
	for _, client := range []string{"203.0.113.60", "2001:db8::1"} {
		from := request(client)
		from.Request.Authority = []byte("ex.test:8080")
		from.Request.Conn.Scheme = "https"
		var h exchange.Header
		forwarded.Append(&h, from)
		for _, header := range []string{"", "Forwarded"} {
			x := request(near)
			for _, f := range h.All() {
				x.Request.Header.AddString(strings.ToLower(string(f.Name)), string(f.Value))
			}
			var o forwarded.Origin
			policy(t, header, near).Follow(x, &o)
			if got := outcome(x); got != "https "+client+" ex.test:8080" {
				t.Errorf("%s by %q: %s", client, header, got)
			}
		}
	}
}
