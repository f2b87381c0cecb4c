package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const plainSettings = `
[gateway]
drain_timeout = "7s"
[log]
access = "off"
[[site]]
listen = ["unix:{dir}/http"]
  [[site.location]]
  match = "/"
  return = "200 one"
`

// systemd is the other end of a NOTIFY_SOCKET.
type systemd struct {
	tb   testing.TB
	conn *net.UnixConn
	path string
}

func listenAsSystemd(t *testing.T) *systemd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &systemd{tb: t, conn: conn, path: path}
}

// next returns the next message that is no sign of life.
func (s *systemd) next() string {
	for {
		if m := s.any(); m != "WATCHDOG=1" {
			return m
		}
	}
}

func (s *systemd) any() string {
	s.tb.Helper()
	_ = s.conn.SetReadDeadline(time.Now().Add(patient))
	buf := make([]byte, 4096)
	n, err := s.conn.Read(buf)
	if err != nil {
		s.tb.Fatal(err)
	}
	return string(buf[:n])
}

func (s *systemd) want(parts ...string) {
	s.tb.Helper()
	m := s.next()
	for _, p := range parts {
		if !strings.Contains(m+"\n", p) {
			s.tb.Errorf("systemd is told %q, without %q", m, p)
		}
	}
}

func TestSystemdIsToldOfEverything(t *testing.T) {
	s, dir := listenAsSystemd(t), t.TempDir()
	config := write(t, dir+"/c.toml", strings.ReplaceAll(plainSettings, "{dir}", dir))
	p := launch(t, []string{"NOTIFY_SOCKET=" + s.path}, "run", "-c", config)
	s.want("READY=1\n", "STATUS=serving 1 site on unix:"+dir+"/http\n")
	if r := mustAsk(t, "unix", dir+"/http", "x", "/"); r.body != "one" {
		t.Errorf("it is ready and answers %q", r.body)
	}

	p.signal(syscall.SIGHUP)
	s.want("RELOADING=1\n", "MONOTONIC_USEC=")
	s.want("READY=1\n", "STATUS=serving 1 site")

	write(t, config, "[[site]]\nrot = 1\n")
	p.signal(syscall.SIGHUP)
	s.want("RELOADING=1\n")
	s.want("READY=1\n", "STATUS=reload refused, the running configuration stays: "+config+":2:1: unknown key")

	p.signal(syscall.SIGTERM)
	s.want("STOPPING=1\n", "STATUS=draining 0 connections\n", "EXTEND_TIMEOUT_USEC=27000000\n")
	if code := p.waitEnd(); code != 0 {
		t.Errorf("code %d", code)
	}
}

func TestSignsOfLifeAreGivenIfTheyAreWanted(t *testing.T) {
	s, dir := listenAsSystemd(t), t.TempDir()
	config := write(t, dir+"/c.toml", strings.ReplaceAll(plainSettings, "{dir}", dir))
	launch(t, []string{"NOTIFY_SOCKET=" + s.path, "WATCHDOG_USEC=400000"}, "run", "-c", config)
	s.want("READY=1")
	for range 3 {
		if m := s.any(); m != "WATCHDOG=1" {
			t.Errorf("systemd is told %q", m)
		}
	}
}

func TestNobodyIsToldWithoutASocket(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	n := newNotifier()
	if n != nil {
		t.Fatal("somebody is told")
	}
	n.reloading() // none of them minds
	n.refused(os.ErrNotExist)
	n.stopping(1, time.Second)
	n.serving(nil, nil)
	n.watch(nil)
	n.close()
	t.Setenv("NOTIFY_SOCKET", "@fcgigw-test-nobody")
	if n = newNotifier(); n == nil || os.Getenv("NOTIFY_SOCKET") != "" {
		t.Fatal("the variable is left to children, or not understood")
	}
	n.reloading() // nobody listens there
	n.close()
}
