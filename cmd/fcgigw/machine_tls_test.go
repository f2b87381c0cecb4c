package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs"
	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/config"
)

func TestCheckWarnsOfCertificatesThatWillNotDo(t *testing.T) {
	dir := t.TempDir()
	ca := certstest.NewAuthority(t, "a CA")
	ca.Server("a.test", "*.b.test").Write(t, dir, "good")
	ca.Issue(func(c *x509.Certificate) { // for longer than a week
		c.DNSNames, c.NotAfter = []string{"a.test", "*.b.test", "192.0.2.1"}, time.Now().Add(30*24*time.Hour)
	}).Write(t, dir, "long")
	ca.Issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }).Write(t, dir, "old")
	ca.Issue(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(30*24*time.Hour)
	}).Write(t, dir, "early")
	certstest.WriteFile(t, dir+"/junk", []byte("junk"))
	site := func(hosts, cert, key, more string) string {
		return fmt.Sprintf("[[site]]\nhosts = [%s]\nlisten = []\nroot = \"{dir}\"\n[site.tls]\ncertificate = \"{dir}/%s.pem\"\ncertificate_key = \"{dir}/%s.key\"\n%s", hosts, cert, key, more)
	}
	for _, c := range []struct{ name, text, want string }{
		{"good", site(`"a.test", "*.b.test", "~x", "www.*"`, "long", "long", ""), ""},
		{"soon", site(`"a.test"`, "good", "good", ""), ":6:1: certificate: {dir}/good.pem expires on "},
		{"expired", site("", "old", "old", ""), ":6:1: certificate: {dir}/old.pem has expired on "},
		{"early", site("", "early", "early", ""), ":6:1: certificate: {dir}/early.pem is not good before "},
		{"other host", site(`"c.test"`, "long", "long", ""), `:6:1: certificate: {dir}/long.pem is not for the host "c.test"`},
		{"wildcard of another", site(`"*.a.test"`, "long", "long", ""), `is not for the host "*.a.test"`},
		{"missing", site("", "none", "long", ""), ":6:1: certificate: {dir}/none.pem: no such file"},
		{"missing key", site("", "long", "none", ""), ":7:1: certificate_key: {dir}/none.key: no such file; run and a reload refuse this"},
		{"missing list", site("", "long", "long", "client_auth = \"require\"\nclient_ca = \"{dir}/long.pem\"\nclient_crl = \"{dir}/none\"\n"), ":10:1: client_crl: {dir}/none: no such file"},
		{"missing CA", site("", "long", "long", "client_auth = \"require\"\nclient_ca = \"{dir}/none\"\n"), ":9:1: client_ca: {dir}/none: no such file"},
		{"storage", "[acme]\nstorage = \"{dir}/junk/acme\"\n[[site]]\nhosts = [\"a.test\"]\nroot = \"{dir}\"\n[site.tls]\nacme = true\n", ":2:1: storage: {dir}/junk/acme: "},
		{"missing ca_root", "[acme]\nca_root = \"{dir}/none\"\nstorage = \"{dir}/x\"\n[[site]]\nhosts = [\"a.test\"]\nroot = \"{dir}\"\n[site.tls]\nacme = true\n", ":2:1: ca_root: {dir}/none: no such file"},
		{"storage that can be made", "[acme]\nstorage = \"{dir}/x/y/acme\"\n[[site]]\nhosts = [\"a.test\"]\nroot = \"{dir}\"\n[site.tls]\nacme = true\n", ""},
		{"no challenge", "[acme]\nstorage = \"{dir}/x\"\n[[site]]\nhosts = [\"a.test\"]\nlisten = []\nroot = \"{dir}\"\n[site.tls]\nlisten = [\"unix:{dir}/s\"]\nacme = true\n", "no challenge can reach"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := checked(t, dir, c.text)
			want := strings.ReplaceAll(c.want, "{dir}", dir)
			if !strings.Contains(got, want) || strings.Count(got, "\n") != min(len(c.want), 1) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestCertificatesThatAreNoGoodAnywhereAreMistakesAtTheirKeys(t *testing.T) {
	dir := t.TempDir()
	ca := certstest.NewAuthority(t, "a CA")
	ca.Server("a.test").Write(t, dir, "a")
	ca.Server("b.test").Write(t, dir, "b")
	certstest.WriteFile(t, dir+"/junk", []byte("junk"))
	site := func(cert, key, more string) string {
		return fmt.Sprintf("[[site]]\nlisten = []\nroot = \"{dir}\"\n[site.tls]\nlisten = [\"127.0.0.1:1\"]\ncertificate = \"{dir}/%s\"\ncertificate_key = \"{dir}/%s\"\n%s", cert, key, more)
	}
	const clients = "client_auth = \"require\"\nclient_ca = \"{dir}/"
	for _, c := range []struct{ name, text, want string }{
		{"another's key", site("a.pem", "b.key", ""), ":7:1: certificate_key: {dir}/b.key: the key is not that of the certificate in {dir}/a.pem"},
		{"swapped", site("a.key", "a.pem", ""), ":6:1: certificate: {dir}/a.key: it holds a private key and no certificate; are the two files swapped?"},
		{"CA that is none", site("a.pem", "a.key", clients+"junk\"\n"), ":9:1: client_ca: {dir}/junk: it holds no certificate"},
		{"list that is none", site("a.pem", "a.key", clients+"a.pem\"\nclient_crl = \"{dir}/junk\"\n"), ":10:1: client_crl: {dir}/junk: it holds no list"},
		{"ca_root that is none", "[acme]\nca_root = \"{dir}/junk\"\nstorage = \"{dir}/x\"\n[[site]]\nlisten = []\nhosts = [\"a.test\"]\nroot = \"{dir}\"\n[site.tls]\nlisten = [\"127.0.0.1:1\"]\nacme = true\n", ":2:1: ca_root: {dir}/junk: it holds no certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, dir+"/c.toml", strings.ReplaceAll(c.text, "{dir}", dir))
			want := path + strings.ReplaceAll(c.want, "{dir}", dir)
			for args, status := range map[string]int{"check": 2, "run": 1} {
				code, _, errOut := command(args, path)
				if code != status || !strings.Contains(errOut, want) {
					t.Errorf("%s: code %d: %q, want %q", args, code, errOut, want)
				}
			}
		})
	}
}

func TestStorageOfCertificatesIsWhereTheSystemKeepsState(t *testing.T) {
	for _, c := range []struct{ env, want string }{
		{"STATE_DIRECTORY=/var/lib/fcgigw HOME=/root", "/var/lib/fcgigw/acme"},
		{"STATE_DIRECTORY=/a:/b", "/a/acme"},
		{"XDG_DATA_HOME=/data HOME=/root", "/data/fcgigw/acme"},
		{"XDG_DATA_HOME=relative HOME=/root", "/root/.local/share/fcgigw/acme"},
		{"", ""},
	} {
		getenv := func(name string) string {
			for _, pair := range strings.Fields(c.env) {
				if v, ok := strings.CutPrefix(pair, name+"="); ok {
					return v
				}
			}
			return ""
		}
		got, err := acmeStorage(getenv)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%q: %q %v, want %q", c.env, got, err, c.want)
		}
	}
}

func TestChallengesComeInAtThePortThatTheyAreSentToIfThereIsOne(t *testing.T) {
	for _, c := range []struct{ plain, secure, wantPlain, wantTLS string }{
		{`":80"`, `":443"`, ":80", ":443"},
		{`"127.0.0.1:8080", "127.0.0.1:80"`, `"[::1]:8443", ":443"`, "127.0.0.1:80", ":443"},
		{`":8080", ":8081"`, `":8443"`, ":8080", ":8443"},
		{`"unix:/s", ":81"`, `"unix:/t", ":8443"`, ":81", ":8443"},
		{`"systemd:web"`, `"systemd:other"`, "[::]:8080", ""},
	} {
		cfg, err := config.Parse("c.toml", fmt.Appendf(nil,
			"[acme]\nstorage = \"/s\"\n[[site]]\nhosts = [\"a.test\"]\nlisten = [%s]\nroot = \"/\"\n[site.tls]\nacme = true\nlisten = [%s]\n", c.plain, c.secure), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := certsConfig(cfg, func(addr string) string {
			return map[string]string{"systemd:web": "[::]:8080"}[addr]
		})
		if err != nil || got.ACME.HTTPAddr != c.wantPlain || got.ACME.TLSAddr != c.wantTLS {
			t.Errorf("%s %s: %q %q %v", c.plain, c.secure, got.ACME.HTTPAddr, got.ACME.TLSAddr, err)
		}
	}
}

func TestAKeyThatMayNotBeReadIsReportedAtItsPlaceWithWhatToDo(t *testing.T) {
	cfg, err := config.Parse("c.toml", []byte("[[site]]\nroot = \"/\"\n[site.tls]\ncertificate = \"/c\"\ncertificate_key = \"/k\"\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	one := fmt.Errorf("certs: site: %w", &certs.FileError{Key: "certificate_key", Path: "/k", Err: fs.ErrPermission})
	got := placeCerts(cfg, errors.Join(one, one)).Error() // a site on two addresses
	if !strings.HasPrefix(got, "c.toml:5:1: certificate_key: /k: permission denied; the user ") || !strings.Contains(got, "docs/tls.md") || strings.Contains(got, "\n") {
		t.Errorf("got %s", got)
	}
}
