package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// tlsSamples are the samples whose sites speak TLS. Their default addresses are
// replaced by {dir}/http and {dir}/https.
func tlsSamples(t *testing.T) []sample {
	ca := certstest.NewAuthority(t, "a CA")
	files := map[string]string{
		"www/index.php": script, "www/page.php": script, "www/style.css": "css", "www/uploads/shell.php": secret, "www/.env": "secret",
		"intern/index.php": script, "clients.pem": string(ca.PEM()),
	}
	for _, host := range []string{"example.org", "intern.example.org"} {
		i := ca.Server(host, "www."+host)
		files["live/"+host+"/fullchain.pem"], files["live/"+host+"/privkey.pem"] = string(i.CertPEM), string(i.KeyPEM)
	}
	const plain, secure = "listen = [\"unix:{dir}/http\"]\nhosts ", "[site.tls]\nlisten = [\"unix:{dir}/https\"]\n"
	return []sample{
		{
			file: "tls.toml",
			replace: map[string]string{
				"\nhosts ": "\n" + plain, "[site.tls]\n": secure, "/var/www": "{dir}", "/site\"": "/www\"", "/etc/letsencrypt": "{dir}",
				"/etc/fcgigw": "{dir}", "/run/php/php8.2-fpm.sock": "{dir}/fpm",
			},
			php: []string{"unix:{dir}/fpm"}, files: files,
			requests: []request{
				{"example.org", "/a?b", 301, "https://example.org/a?b"},
				{"intern.example.org", "/", 301, "https://intern.example.org/"},
				{"https:example.org", "/", 200, "ran /index.php in {dir}/www"},
				{"https:www.example.org", "/page.php?a=b", 200, "with a=b"},
				{"https:example.org", "/style.css", 200, "css"},
				{"https:example.org", "/uploads/shell.php", 404, ""},
				{"https:example.org", "/.env", 404, ""},
				{"https:intern.example.org", "/index.php", 400, ""},
			},
		},
		{
			file: "acme.toml", // of which no CA is asked: the certificate never comes
			replace: map[string]string{
				"\nhosts ": "\n" + plain, "[site.tls]\n": "[site.tls]\nlisten = [\"" + harness.FreeAddr(t) + "\"]\n", "/var/www/site": "{dir}/www",
				"/var/lib/fcgigw": "{dir}", "/run/php/php8.2-fpm.sock": "{dir}/fpm",
				"email ": "directory = \"https://127.0.0.1:1/dir\"\nemail ",
			},
			php: []string{"unix:{dir}/fpm"}, files: files,
			requests: []request{
				{"example.org", "/a?b", 301, "https://example.org"},
				{"example.org", "/.well-known/acme-challenge/x", 301, "https://example.org"},
			},
		},
	}
}

// askTLS is ask over TLS, of a site whose CA is not asked for.
func askTLS(tb testing.TB, path, host, target string) reply {
	tb.Helper()
	c := http.Client{Timeout: patient, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	resp, err := c.Get("https://" + host + target)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return reply{resp, string(body)}
}
