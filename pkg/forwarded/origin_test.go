package forwarded_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/forwarded"
)

// request returns an exchange whose peer is the given one, "" on a unix socket,
// with header lines as "name: value".
func request(peer string, lines ...string) *exchange.Exchange {
	x := exchange.New()
	x.Request.Conn = &exchange.ConnInfo{ID: 7, Scheme: "http", PeerAddr: []byte("unix:")}
	if peer != "" {
		ap := netip.AddrPortFrom(netip.MustParseAddr(peer), 4711)
		x.Request.Conn.Peer = ap
		x.Request.Conn.PeerAddr, x.Request.Conn.PeerPort = []byte(peer), []byte("4711")
	}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		x.Request.Header.AddString(name, value)
	}
	return x
}

func policy(tb testing.TB, header string, proxies ...string) *forwarded.Policy {
	tb.Helper()
	p, err := forwarded.New(forwarded.Config{Proxies: proxies, Header: header, Host: true})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// outcome is what a request is taken for, in one line.
func outcome(x *exchange.Exchange) string {
	c := x.Request.Conn
	s := c.Scheme + " " + string(c.PeerAddr)
	if c.Via == nil || len(c.PeerPort) > 0 {
		s += "|" + string(c.PeerPort)
	}
	if len(x.Request.Authority) > 0 {
		s += " " + string(x.Request.Authority)
	}
	return s
}

const (
	near = "10.0.0.1"     // the proxy that is connected to us
	far  = "10.0.0.2"     // another trusted one
	user = "203.0.113.60" // a client
	evil = "6.6.6.6"      // what a client says
)

func TestTheClientIsTheLastAddressThatIsNotTrusted(t *testing.T) {
	const peer = "http " + near + "|4711" // nobody but the peer
	rows := []struct {
		why   string
		lines string // separated by "; ;"
		want  string
	}{
		{"one hop", "x-forwarded-for: " + user, "http " + user},
		{"a spoofed left part", "x-forwarded-for: " + evil + ", " + user, "http " + user},
		{"a spoofed left part that looks trusted", "x-forwarded-for: " + far + ", " + user, "http " + user},
		{"a spoofed line above the proxy's", "x-forwarded-for: " + evil + "; ;x-forwarded-for: " + user, "http " + user},
		{"two proxies", "x-forwarded-for: " + user + ", " + far, "http " + user},
		{"two proxies on two lines", "x-forwarded-for: " + user + "; ;x-forwarded-for: " + far, "http " + user},
		{"all trusted: the first", "x-forwarded-for: 10.0.0.3, " + far, "http 10.0.0.3"},
		{"no blanks", "x-forwarded-for: " + evil + "," + user, "http " + user},
		{"tabs", "x-forwarded-for: " + evil + ",\t" + user + "\t", "http " + user},
		{"empty elements", "x-forwarded-for: , ,," + user + ", ,", "http " + user},
		{"only empty elements", "x-forwarded-for: , ,,", peer},
		{"an empty field", "x-forwarded-for: ", peer},
		{"no field", "accept: x", peer},
		{"a thousand elements", "x-forwarded-for: " + strings.Repeat(evil+",", 1000) + user, "http " + user},
		{"a thousand trusted ones", "x-forwarded-for: " + user + strings.Repeat(", "+far, 1000), "http " + user},

		{"a port", "x-forwarded-for: " + user + ":8080", "http " + user + "|8080"},
		{"port 0 is unknown", "x-forwarded-for: " + user + ":0", "http " + user},
		{"IPv6", "x-forwarded-for: 2001:db8::1", "http 2001:db8::1"},
		{"IPv6 in brackets", "x-forwarded-for: [2001:DB8::1]", "http 2001:db8::1"},
		{"IPv6 with a port", "x-forwarded-for: [2001:db8::1]:443", "http 2001:db8::1|443"},
		{"IPv4 in IPv6 is IPv4", "x-forwarded-for: ::ffff:203.0.113.60", "http " + user},
		{"a trusted address as IPv4 in IPv6", "x-forwarded-for: " + user + ", ::ffff:10.0.0.2", "http " + user},

		{"garbage ends the search at the peer", "x-forwarded-for: " + user + ", garbage", peer},
		{"garbage ends the search at the last good hop", "x-forwarded-for: " + user + ", garbage, " + far, "http " + far},
		{"unknown", "x-forwarded-for: " + user + ", unknown", peer},
		{"a hidden name", "x-forwarded-for: _secret", peer},
		{"a zone", "x-forwarded-for: fe80::1%eth0", peer},
		{"a zone in brackets", "x-forwarded-for: [fe80::1%25eth0]:80", peer},
		{"leading zeros", "x-forwarded-for: 203.0.113.060", peer},
		{"too few numbers", "x-forwarded-for: 10.1", peer},
		{"an integer", "x-forwarded-for: 3405803836", peer},
		{"IPv4 in brackets", "x-forwarded-for: [203.0.113.60]:80", peer},
		{"an open bracket", "x-forwarded-for: [2001:db8::1", peer},
		{"text behind the bracket", "x-forwarded-for: [2001:db8::1]x", peer},
		{"an empty port", "x-forwarded-for: " + user + ":", peer},
		{"a port that is too high", "x-forwarded-for: " + user + ":65536", peer},
		{"a port that is too long", "x-forwarded-for: " + user + ":000080", peer},
		{"a port that is no number", "x-forwarded-for: " + user + ":+80", peer},
		{"a name", "x-forwarded-for: localhost", peer},
		{"blanks within", "x-forwarded-for: 203.0. 113.60", peer},
		{"quotes", "x-forwarded-for: \"" + user + "\"", peer},
		{"a look-alike field", "x_forwarded_for: " + evil, peer},
		{"other fields", "x-real-ip: " + evil + "; ;forwarded: for=" + evil, peer},

		{"https", "x-forwarded-for: " + user + "; ;x-forwarded-proto: https", "https " + user},
		{"https in any case", "x-forwarded-for: " + user + "; ;x-forwarded-proto: HTTPS", "https " + user},
		{"https without an address", "x-forwarded-proto: https", "https " + near + "|4711"},
		{"http", "x-forwarded-for: " + user + "; ;x-forwarded-proto: http", "http " + user},
		{"a spoofed scheme before the proxy's", "x-forwarded-for: " + user + "; ;x-forwarded-proto: https, http", "http " + user},
		{"the scheme of the client's hop", "x-forwarded-for: " + user + ", " + far + "; ;x-forwarded-proto: https, http", "https " + user},
		{"one scheme for two hops", "x-forwarded-for: " + user + ", " + far + "; ;x-forwarded-proto: https", "https " + user},
		{"no scheme of HTTP", "x-forwarded-for: " + user + "; ;x-forwarded-proto: gopher", "http " + user},
		{"wss", "x-forwarded-for: " + user + "; ;x-forwarded-proto: wss", "https " + user},

		{"a host", "x-forwarded-host: Ex.test:8080", peer + " Ex.test:8080"},
		{"a bad host", "x-forwarded-host: a\"b<c>", peer},
		{"the host of the proxy's hop", "x-forwarded-host: evil.test, ex.test", peer + " ex.test"},
	}
	p := policy(t, "", "10.0.0.0/8")
	for _, row := range rows {
		t.Run(row.why, func(t *testing.T) {
			x := request(near, strings.Split(row.lines, "; ;")...)
			var o forwarded.Origin
			p.Follow(x, &o)
			if got := outcome(x); got != row.want {
				t.Errorf("%s: %s, want %s", row.lines, got, row.want)
			}
			if f := forwarded.Look(&x.Request.Header); f != 0 {
				t.Errorf("something is left: %s", x.Request.Header.All())
			}
		})
	}
}

// The examples of RFC 7239 sections 4, 5, 6.3 and 7.1, and malice.
func TestForwardedIsReadAsTheRFCSays(t *testing.T) {
	const peer = "http " + near + "|4711"
	rows := []struct{ why, value, want string }{
		{"section 4", `for="_gazonk"`, peer},
		{"section 4, a name in any case", `For="[2001:db8:cafe::17]:4711"`, "http 2001:db8:cafe::17|4711"},
		{"section 4, more parameters", `for=192.0.2.60;proto=http;by=203.0.113.43`, "http 192.0.2.60"},
		{"section 4, a list", `for=192.0.2.43, for=198.51.100.17`, "http 198.51.100.17"},
		{"section 6.3", `for=_hidden, for=_SEVKISEK`, peer},
		{"section 7.1", `for=192.0.2.43, for="[2001:db8:cafe::17]"`, "http 2001:db8:cafe::17"},
		{"section 7.1, unknown", `for=192.0.2.43, for=unknown`, peer},
		{"a hidden port", `for="192.0.2.43:_k.-x"`, "http 192.0.2.43"},
		{"a trusted hop", `for=192.0.2.43;proto=https;host=ex.test, for=10.0.0.2;proto=http`, "https 192.0.2.43 ex.test"},
		{"proto without for", `proto=https`, "https " + near + "|4711"},
		{"a hidden client over https", `for=_x;proto=https`, "https " + near + "|4711"},
		{"a quoted host", `for=192.0.2.43;host="ex.test:8443"`, "http 192.0.2.43 ex.test:8443"},
		{"no quotes around a port", `for=192.0.2.43:80`, "http 192.0.2.43|80"},
		{"no quotes around brackets", `for=[2001:db8::1]:80`, "http 2001:db8::1|80"},
		{"a semicolon at the end", `for=192.0.2.43;`, "http 192.0.2.43"},
		{"extensions", `for=192.0.2.43;x="a;b,c";y=1`, "http 192.0.2.43"},

		{"a quote that the client left open", `for="6.6.6.6, for=192.0.2.43`, "http 192.0.2.43"},
		{"an escaped quote before the proxy's element", `for="6.6.6.6\", for="192.0.2.43"`, "http 192.0.2.43"},
		{"a comma within quotes", `for=6.6.6.6, x="a,for=6.6.6.6";for=192.0.2.43`, "http 192.0.2.43"},
		{"for twice", `for=6.6.6.6;for=192.0.2.43`, peer},
		{"proto twice", `for=192.0.2.43;proto=https;proto=http`, peer},
		{"no value", `for=`, peer},
		{"no equals sign", `for`, peer},
		{"blanks around the equals sign", `for = 192.0.2.43`, peer},
		{"two values", `for=192.0.2.43 6.6.6.6`, peer},
		{"a backslash", `for="192.0.2.4\3"`, peer},
		{"text behind the quote", `for="192.0.2.43"x`, peer},
		{"garbage", `;;;`, peer},
		{"only the proxy's word counts", `for=6.6.6.6;proto=https, for=192.0.2.43`, "http 192.0.2.43"},
	}
	p := policy(t, "Forwarded", "10.0.0.0/8")
	for _, row := range rows {
		t.Run(row.why, func(t *testing.T) {
			x := request(near, "forwarded: "+row.value, "x-forwarded-for: "+evil, "x-forwarded-proto: https", "x-forwarded-host: evil.test")
			var o forwarded.Origin
			p.Follow(x, &o)
			if got := outcome(x); got != row.want {
				t.Errorf("%s: %s, want %s", row.value, got, row.want)
			}
		})
	}
}

func TestNobodyElseIsBelieved(t *testing.T) {
	lines := []string{
		"x-forwarded-for: " + evil, "x-real-ip: " + evil, "forwarded: for=" + evil + ";proto=https", "x-forwarded-proto: https",
		"x-forwarded-host: evil.test", "x-forwarded-port: 1", "x-forwarded-prefix: /evil", "x_forwarded_for: " + evil, "cf-connecting-ip: " + evil,
		"accept: a",
	}
	rows := []struct {
		peer, header string
		proxies      []string
		left         string
	}{
		{near, "", nil, "cf-connecting-ip accept"},
		{near, "", []string{"10.0.0.2", "unix"}, "cf-connecting-ip accept"},
		{"", "", []string{"0.0.0.0/0", "::/0"}, "cf-connecting-ip accept"},
		{near, "CF-Connecting-IP", []string{far}, "accept"},
		{"fe80::1", "", []string{"10.0.0.0/8"}, "cf-connecting-ip accept"},
	}
	for _, row := range rows {
		p := policy(t, row.header, row.proxies...)
		x := request(row.peer, lines...)
		conn := x.Request.Conn
		var o forwarded.Origin
		p.Follow(x, &o)
		var left []string
		for _, f := range x.Request.Header.All() {
			left = append(left, string(f.Name))
		}
		if x.Request.Conn != conn || len(x.Request.Authority) > 0 || strings.Join(left, " ") != row.left {
			t.Errorf("%v: %s; left %s", row, outcome(x), left)
		}
	}
}

func TestATrustedProxysOtherWordsStay(t *testing.T) {
	x := request("", "x-forwarded-for: "+user, "x-real-ip: "+user, "forwarded: for=1.1.1.1", "x-forwarded-proto: https", "x-forwarded-ssl: on",
		"x-forwarded-host: h", "x-forwarded-scheme: https", "x-forwarded-prefix: /app", "x-forwarded-port: 443", "cf-connecting-ip: "+evil)
	var o forwarded.Origin
	policy(t, "", "unix").Follow(x, &o)
	var left []string
	for _, f := range x.Request.Header.All() {
		left = append(left, string(f.Name))
	}
	if got := strings.Join(left, " "); got != "x-forwarded-prefix x-forwarded-port cf-connecting-ip" {
		t.Errorf("left %s", got)
	}
	if got := outcome(x); got != "https "+user+" h" {
		t.Errorf("got %s", got)
	}
}

func TestAFieldOfAnyNameCanHoldTheAddress(t *testing.T) {
	for _, header := range []string{"X-Real-IP", "CF-Connecting-IP", "true-client-ip"} {
		p := policy(t, header, near)
		x := request(near, strings.ToLower(header)+": "+user, "x-forwarded-for: "+evil, "x-forwarded-proto: https")
		var o forwarded.Origin
		p.Follow(x, &o)
		if got := outcome(x); got != "https "+user || x.Request.Header.Len() > 0 {
			t.Errorf("%s: %s, left %s", header, got, x.Request.Header.All())
		}
		if p.Named() != (header != "X-Real-IP") {
			t.Errorf("%s: named %v", header, p.Named())
		}
	}
}

func TestTheSocketIsRemembered(t *testing.T) {
	x := request(near, "x-forwarded-for: "+user)
	var o forwarded.Origin
	policy(t, "", near).Follow(x, &o)
	c := x.Request.Conn
	if addr, port := c.Socket(); string(addr) != near || string(port) != "4711" || c.Via.Peer.Addr().String() != near || c.ID != 7 {
		t.Errorf("%s %s, %v", addr, port, c.Via)
	}
	o.Clear()
	if !reflect.DeepEqual(o, forwarded.Origin{}) {
		t.Error("something of the request is left")
	}
}

func TestASocketBehindAPROXYHeaderStaysTheSocket(t *testing.T) {
	x := request(near, "x-forwarded-for: "+user)
	x.Request.Conn.Via = &exchange.Via{PeerAddr: []byte("192.0.2.1"), PeerPort: []byte("1")}
	var o forwarded.Origin
	policy(t, "", near).Follow(x, &o)
	if addr, _ := x.Request.Conn.Socket(); string(addr) != "192.0.2.1" || string(x.Request.Conn.PeerAddr) != user {
		t.Errorf("socket %s, client %s", addr, x.Request.Conn.PeerAddr)
	}
}

func TestBadProxiesAreRefused(t *testing.T) {
	for _, s := range []string{"", "10.0.0", "10.0.0.0/33", "example.org", "fe80::1%eth0", "10.0.0.1:80", "::ffff:10.0.0.0/90", "Unix"} {
		if p, err := forwarded.New(forwarded.Config{Proxies: []string{s}}); err == nil || p != nil {
			t.Errorf("%q is taken", s)
		}
	}
	for peer, proxies := range map[string]string{"10.1.2.3": "::ffff:10.0.0.0/104", "::ffff:10.1.2.3": "10.1.2.3", "2001:db8::5": "2001:db8::9/64"} {
		if !policy(t, "", proxies).Trusts(netip.AddrPortFrom(netip.MustParseAddr(peer), 1)) {
			t.Errorf("%s is not in %s", peer, proxies)
		}
	}
}

func TestFollowingAllocatesNothing(t *testing.T) {
	x := request(near, "accept: a", "x-forwarded-for: "+evil+", "+user+":80, "+far, "x-forwarded-proto: https", "x-request-id: a-b",
		"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	fields, conn := append([]exchange.Field(nil), x.Request.Header.All()...), x.Request.Conn
	p := policy(t, "", "10.0.0.0/8")
	var o forwarded.Origin
	n := testing.AllocsPerRun(200, func() {
		x.Reset()
		x.Request.Conn = conn
		for _, f := range fields {
			x.Request.Header.Add(f.Name, f.Value)
		}
		if forwarded.Look(&x.Request.Header) == 0 {
			t.Fatal("nothing is seen")
		}
		p.Follow(x, &o)
		forwarded.TakeID(&x.Request.Header)
		forwarded.TakeTrace(&x.Request.Header)
	})
	if n != 0 || outcome(x) != "https "+user+"|80" {
		t.Errorf("%v allocations, %s", n, outcome(x))
	}
}

func BenchmarkLook(b *testing.B) {
	x := request(near, "host: www.example.org", "user-agent: Mozilla/5.0", "accept: text/html", "accept-encoding: gzip, br",
		"accept-language: en", "cookie: a=b", "cache-control: no-cache", "upgrade-insecure-requests: 1", "referer: http://x/")
	for b.Loop() {
		if forwarded.Look(&x.Request.Header) != 0 {
			b.Fatal("seen")
		}
	}
}
