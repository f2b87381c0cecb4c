package accept

import (
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

var offered = []string{"zstd", "br", "gzip"}

// none stands for a request without the field.
const none = "\x00"

func choose(fields ...string) string {
	x := exchange.New()
	x.Reset()
	for _, f := range fields {
		if f != none {
			x.Request.Header.AddString("accept-encoding", f)
		}
	}
	c := Encodings(&x.Request.Header, offered)
	var names []string
	for i := range c.Len() {
		names = append(names, offered[c.At(i)])
	}
	s := strings.Join(names, " ")
	if c.MustEncode {
		s += "!"
	}
	return s
}

// The rows with a "!" are of clients that refuse what is not encoded.
var rows = []struct{ in, want string }{
	{none, ""},
	{"", ""},
	{" ", ""},
	{",", ""},
	{"gzip", "gzip"},
	{"GZIP", "gzip"},
	{"x-gzip", "gzip"},
	{"X-GZip", "gzip"},
	{"br", "br"},
	{"zstd", "zstd"},
	{"deflate", ""},
	{"compress, x-compress", ""},
	{"identity", ""},
	{"gzip, deflate", "gzip"},
	{"gzip, deflate, br", "br gzip"},
	{"gzip, deflate, br, zstd", "zstd br gzip"},
	{"zstd, br, gzip", "zstd br gzip"},
	{"gzip,deflate,br", "br gzip"},
	{" gzip\t,\tbr ", "br gzip"},
	{"gzip,,br", "br gzip"},
	{",gzip,", "gzip"},
	{"gzip;q=1", "gzip"},
	{"gzip;q=1.0", "gzip"},
	{"gzip;q=1.000", "gzip"},
	{"gzip;q=0.001", "gzip"},
	{"gzip;Q=0.5", "gzip"},
	{"gzip; q=0.5", "gzip"},
	{"gzip ;\tq=0.5", "gzip"},
	{"gzip;q=0.", ""},
	{"gzip;q=1.", "gzip"},
	{"gzip;q=0", ""},
	{"gzip;q=0.000", ""},
	{"gzip;q=0, br", "br"},
	{"gzip;q=1.0, br;q=0.5", "gzip br"},
	{"br;q=0.5, gzip;q=1.0", "gzip br"},
	{"br;q=0.9, zstd;q=0.1, gzip;q=0.5", "br gzip zstd"},
	{"br;q=0.5, zstd;q=0.5, gzip;q=0.5", "zstd br gzip"},
	{"gzip;q=0.501, br;q=0.5", "gzip br"},
	{"*", "zstd br gzip"},
	{"*;q=0.1", "zstd br gzip"},
	{"*;q=0", "!"},
	{"gzip, *;q=0", "gzip!"},
	{"gzip;q=0.5, *;q=0", "gzip!"},
	{"*, gzip;q=0", "zstd br"},
	{"gzip, *;q=0.5", "gzip zstd br"},
	{"gzip;q=0.5, *", "zstd br gzip"},
	{"identity;q=0", "!"},
	{"identity;q=0, gzip", "gzip!"},
	{"identity;q=0, *;q=0", "!"},
	{"identity, *;q=0", ""},
	{"identity;q=0.5, *;q=0", ""},
	{"identity;q=1, gzip;q=0.5", ""},
	{"gzip;q=0.5, identity", ""},
	{"identity;q=0.5, gzip;q=0.5", "gzip"},
	{"identity;q=0.6, gzip;q=0.5, br;q=0.7", "br"},
	{"identity;q=0.2, gzip;q=0.5, br;q=0.1", "gzip"},
	{"gzip, gzip", "gzip"},
	{"gzip, gzip;q=0", ""},
	{"x-gzip;q=0, gzip", ""},
	{"gzip;q=0.2, br;q=0.5, x-gzip", "br gzip"},
	{"gzip, unknown;q=0.3", "gzip"},
	{"aes128gcm, gzip", "gzip"},
	{"gzip;q=2", ""},
	{"gzip;q=1.001", ""},
	{"gzip;q=1.1", ""},
	{"gzip;q=0.0001", ""},
	{"gzip;q=-1", ""},
	{"gzip;q=.5", ""},
	{"gzip;q=00", ""},
	{"gzip;q=0,5", ""},
	{"gzip;q=a", ""},
	{"gzip;q=", ""},
	{"gzip;q", ""},
	{"gzip;", ""},
	{"gzip;q =1", ""},
	{"gzip;q= 1", ""},
	{"gzip;level=1", ""},
	{"gzip;q=1;x=2", ""},
	{";q=1", ""},
	{"gzip br", ""},
	{"gzip\x00", ""},
	{"\"gzip\"", ""},
	{"gzip, br;q=x", ""},
	{"gzip/1", ""},
	{"gzi", ""},
	{"gzipp", ""},
	{strings.Repeat("x,", 4000) + "gzip", "gzip"},
}

func TestTheClientsWeightsDecideAndThenOurOrder(t *testing.T) {
	for _, row := range rows {
		if got := choose(row.in); got != row.want {
			t.Errorf("%.60q: %q, want %q", row.in, got, row.want)
		}
	}
}

func TestSeveralFieldsAreOneList(t *testing.T) {
	if got := choose("gzip;q=0.5", "br"); got != "br gzip" {
		t.Error(got)
	}
	if got := choose("gzip", "br;q=x"); got != "" {
		t.Errorf("one of the fields is malformed: %q", got)
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	x := exchange.New()
	x.Reset()
	x.Request.Header.AddString("accept-encoding", "gzip, deflate, br;q=0.5, zstd")
	if n := testing.AllocsPerRun(100, func() { Encodings(&x.Request.Header, offered) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestVaryIsMergedIntoOneField(t *testing.T) {
	for _, row := range []struct {
		in   []string
		want string
	}{
		{nil, "Accept-Encoding"},
		{[]string{""}, "Accept-Encoding"},
		{[]string{"Cookie"}, "Cookie, Accept-Encoding"},
		{[]string{"Cookie", "Origin"}, "Cookie, Origin, Accept-Encoding"},
		{[]string{"accept-encoding"}, "accept-encoding"},
		{[]string{"Cookie, ACCEPT-ENCODING"}, "Cookie, ACCEPT-ENCODING"},
		{[]string{"*"}, "*"},
		{[]string{"Accept-Encoding-Extra"}, "Accept-Encoding-Extra, Accept-Encoding"},
	} {
		x := exchange.New()
		x.Reset()
		for _, v := range row.in {
			x.Response.Header.AddString("vary", v)
		}
		Vary(x)
		if got := string(x.Response.Header.Get("Vary")); got != row.want || x.Response.Header.Count("vary") != 1 {
			t.Errorf("%q: %q in %d fields, want %q", row.in, got, x.Response.Header.Count("vary"), row.want)
		}
	}
}

func FuzzEncodings(f *testing.F) {
	for _, row := range rows {
		f.Add([]byte(row.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var h exchange.Header
		h.Add([]byte("accept-encoding"), in)
		c := Encodings(&h, offered)
		seen := map[int]bool{}
		for i := range c.Len() {
			at := c.At(i)
			if at >= len(offered) || seen[at] {
				t.Fatalf("%q: choice %d is %d", in, i, at)
			}
			seen[at] = true
			name := strings.ToLower(string(in))
			if !strings.Contains(name, offered[at]) && !strings.Contains(name, "*") {
				t.Fatalf("%q: %s was never named", in, offered[at])
			}
		}
	})
}
