package forwarded_test

import (
	"net/netip"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/forwarded"
)

// Whatever a client writes, the element that the trusted proxy adds behind it
// decides, in both forms and on a line of its own as well as on the client's.
func FuzzAClientCannotChooseItsAddress(f *testing.F) {
	for _, s := range []string{
		"", "6.6.6.6", "10.0.0.2", `for="6.6.6.6`, `for="a\", for="`, `"`, `\"`, ",,", "for=1;for=2", "[::1", `x="a,b"`, "unknown", "_a", `\\"`,
	} {
		f.Add(s, "https")
	}
	xff, rfc := policy(f, "", "10.0.0.0/8"), policy(f, "Forwarded", "10.0.0.0/8")
	f.Fuzz(func(t *testing.T, said, proto string) {
		var o forwarded.Origin
		x := request(near, "x-forwarded-for: "+said+", "+user, "x-forwarded-proto: "+proto+", http")
		xff.Follow(x, &o)
		if got := outcome(x); got != "http "+user {
			t.Fatalf("X-Forwarded-For %q: %s", said, got)
		}
		for _, theirs := range []string{"for=" + user, `for="` + user + `";proto=http`} {
			x = request(near, "forwarded: "+said+", "+theirs)
			rfc.Follow(x, &o)
			if got := outcome(x); got != "http "+user {
				t.Fatalf("Forwarded %q, %s: %s", said, theirs, got)
			}
			x = request(near, "forwarded: "+said, "forwarded: "+theirs)
			rfc.Follow(x, &o)
			if got := outcome(x); got != "http "+user {
				t.Fatalf("Forwarded %q on a line of its own, %s: %s", said, theirs, got)
			}
		}
	})
}

// Whatever a proxy writes, the client has a good address.
func FuzzTheClientHasAnAddress(f *testing.F) {
	for _, s := range []string{"1.1.1.1:80", "[::1]:_x", "::ffff:1.2.3.4", "for=1.1.1.1;proto=https;host=a", `for="[::1]"`, "fe80::1%a", "00-0-0-0"} {
		f.Add(s, s)
	}
	xff, rfc := policy(f, "", "10.0.0.0/8"), policy(f, "Forwarded", "10.0.0.0/8")
	f.Fuzz(func(t *testing.T, one, two string) {
		for _, p := range []*forwarded.Policy{xff, rfc} {
			x := request(near, "forwarded: "+one, "forwarded: "+two, "x-forwarded-for: "+one, "x-forwarded-for: "+two,
				"x-forwarded-proto: "+one, "x-forwarded-host: "+two, "traceparent: "+one, "x-request-id: "+two)
			var o forwarded.Origin
			p.Follow(x, &o)
			c := x.Request.Conn
			a, err := netip.ParseAddr(string(c.PeerAddr))
			if err != nil || a != c.Peer.Addr() || a.Zone() != "" || a.Is4In6() {
				t.Fatalf("%q, %q: %s", one, two, c.PeerAddr)
			}
			if c.Scheme != "http" && c.Scheme != "https" {
				t.Fatalf("scheme %q", c.Scheme)
			}
			if trace, _ := forwarded.TakeTrace(&x.Request.Header); trace != nil && len(trace) != 32 {
				t.Fatalf("trace %q", trace)
			}
			_ = forwarded.TakeID(&x.Request.Header)
			if found := forwarded.Look(&x.Request.Header); found != 0 {
				t.Fatalf("left: %s", x.Request.Header.All())
			}
		}
	})
}
