package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/gateway"
)

// answers is a sink that keeps a response.
type answers struct {
	exchange.Sink
	status int
	header map[string]string
	body   []byte
	begun  bool
}

func (a *answers) Start(r *exchange.Response) error {
	a.status, a.header, a.begun = r.Status, make(map[string]string), true
	for _, f := range r.Header.All() {
		a.header[string(f.Name)] = string(f.Value)
	}
	return nil
}

func (a *answers) TryWrite(p []byte, _ bool) (int, error) {
	a.body = append(a.body, p...)
	return len(p), nil
}

func (a *answers) Write(p []byte, last bool) error { _, err := a.TryWrite(p, last); return err }
func (a *answers) Abort()                          { a.status = -1 }
func (a *answers) Started() bool                   { return a.begun }
func (a *answers) ClientGone() bool                { return false }
func (a *answers) Sent() int64                     { return int64(len(a.body)) }

// request is one request on a made-up connection.
type request struct {
	method, host, target string
	major                uint8
	conn                 exchange.ConnInfo
}

// secure is a connection whose handshake was for sni.
func secure(sni string, chain ...*x509.Certificate) exchange.ConnInfo {
	return exchange.ConnInfo{ID: 1, Listen: ":443", Scheme: "https", TLS: &tls.ConnectionState{
		Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, ServerName: sni, PeerCertificates: chain,
	}}
}

func plain() exchange.ConnInfo { return exchange.ConnInfo{ID: 2, Listen: ":80", Scheme: "http"} }

// hand hands a request to the gateway as any listener does.
func (r *rig) hand(q request) *answers {
	r.tb.Helper()
	x := exchange.New()
	x.Reset()
	x.Request.Method = []byte("GET")
	if q.method != "" {
		x.Request.Method = []byte(q.method)
	}
	x.Request.Major, x.Request.Minor = max(q.major, 1), 1
	x.Request.Conn = &q.conn
	if q.host != "" {
		if err := x.SetAuthority([]byte(q.host)); err != nil {
			r.tb.Fatal(err)
		}
	}
	if q.target == "" {
		q.target = "/"
	}
	if err := x.SetTarget([]byte(q.target)); err != nil {
		r.tb.Fatal(err)
	}
	a := &answers{}
	x.Sink = a
	r.Serve(x)
	return a
}

// tlsSites are a site for everybody, two that ask for certificates of different
// CAs, one that would like one, and one that is plain, too.
const tlsSites = `
[[site]]
hosts = ["open.test", "*.open.test"]
root = "{dir}/www"
[site.tls]
certificate = "/c"
certificate_key = "/k"
hsts = "365d"
[[site.location]]
match = "/"
backend = "app"
scripts = ["/**"]

[[site]]
hosts = ["closed.test", "*.closed.test"]
root = "{dir}/www"
[site.tls]
certificate = "/c"
certificate_key = "/k"
client_auth = "require"
client_ca = "{dir}/a.pem"
redirect = false
[[site.location]]
match = "/"
backend = "app"
scripts = ["/**"]

[[site]]
hosts = ["other.test"]
root = "{dir}/www"
[site.tls]
listen = [":443", ":8443"]
certificate = "/c"
certificate_key = "/k"
client_auth = "require"
client_ca = "{dir}/b.pem"
min_version = "1.3"

[[site]]
hosts = ["maybe.test"]
root = "{dir}/www"
[site.tls]
listen = [":8443", ":443"]
certificate = "/c"
certificate_key = "/k"
client_auth = "optional"
client_ca = "{dir}/a.pem"
redirect = false
[[site.location]]
match = "/"
backend = "app"
scripts = ["/**"]

[backend.app]
servers = ["{app}"]
check_files = false
`

// tlsRig has the gateway for tlsSites and certificates for its clients.
type tlsRig struct {
	*rig
	a, b, stranger *x509.Certificate
}

func startTLS(t *testing.T) *tlsRig {
	t.Helper()
	dir := t.TempDir()
	caA, caB := certstest.NewAuthority(t, "CA A"), certstest.NewAuthority(t, "CA B")
	certstest.WriteFile(t, dir+"/a.pem", caA.PEM())
	certstest.WriteFile(t, dir+"/b.pem", caB.PEM())
	text := strings.NewReplacer("{dir}/a.pem", dir+"/a.pem", "{dir}/b.pem", dir+"/b.pem").Replace(tlsSites)
	name := pkix.Name{CommonName: "Ann, \"A\"", Organization: []string{"Ä"}, Country: []string{"DE"}}
	return &tlsRig{
		rig: start(t, text, []string{"index.html"}, nil),
		a:   caA.Client(name).Cert, b: caB.Client(name).Cert,
		stranger: certstest.NewAuthority(t, "CA A").Client(name).Cert,
	}
}

func TestARequestEntersASiteOnlyAsTheSiteItselfDemands(t *testing.T) {
	r := startTLS(t)
	for _, c := range []struct {
		name, sni, host string
		chain           []*x509.Certificate
		want            int
	}{
		{"nothing asked", "open.test", "open.test", nil, 200},
		{"nothing asked, certificate given", "open.test", "open.test", []*x509.Certificate{r.a}, 200},
		{"with its certificate", "closed.test", "closed.test", []*x509.Certificate{r.a}, 200},
		{"another host of the site", "a.closed.test", "b.closed.test", []*x509.Certificate{r.a}, 200},
		{"without", "closed.test", "closed.test", nil, 400},
		{"of another CA", "closed.test", "closed.test", []*x509.Certificate{r.b}, 400},
		{"of a CA of the same name", "closed.test", "closed.test", []*x509.Certificate{r.stranger}, 400},
		{"optional, without", "maybe.test", "maybe.test", nil, 200},
		{"optional, with", "maybe.test", "maybe.test", []*x509.Certificate{r.a}, 200},
		{"optional, bad", "maybe.test", "maybe.test", []*x509.Certificate{r.b}, 400},
		// The handshake was for another site than the request.
		{"around", "open.test", "closed.test", nil, 421},
		{"around with a certificate", "open.test", "closed.test", []*x509.Certificate{r.a}, 421},
		{"around without SNI", "", "closed.test", nil, 421},
		{"around by an unknown name", "x.test", "closed.test", nil, 421},
		{"around by the optional", "maybe.test", "closed.test", []*x509.Certificate{r.a}, 421},
		{"around by another CA", "other.test", "closed.test", []*x509.Certificate{r.b}, 421},
		{"around to the optional", "open.test", "maybe.test", nil, 421},
		{"from closed to open", "closed.test", "open.test", []*x509.Certificate{r.a}, 200},
		{"an unknown host is the open site", "closed.test", "x.test", []*x509.Certificate{r.a}, 200},
		{"SNI in capitals", "CLOSED.test", "closed.test", []*x509.Certificate{r.a}, 200},
	} {
		for major := uint8(1); major <= 3; major++ {
			before := len(r.app.Requests())
			got := r.hand(request{host: c.host, major: major, conn: secure(c.sni, c.chain...)})
			if got.status != c.want {
				t.Errorf("%s, HTTP/%d: %d, want %d", c.name, major, got.status, c.want)
			}
			if ran := len(r.app.Requests()) > before; ran != (c.want == 200) {
				t.Errorf("%s, HTTP/%d: the application ran: %t", c.name, major, ran)
			}
		}
	}
}

func TestAVersionThatTheSiteDoesNotSpeakIsMisdirected(t *testing.T) {
	r := startTLS(t)
	conn := secure("other.test", r.b)
	conn.TLS.Version = tls.VersionTLS12
	if got := r.hand(request{host: "other.test", conn: conn}); got.status != 421 {
		t.Error(got.status)
	}
}

func TestASiteThatRequiresCertificatesIsNeverServedPlain(t *testing.T) {
	r := startTLS(t)
	if got := r.hand(request{host: "closed.test", conn: plain()}); got.status != 400 {
		t.Error(got.status)
	}
	behind := plain()
	behind.Scheme = "https" // as a trusted proxy says
	if got := r.hand(request{host: "closed.test", conn: behind}); got.status != 400 {
		t.Error(got.status)
	}
	if got := r.hand(request{host: "maybe.test", conn: plain()}); got.status != 200 || len(r.app.Requests()) != 1 {
		t.Errorf("%d", got.status)
	}
}

func TestPlainRequestsAreSentToHTTPS(t *testing.T) {
	r := startTLS(t)
	for _, c := range []struct {
		method, host, target, want string
		status                     int
	}{
		{"GET", "open.test", "/a%20b//c?d=%2F", "https://open.test/a%20b//c?d=%2F", 301},
		{"HEAD", "www.Open.Test:80", "/", "https://www.open.test/", 301},
		{"POST", "open.test:8080", "/x", "https://open.test/x", 308},
		{"OPTIONS", "open.test", "*", "https://open.test/", 308},
		{"GET", "", "/x", "https://open.test/x", 301},
		{"GET", "open.test", "//evil.test/", "https://open.test//evil.test/", 301},
		{"GET", "other.test", "/", "https://other.test/", 301},
		{"GET", "[2001:DB8::1]:80", "/", "https://[2001:db8::1]/", 301},
	} {
		got := r.hand(request{method: c.method, host: c.host, target: c.target, conn: plain()})
		if got.status != c.status || got.header["Location"] != c.want {
			t.Errorf("%s %s%s: %d %q, want %d %q", c.method, c.host, c.target, got.status, got.header["Location"], c.status, c.want)
		}
		if got.header["Strict-Transport-Security"] != "" {
			t.Error("HSTS on a plain answer")
		}
	}
	behind := plain()
	behind.Scheme = "https"
	if got := r.hand(request{host: "open.test", conn: behind}); got.status != 200 {
		t.Errorf("behind a proxy that speaks https: %d %v", got.status, got.header)
	}
}

func TestRedirectsNameAPortThatIsNotTheUsualOne(t *testing.T) {
	r := startTLS(t)
	r.load(strings.NewReplacer(`listen = [":443", ":8443"]`, `listen = ["unix:/s", "systemd:web", "[::1]:9443", ":443"]`,
		`client_ca = "{dir}/a.pem"`, "", `client_auth = "require"`, "", `client_auth = "optional"`, "",
		`client_ca = "{dir}/b.pem"`, "").Replace(tlsSites))
	if got := r.hand(request{host: "other.test", conn: plain()}); got.header["Location"] != "https://other.test:9443/" {
		t.Errorf("%q", got.header["Location"])
	}
}

func TestHSTSIsOnAnswersOverTLSOnly(t *testing.T) {
	r := startTLS(t)
	for target, status := range map[string]int{"/": 200, "/.env": 404} {
		got := r.hand(request{host: "open.test", target: target, conn: secure("open.test")})
		if got.status != status || got.header["Strict-Transport-Security"] != "max-age=31536000" {
			t.Errorf("%s: %d %q", target, got.status, got.header["Strict-Transport-Security"])
		}
	}
	if got := r.hand(request{host: "maybe.test", conn: secure("maybe.test")}); got.header["Strict-Transport-Security"] != "" {
		t.Error("on a site without it")
	}
}

func TestTheApplicationLearnsOfTLSAndTheClientsCertificate(t *testing.T) {
	r := startTLS(t)
	about := func(conn exchange.ConnInfo, host string) map[string]string {
		t.Helper()
		if got := r.hand(request{host: host, conn: conn}); got.status != 200 {
			t.Fatal(got.status)
		}
		out := make(map[string]string)
		for k, v := range r.lastParams() {
			if strings.HasPrefix(k, "SSL_") || k == "HTTPS" || k == "REQUEST_SCHEME" {
				out[k] = v
			}
		}
		return out
	}
	open := map[string]string{
		"HTTPS": "on", "REQUEST_SCHEME": "https", "SSL_PROTOCOL": "TLSv1.3", "SSL_CIPHER": "TLS_AES_128_GCM_SHA256",
		"SSL_CLIENT_VERIFY": "NONE",
	}
	same(t, "open", about(secure("open.test"), "open.test"), open)
	same(t, "a certificate that nobody verified", about(secure("open.test", r.a), "open.test"), open)
	same(t, "optional, none", about(secure("maybe.test"), "maybe.test"), open)
	same(t, "plain", about(plain(), "maybe.test"), map[string]string{"REQUEST_SCHEME": "http"})

	open["SSL_CLIENT_VERIFY"] = "SUCCESS"
	open["SSL_CLIENT_S_DN"] = `CN=Ann\, \"A\",O=\C3\84,C=DE`
	open["SSL_CLIENT_I_DN"] = "CN=CA A"
	open["SSL_CLIENT_SERIAL"] = fmt.Sprintf("%X", r.a.SerialNumber.Bytes())
	got := about(secure("maybe.test", r.a), "maybe.test")
	if len(got["SSL_CLIENT_FINGERPRINT"]) != 40 {
		t.Errorf("fingerprint %q", got["SSL_CLIENT_FINGERPRINT"])
	}
	delete(got, "SSL_CLIENT_FINGERPRINT")
	same(t, "with a certificate", got, open)
}

func same(t *testing.T, name string, got, want map[string]string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s:\n got %q\nwant %q", name, got, want)
	}
}

func TestAReloadThatDemandsCertificatesHoldsForOldConnections(t *testing.T) {
	r := startTLS(t)
	conn := secure("open.test")
	if got := r.hand(request{host: "open.test", conn: conn}); got.status != 200 {
		t.Fatal(got.status)
	}
	ca := certstest.WriteFile(t, t.TempDir()+"/ca.pem", certstest.NewAuthority(t, "x").PEM())
	r.load(`
[[site]]
hosts = ["open.test"]
root = "{dir}/www"
[site.tls]
certificate = "/c"
certificate_key = "/k"
client_auth = "require"
client_ca = "` + ca + `"
`)
	if got := r.hand(request{host: "open.test", conn: conn}); got.status != 400 {
		t.Error(got.status)
	}
}

func TestAClientCAThatCannotBeReadIsRefusedWithItsPlace(t *testing.T) {
	r := startTLS(t)
	cfg := r.parse(strings.ReplaceAll(tlsSites, "{dir}/b.pem", "{dir}/none.pem"))
	err := r.Load(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "test.toml:") || !strings.Contains(err.Error(), "none.pem") {
		t.Error(err)
	}
	if err := gateway.Check(cfg); err != nil {
		t.Errorf("Check opens files: %v", err)
	}
}

func TestChallengesAreAnsweredBeforeRedirectsAndOnlyForSitesThatWantThem(t *testing.T) {
	const acme = `
[[site]]
hosts = ["a.test"]
root = "{dir}/www"
[site.tls]
acme = true
`
	asked := ""
	r := start(t, acme, nil, nil, func(o *gateway.Options) {
		o.Challenge = func(host, path []byte) (string, bool) {
			asked = string(host) + string(path)
			return "token.key", strings.HasSuffix(string(path), "/token")
		}
	})
	const path = "/.well-known/acme-challenge/"
	if got := r.hand(request{host: "a.test", target: path + "token", conn: plain()}); got.status != 200 || string(got.body) != "token.key" || asked != "a.test"+path+"token" {
		t.Errorf("%d %q %q", got.status, got.body, asked)
	}
	if got := r.hand(request{host: "a.test", target: path + "other", conn: plain()}); got.status != 301 {
		t.Errorf("an unknown token: %d", got.status)
	}
	asked = ""
	r.hand(request{host: "a.test", target: "/x", conn: plain()})
	r.load(strings.Replace(acme, "acme = true", "certificate = \"/c\"\ncertificate_key = \"/k\"", 1))
	r.hand(request{host: "a.test", target: path + "token", conn: plain()})
	if asked != "" {
		t.Errorf("asked for %q", asked)
	}
}
