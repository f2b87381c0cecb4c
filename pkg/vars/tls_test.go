package vars_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/vars"
)

func handshake() *tls.ConnectionState {
	return &tls.ConnectionState{
		Version: tls.VersionTLS12, CipherSuite: tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, CurveID: tls.X25519,
		NegotiatedProtocol: "h2", ServerName: "sni.test", DidResume: true,
	}
}

// oid is the type of a name's attribute.
func oid(id ...int) asn1.ObjectIdentifier { return id }

// dn encodes a name whose parts are given from the most general on.
func dn(parts ...[]pkix.AttributeTypeAndValue) []byte {
	var seq pkix.RDNSequence
	for _, p := range parts {
		seq = append(seq, p)
	}
	der, err := asn1.Marshal(seq)
	if err != nil {
		panic(err)
	}
	return der
}

func attr(value any, id ...int) []pkix.AttributeTypeAndValue {
	return []pkix.AttributeTypeAndValue{{Type: oid(id...), Value: value}}
}

func clientCert() *x509.Certificate {
	both := append(attr("A", 2, 5, 4, 10), attr("B", 2, 5, 4, 11)...)
	start := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return &x509.Certificate{
		RawSubject: dn(both, attr("Ann", 2, 5, 4, 3)), RawIssuer: dn(attr("CA", 2, 5, 4, 3)),
		SerialNumber: big.NewInt(0xaff), Raw: []byte("raw"), NotBefore: start, NotAfter: start.AddDate(0, 0, 10),
	}
}

func TestNamesAreWrittenAsRFC2253HasThem(t *testing.T) {
	for want, der := range map[string][]byte{
		"CN=last,O=first":                 dn(attr("first", 2, 5, 4, 10), attr("last", 2, 5, 4, 3)),
		`CN=\ a\,b\+c\"d\\e\<f\>g\;h\ `:   dn(attr(` a,b+c"d\e<f>g;h `, 2, 5, 4, 3)),
		`CN=\#1 #2`:                       dn(attr("#1 #2", 2, 5, 4, 3)),
		`CN=a\0D\0ASSL_CLIENT_S_DN: b\00`: dn(attr("a\r\nSSL_CLIENT_S_DN: b\x00", 2, 5, 4, 3)),
		`O=\C3\84`:                        dn(attr("Ä", 2, 5, 4, 10)),
		"emailAddress=a@b.test":           dn(attr("a@b.test", 1, 2, 840, 113549, 1, 9, 1)),
		"1.2.3.4=#130178":                 dn(attr("x", 1, 2, 3, 4)),
		"UID=u,DC=example,DC=test":        dn(attr("test", 0, 9, 2342, 19200300, 100, 1, 25), attr("example", 0, 9, 2342, 19200300, 100, 1, 25), attr("u", 0, 9, 2342, 19200300, 100, 1, 1)),
		"CN=":                             dn(attr("", 2, 5, 4, 3)),
		"":                                dn(),
	} {
		if got := string(vars.AppendDN(nil, der)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, junk := range []string{"", "junk", "0\x05"} {
		if got := vars.AppendDN(nil, []byte(junk)); len(got) != 0 {
			t.Errorf("%q gives %q", junk, got)
		}
	}
}

func FuzzAppendDN(f *testing.F) {
	f.Add(clientCert().RawSubject)
	f.Add(dn(attr("a\r\n\x00,", 2, 5, 4, 3), attr(5, 1, 2, 3)))
	f.Fuzz(func(t *testing.T, der []byte) {
		for _, c := range vars.AppendDN(nil, der) {
			if c < ' ' || c > '~' {
				t.Fatalf("byte %#x in the name of %x", c, der)
			}
		}
	})
}

func TestWithoutTLSItsVariablesAreEmptyAndWithoutACertificateTheClients(t *testing.T) {
	e := env()
	e.ClientCert = nil
	for _, name := range vars.Known() {
		if !strings.HasPrefix(name, "ssl_client_") {
			continue
		}
		want := ""
		if name == "ssl_client_verify" {
			want = "NONE"
		}
		if got := expand(t, e, "$"+name); got != want {
			t.Errorf("$%s is %q", name, got)
		}
	}
	e.X.Request.Conn.TLS = nil
	for _, name := range vars.Known() {
		if got := ""; strings.HasPrefix(name, "ssl_") {
			if got = expand(t, e, "$"+name); got != "" {
				t.Errorf("$%s is %q", name, got)
			}
		}
	}
}

func TestEveryCipherThatGoSpeaksHasOpenSSLsName(t *testing.T) {
	for _, s := range tls.CipherSuites() {
		got := string(vars.AppendCipher(nil, &tls.ConnectionState{CipherSuite: s.ID}))
		if is13 := s.SupportedVersions[0] == tls.VersionTLS13; is13 != strings.HasPrefix(got, "TLS_") {
			t.Errorf("%s is called %s", s.Name, got)
		}
	}
}
