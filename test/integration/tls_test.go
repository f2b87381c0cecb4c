package integration

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// tlsSite is a gateway whose sites are served over TLS.
type tlsSite struct {
	*gateway
	ca     *certstest.Authority
	secure string // the address that speaks TLS
}

// startTLS serves sites, where {plain}, {tls}, {dir} and {root} are replaced and
// {cert NAME} is the two keys for files that certify NAME.
func startTLS(t *testing.T, sites string) *tlsSite {
	t.Helper()
	s := &tlsSite{ca: certstest.NewAuthority(t, "a CA"), secure: harness.FreeAddr(t)}
	s.gateway = newGateway(t, &site{root: docroot(t, "file.txt", "text")})
	certstest.WriteFile(t, filepath.Join(s.dir, "clients.pem"), s.ca.PEM())
	s.gateway.write(s.fill(sites))
	s.run()
	return s
}

func (s *tlsSite) fill(text string) string {
	for {
		before, rest, ok := strings.Cut(text, "{cert ")
		if !ok {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		cert, key := s.ca.Server(name).Write(s.t, s.dir, name)
		text = before + fmt.Sprintf("certificate = %q\ncertificate_key = %q", cert, key) + after
	}
	return strings.NewReplacer("{plain}", s.addr, "{tls}", s.secure, "{dir}", s.dir, "{root}", s.site.root).Replace(text)
}

// https is a client of the gateway, whatever the host in its URLs.
func (s *tlsSite) https(cfg *tls.Config, h2 bool) *http.Client {
	if cfg.RootCAs == nil {
		cfg.RootCAs = s.ca.Pool()
	}
	tr := &http.Transport{
		TLSClientConfig: cfg, ForceAttemptHTTP2: h2, MaxIdleConns: 2,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", s.secure)
		},
	}
	if !h2 {
		tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	s.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: harness.Patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// fetchTLS asks for a URL; host, unless empty, is what the request itself names.
func fetchTLS(t *testing.T, c *http.Client, url, host string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	resp, err := c.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return resp, string(body)
}

const twoTLSSites = `
[[site]]
listen = ["{plain}"]
hosts = ["a.test"]
root = "{root}"
[site.tls]
listen = ["{tls}"]
{cert a.test}
hsts = "1d"

[[site]]
listen = ["{plain}"]
hosts = ["b.test"]
[site.tls]
listen = ["{tls}"]
{cert b.test}
client_auth = "require"
client_ca = "{dir}/clients.pem"
[[site.location]]
match = "/"
return = "200 $ssl_client_verify $ssl_client_s_dn $ssl_protocol"
`

func TestASiteIsServedOverTLSByEitherProtocolAndPlainClientsAreSentThere(t *testing.T) {
	s := startTLS(t, twoTLSSites)
	for _, h2 := range []bool{false, true} {
		resp, body := fetchTLS(t, s.https(&tls.Config{}, h2), "https://a.test/file.txt", "")
		if resp.StatusCode != 200 || body != "text" || (resp.ProtoMajor == 2) != h2 {
			t.Errorf("%d %q %s", resp.StatusCode, body, resp.Proto)
		}
		if got := resp.Header.Get("Strict-Transport-Security"); got != "max-age=86400" {
			t.Errorf("HSTS %q", got)
		}
	}
	c := s.dial()
	c.send("GET /x?y HTTP/1.1\r\nHost: a.test\r\n\r\n")
	_, port, _ := net.SplitHostPort(s.secure)
	a := c.answer(http.MethodGet)
	if want := "https://a.test:" + port + "/x?y"; a.StatusCode != 301 || a.Header.Get("Location") != want {
		t.Errorf("%d %q, want %q", a.StatusCode, a.Header.Get("Location"), want)
	}
}

func TestACertificateThatIsRequiredCannotBeGoneAround(t *testing.T) {
	s := startTLS(t, twoTLSSites)
	good := s.ca.Client(pkix.Name{CommonName: "Ann"})
	bad := certstest.NewAuthority(t, "a CA").Client(pkix.Name{CommonName: "Ann"})
	for _, h2 := range []bool{false, true} {
		for _, c := range []struct {
			name, url, host string
			cert            *certstest.Issued
			want            int
		}{
			{"with it", "https://b.test/", "", good, 200},
			{"without", "https://b.test/", "", nil, 400},
			{"another CA's", "https://b.test/", "", bad, 400},
			{"by another site's handshake", "https://a.test/", "b.test", nil, 421},
			{"by another site's handshake, with it", "https://a.test/", "b.test", good, 421},
			{"the other way round", "https://b.test/file.txt", "a.test", good, 200},
		} {
			// Whatever CA the gateway asks for, the certificate is sent.
			cfg := &tls.Config{GetClientCertificate: c.cert.Present}
			resp, body := fetchTLS(t, s.https(cfg, h2), c.url, c.host)
			if resp.StatusCode != c.want {
				t.Errorf("%s, h2 %t: %d, want %d", c.name, h2, resp.StatusCode, c.want)
			}
			if c.host == "" && c.want == 200 && body != "SUCCESS CN=Ann TLSv1.3" {
				t.Errorf("%s: %q", c.name, body)
			}
		}
	}
}

func TestARenewedFileIsServedWithoutAReloadAndConnectionsGoOn(t *testing.T) {
	s := startTLS(t, twoTLSSites)
	kept := s.https(&tls.Config{}, false)
	before, _ := fetchTLS(t, kept, "https://a.test/file.txt", "")
	s.ca.Server("a.test").Write(t, s.dir, "a.test")
	harness.Eventually(t, "the new certificate is not served", func() bool {
		resp, _ := fetchTLS(t, s.https(&tls.Config{}, false), "https://a.test/file.txt", "")
		return !resp.TLS.PeerCertificates[0].Equal(before.TLS.PeerCertificates[0])
	})
	again, _ := fetchTLS(t, kept, "https://a.test/file.txt", "")
	if !again.TLS.PeerCertificates[0].Equal(before.TLS.PeerCertificates[0]) {
		t.Error("the connection was not kept")
	}
}

func TestAReloadBringsSitesKeepsSessionsAndRefusesBadFiles(t *testing.T) {
	s := startTLS(t, twoTLSSites)
	cfg := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	fetchTLS(t, s.https(cfg.Clone(), false), "https://a.test/file.txt", "")

	s.write(s.fill(twoTLSSites + "[[site]]\nhosts = [\"c.test\"]\nlisten = []\nroot = \"{root}\"\n[site.tls]\nlisten = [\"{tls}\"]\n{cert c.test}\n"))
	s.Signal(syscall.SIGHUP)
	s.awaitLog(`"msg":"reloaded"`)
	if resp, _ := fetchTLS(t, s.https(cfg.Clone(), false), "https://c.test/file.txt", ""); resp.StatusCode != 200 {
		t.Error(resp.StatusCode)
	}

	bad := s.fill(twoTLSSites)
	certstest.WriteFile(t, filepath.Join(s.dir, "b.test.key"), []byte("junk"))
	s.write(bad)
	s.Signal(syscall.SIGHUP)
	s.awaitLog("reload refused")
	if at := regexp.MustCompile(`:\d+:\d+: certificate_key: ` + regexp.QuoteMeta(filepath.Join(s.dir, "b.test.key")) + ": it holds no private key"); !at.MatchString(s.logged()) {
		t.Error("the log does not say where the file is named")
	}
	if resp, _ := fetchTLS(t, s.https(cfg.Clone(), false), "https://c.test/file.txt", ""); resp.StatusCode != 200 {
		t.Error(resp.StatusCode)
	}
}

func TestAnAddressCannotTurnIntoTLSByAReload(t *testing.T) {
	s := startTLS(t, twoTLSSites)
	s.write(s.fill("[[site]]\nlisten = [\"{tls}\"]\nroot = \"{root}\"\n"))
	s.Signal(syscall.SIGHUP)
	s.awaitLog("changes between plain and TLS; that needs a restart")
	if resp, _ := fetchTLS(t, s.https(&tls.Config{}, false), "https://a.test/file.txt", ""); resp.StatusCode != 200 {
		t.Error(resp.StatusCode)
	}
}
