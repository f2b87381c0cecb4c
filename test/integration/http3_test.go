package integration

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// http3 is a client of the gateway by HTTP/3, whatever the host in its URLs.
func (s *tlsSite) http3(cfg *tls.Config) *http.Client {
	if cfg.RootCAs == nil {
		cfg.RootCAs = s.ca.Pool()
	}
	tr := &http3.Transport{
		TLSClientConfig: cfg, DisableCompression: true,
		Dial: func(ctx context.Context, _ string, tc *tls.Config, qc *quic.Config) (*quic.Conn, error) {
			return quic.DialAddrEarly(ctx, s.secure, tc, qc)
		},
	}
	s.t.Cleanup(func() { tr.Close() })
	return &http.Client{Transport: tr, Timeout: 3 * harness.Patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func TestASiteIsServedOverHTTP3AndAnnouncedWhereThereIsTLS(t *testing.T) {
	s := startTLS(t, twoTLSSites)
	_, port, _ := net.SplitHostPort(s.secure)
	want := `h3=":` + port + `"; ma=86400`
	for _, h2 := range []bool{false, true} {
		resp, _ := fetchTLS(t, s.https(&tls.Config{}, h2), "https://a.test/file.txt", "")
		if got := resp.Header.Get("Alt-Svc"); got != want {
			t.Errorf("Alt-Svc %q, want %q", got, want)
		}
	}
	resp, body := fetchTLS(t, s.http3(&tls.Config{}), "https://a.test/file.txt", "")
	if resp.StatusCode != 200 || body != "text" || resp.Proto != "HTTP/3.0" {
		t.Errorf("%s %d %q", resp.Proto, resp.StatusCode, body)
	}
	if alt, hsts := resp.Header.Get("Alt-Svc"), resp.Header.Get("Strict-Transport-Security"); alt != "" || hsts != "max-age=86400" {
		t.Errorf("Alt-Svc %q, HSTS %q", alt, hsts)
	}
	if resp := s.get("/file.txt"); resp.Header.Get("Alt-Svc") != "" {
		t.Error("announced on a plain address")
	}
	harness.Eventually(t, "no record of the request", func() bool {
		return strings.Contains(readFile(t, s.access), `"protocol":"HTTP/3.0"`) || strings.Contains(readFile(t, s.access), "HTTP/3")
	})
}

func TestCertificatesOfClientsAreAskedForOverHTTP3(t *testing.T) {
	s := startTLS(t, twoTLSSites)
	good := s.ca.Client(pkix.Name{CommonName: "Ann"})
	bad := certstest.NewAuthority(t, "a CA").Client(pkix.Name{CommonName: "Ann"})
	rows := []struct {
		name, url, host string
		cert            *certstest.Issued
		want            int
	}{
		{"with a good one", "https://b.test/", "", good, 200},
		{"without", "https://b.test/", "", nil, 400},
		{"with one of another CA", "https://b.test/", "", bad, 400},
		{"by the handshake of another site", "https://a.test/", "b.test", good, 421},
	}
	for _, row := range rows {
		cfg := &tls.Config{GetClientCertificate: row.cert.Present}
		resp, body := fetchTLS(t, s.http3(cfg), row.url, row.host)
		if resp.StatusCode != row.want {
			t.Errorf("%s: %d %q, want %d", row.name, resp.StatusCode, body, row.want)
		}
	}
}

// phpTLSSite is a site over TLS, with more locations, whose scripts run in
// php-fpm.
func phpTLSSite(t *testing.T, f *fpm, locations string, files ...string) *tlsSite {
	t.Helper()
	s := startTLS(t, fmt.Sprintf(`
[[site]]
listen = ["{plain}"]
root = "{root}"
scripts = ["/**.php"]
max_body = "200MiB"
[site.tls]
listen = ["{tls}"]
{cert a.test}
redirect = false
%s
[[site.location]]
match = '~ \.php(/|$)'
backend = "php"
[backend.php]
servers = [%q]
max_conns = %d
idle_timeout = "300ms"
`, locations, f.server(), f.conf.children))
	for i := 0; i+1 < len(files); i += 2 {
		writeFile(t, s.site.root, files[i], files[i+1])
	}
	return s
}

// counted is a body of n bytes in which no block is like another.
func counted(n int) io.Reader {
	return io.LimitReader(&counter{}, int64(n))
}

type counter struct{ n uint32 }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.n>>13) ^ byte(c.n*7)
		c.n++
	}
	return len(p), nil
}

func TestLargeBodiesGoThroughHTTP3(t *testing.T) {
	const size = 64 << 20
	s := phpTLSSite(t, startFPM(t, fpmConf{children: 1}), "",
		"sum.php", `<?php header("X-Length: " . $_SERVER["CONTENT_LENGTH"]); echo hash("sha256", file_get_contents("php://input"));`,
		"big.php", `<?php header("Content-Length: 20971520"); for ($i = 0; $i < 320; $i++) echo str_repeat(chr(65 + $i % 26), 65536);`)
	c := s.http3(&tls.Config{})
	h := sha256.New()
	if _, err := io.Copy(h, counted(size)); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, "https://a.test/sum.php", counted(size))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != fmt.Sprintf("%x", h.Sum(nil)) || resp.Header.Get("X-Length") != itoa(size) {
		t.Errorf("upload: %d, %q, length %s, %v", resp.StatusCode, body, resp.Header.Get("X-Length"), err)
	}
	resp, err = c.Get("https://a.test/big.php")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	// Nothing is read until the one worker has served somebody else: it does not
	// wait for us.
	if resp, _ := fetchTLS(t, s.https(&tls.Config{}, false), "https://a.test/sum.php", ""); resp.StatusCode != 200 {
		t.Errorf("another client gets %d", resp.StatusCode)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || n != 20971520 {
		t.Errorf("download: %d bytes, %v", n, err)
	}
}

func TestHTTP3FollowsAReload(t *testing.T) {
	s := startTLS(t, twoTLSSites)
	if _, body := fetchTLS(t, s.http3(&tls.Config{}), "https://a.test/file.txt", ""); body != "text" {
		t.Errorf("%q", body)
	}
	announced := func() bool {
		resp, _ := fetchTLS(t, s.https(&tls.Config{}, false), "https://a.test/file.txt", "")
		return resp.Header.Get("Alt-Svc") != ""
	}
	s.write("[http]\nhttp3 = false\n" + s.fill(twoTLSSites))
	s.Signal(syscall.SIGHUP)
	harness.Eventually(t, "HTTP/3 is still announced", func() bool { return !announced() })
	harness.Eventually(t, "the port is still taken", func() bool {
		pc, err := net.ListenPacket("udp", s.secure)
		if err != nil {
			return false
		}
		pc.Close()
		return true
	})
	s.write(s.fill(twoTLSSites))
	s.Signal(syscall.SIGHUP)
	harness.Eventually(t, "HTTP/3 is not announced again", announced)
	if _, body := fetchTLS(t, s.http3(&tls.Config{}), "https://a.test/file.txt", ""); body != "text" {
		t.Errorf("%q", body)
	}
}

func TestAPortThatIsTakenIsExplained(t *testing.T) {
	s := &tlsSite{ca: certstest.NewAuthority(t, "a CA"), secure: harness.FreeAddr(t)}
	s.gateway = newGateway(t, &site{root: docroot(t)})
	pc, err := net.ListenPacket("udp", s.secure)
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	certstest.WriteFile(t, s.dir+"/clients.pem", s.ca.PEM())
	s.write(s.fill(twoTLSSites))
	s.start("run", "--config", s.config)
	if code := s.ExitCode(); code != 1 || !strings.Contains(s.logged(), "(UDP)") || !strings.Contains(s.logged(), "http3 = false") {
		t.Errorf("exit status %d\n%s", code, s.logged())
	}
}

func TestADrainLetsHTTP3RequestsEnd(t *testing.T) {
	s := phpTLSSite(t, startFPM(t, fpmConf{children: 2}), "",
		"slow.php", `<?php echo "begun "; flush(); usleep(700000); echo "done";`)
	c := s.http3(&tls.Config{})
	resp, err := c.Get("https://a.test/slow.php")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	s.Signal(syscall.SIGTERM)
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "begun done" {
		t.Errorf("%q, %v", body, err)
	}
	if code := s.ExitCode(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if strings.Contains(s.logged(), "were cut") {
		t.Error("something was cut")
	}
}

func TestWebSocketsReachAnASGIServerOverHTTP3(t *testing.T) {
	s := startWebSockets(t)
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	qc, err := quic.DialAddr(ctx, s.secure, &tls.Config{RootCAs: s.ca.Pool(), ServerName: "localhost", NextProtos: []string{"h3"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer qc.CloseWithError(0, "")
	cc := (&http3.Transport{}).NewClientConn(qc)
	<-cc.ReceivedSettings()
	if !cc.Settings().EnableExtendedConnect {
		t.Fatal("extended CONNECT is not offered")
	}
	stream, err := cc.OpenRequestStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodConnect, "https://app.test/chat", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Proto = "websocket" // RFC 9220, as the library wants it said
	req.Header.Set("Sec-WebSocket-Version", "13")
	if err := stream.SendRequestHeader(req); err != nil {
		t.Fatal(err)
	}
	resp, err := stream.ReadResponse()
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Sec-WebSocket-Accept") != "" || resp.Header.Get("Upgrade") != "" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	for range 3 {
		if _, err := io.WriteString(stream, helloMasked); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(hello))
		if _, err := io.ReadFull(stream, got); err != nil || string(got) != hello {
			t.Fatalf("%q, %v", got, err)
		}
	}
	stream.Close() // the server sees the end and closes
	if rest, err := io.ReadAll(stream); err != nil || len(rest) > 4 {
		t.Errorf("behind the end: %q, %v", rest, err) // a close frame at most
	}
}
