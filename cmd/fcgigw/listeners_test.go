package main

import (
	"crypto/tls"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestTheTableOfAnAddressIsHeeded(t *testing.T) {
	cfg, err := config.Parse("t", []byte(`
[listener."unix:/s"]
mode = "0606"
user = "u"
group = "g"
proxy_protocol = ["unix"]
[listener."127.0.0.1:80"]
reuseport = true
backlog = 7
proxy_protocol = ["10.0.0.0/8", "192.0.2.1"]
[[site]]
listen = ["unix:/s", "127.0.0.1:80", ":81"]
root = "/"
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{}
	s, tcp, other := a.listenOptions(cfg, "unix:/s"), a.listenOptions(cfg, "127.0.0.1:80"), a.listenOptions(cfg, ":81")
	if s.Mode != 0o606 || s.User != "u" || s.Group != "g" || s.ReusePort || s.Backlog != 4096 {
		t.Errorf("unix socket: %+v", s)
	}
	if !tcp.ReusePort || tcp.Backlog != 7 || other.ReusePort || other.Backlog != 4096 || other.Mode != 0o660 {
		t.Errorf("TCP: %+v, %+v", tcp, other)
	}
	if l := a.listenerOf(cfg, "unix:/s"); !l.ProxyAll || l.ProxyFrom != nil {
		t.Errorf("unix socket: %+v", l)
	}
	l := a.listenerOf(cfg, "127.0.0.1:80")
	if l.ProxyAll || len(l.ProxyFrom) != 2 || l.ProxyFrom[0].String() != "10.0.0.0/8" || l.ProxyFrom[1].String() != "192.0.2.1/32" {
		t.Errorf("TCP: %+v", l)
	}
}

func TestOwnersOfSocketsAreLookedUp(t *testing.T) {
	cfg, err := config.Parse("t", []byte("[listener.\"unix:/tmp/s\"]\nuser = \"no-such-user\"\ngroup = \"no-such-group\"\n"+
		"[[site]]\nlisten = [\"unix:/tmp/s\", \"unix:@s\"]\nroot = \"/\"\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	found, _ := lookAtMachine(cfg)
	if got := (&found).Error(); got != "t:2:1: user: there is no user \"no-such-user\"\nt:3:1: group: there is no group \"no-such-group\"" {
		t.Errorf("got %s", got)
	}
}

func TestChangedOptionsOfAnAddressAreForTheNextStart(t *testing.T) {
	dir := t.TempDir()
	text := strings.ReplaceAll(plainSettings, "{dir}", dir)
	file := write(t, dir+"/c.toml", text)
	p := launch(t, nil, "run", "-c", file)
	p.waitLog(`"ready"`)
	write(t, file, text+"[listener.\"unix:"+dir+"/http\"]\nmode = \"0600\"\n")
	p.signal(syscall.SIGHUP)
	p.waitLog("changed options of an address take effect at the next start")
	if fi, err := os.Stat(dir + "/http"); err != nil || fi.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("%v, %v", fi, err)
	}
	p.signal(syscall.SIGTERM)
	p.waitEnd()
	if _, err := os.Stat(dir + "/http"); err == nil {
		t.Error("the socket is left")
	}
	launch(t, nil, "run", "-c", file).waitLog(`"ready"`)
	if fi, err := os.Stat(dir + "/http"); err != nil || fi.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("%v, %v", fi, err)
	}
}

func TestAnAddressThatAReloadBringsOrTakesIsNotOneWithChangedOptions(t *testing.T) {
	dir := t.TempDir()
	text := strings.ReplaceAll(plainSettings, "{dir}", dir)
	two := strings.Replace(text, "unix:"+dir+"/http\"", "unix:"+dir+"/http\", \"unix:"+dir+"/more\"", 1) +
		"[listener.\"unix:" + dir + "/more\"]\nmode = \"0600\"\n"
	file := write(t, dir+"/c.toml", text)
	p := launch(t, nil, "run", "-c", file)
	p.waitLog(`"ready"`)
	for i, next := range []string{two, text} {
		write(t, file, next)
		p.signal(syscall.SIGHUP)
		harness.Eventually(t, "it is reloaded", func() bool { return strings.Count(p.stderr.String(), `"reloaded"`) == i+1 })
		_, err := os.Stat(dir + "/more")
		if (err == nil) != (next == two) {
			t.Errorf("the socket: %v", err)
		}
	}
	p.signal(syscall.SIGTERM)
	p.waitEnd()
	if log := p.stderr.String(); strings.Contains(log, "changed options of an address") {
		t.Errorf("the log has\n%s", log)
	}
}

func TestTheUnitsAreRight(t *testing.T) {
	tool := harness.Program(t, "systemd-analyze")
	dir := t.TempDir()
	for _, name := range []string{"fcgigw.service", "fcgigw.socket"} {
		write(t, dir+"/"+name, strings.ReplaceAll(readDoc(t, "contrib/systemd/"+name), "/usr/local/bin/fcgigw", "/bin/true"))
	}
	out, err := exec.Command(tool, "verify", "--man=no", "--recursive-errors=no", dir+"/fcgigw.service", dir+"/fcgigw.socket").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// activate runs the gateway as systemd does when somebody connects to addr.
func activate(t *testing.T, addr, text string) *process {
	t.Helper()
	tool := harness.Program(t, "systemd-socket-activate")
	file := write(t, t.TempDir()+"/c.toml", text)
	p := &process{
		Cmd: exec.Command(tool, "--fdname=web", "-l", addr, "-E", actAsCommand+"=1", os.Args[0], "run", "-c", file),
		tb:  t, done: make(chan struct{}),
	}
	p.begin()
	p.waitLog("Listening on")
	return p
}

func TestASocketOfSystemdIsServed(t *testing.T) {
	dir := t.TempDir()
	for _, listen := range []string{"unix:" + dir + "/http", "systemd:web"} {
		text := strings.ReplaceAll(strings.ReplaceAll(plainSettings, "unix:{dir}/http", listen), "{dir}", dir)
		p := activate(t, dir+"/http", text)
		for range 2 {
			if r := mustAsk(t, "unix", dir+"/http", "x", "/"); r.body != "one" {
				t.Errorf("%s: got %q", listen, r.body)
			}
		}
		p.signal(syscall.SIGHUP)
		p.waitLog(`"reloaded"`)
		if r := mustAsk(t, "unix", dir+"/http", "x", "/"); r.body != "one" {
			t.Errorf("%s: got %q after a reload", listen, r.body)
		}
		p.signal(syscall.SIGTERM)
		p.waitEnd()
		if err := os.Remove(dir + "/http"); err != nil {
			t.Errorf("the socket is systemd's, and was removed: %v", err)
		}
	}
}

func TestASocketOfSystemdThatNobodyListensOnIsReported(t *testing.T) {
	dir := t.TempDir()
	p := activate(t, dir+"/other", strings.ReplaceAll(plainSettings, "{dir}", dir))
	c, err := net.Dial("unix", dir+"/other") // has the gateway start
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p.waitLog("systemd has opened a socket that no site listens on")
	p.waitLog("unix:" + dir + "/other")
}

func TestAnAddressThatSystemdOpenedForTCPOnlyHasNoHTTP3(t *testing.T) {
	dir := t.TempDir()
	certstest.NewAuthority(t, "a CA").Server("a.test").Write(t, dir, "a")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String() // free when it is closed, as good as certainly
	taken, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Skip(err)
	}
	defer taken.Close() // the gateway would fail to open it
	ln.Close()
	p := activate(t, addr, "[log]\naccess = \"off\"\n[[site]]\nlisten = []\nroot = \""+dir+"\"\n[site.tls]\nlisten = [\""+addr+
		"\"]\ncertificate = \""+dir+"/a.pem\"\ncertificate_key = \""+dir+"/a.key\"\n")
	r, err := (&http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}).Get("https://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if alt := r.Header.Get("Alt-Svc"); alt != "" {
		t.Errorf("HTTP/3 is announced: %q", alt)
	}
	p.waitLog("no HTTP/3 on an address that systemd has opened for TCP only")
}

func TestAReloadThatTurnsAnAddressIntoTLSIsRefusedAtItsPlace(t *testing.T) {
	parse := func(text string) *config.Config {
		t.Helper()
		cfg, err := config.Parse("t", []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	const plain = "[[site]]\nlisten = [\":8443\"]\nroot = \"/\"\n"
	const secure = "[[site]]\nroot = \"/\"\n[site.tls]\nlisten = [\":1\", \":8443\"]\ncertificate = \"/c\"\ncertificate_key = \"/k\"\n"
	for _, c := range []struct{ old, cfg, want string }{
		{plain, plain, ""},
		{plain, secure, `t:4:17: listen: ":8443" changes`},
		{secure, plain, `t:2:11: listen: ":8443" changes`},
	} {
		err := sameKinds(parse(c.old), parse(c.cfg))
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
