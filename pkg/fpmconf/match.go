package fpmconf

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"
)

// isPath tells a unix socket from "host:port" and from a port alone, as
// php-fpm does.
func isPath(listen string) bool {
	return !strings.Contains(listen, ":") && strings.Trim(listen, "0123456789") != ""
}

// sameAddress reports whether who connects to server reaches a pool with that
// value of listen.
func sameAddress(listen, server string) bool {
	if socket, ok := strings.CutPrefix(server, "unix:"); ok {
		return isPath(listen) && samePath(listen, socket)
	}
	if isPath(listen) {
		return false
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return false
	}
	lhost, lport := "", listen
	if strings.Contains(listen, ":") {
		if lhost, lport, err = net.SplitHostPort(listen); err != nil {
			return false
		}
	}
	return port == lport && (anyHost(lhost) || sameHost(host, lhost))
}

// samePath compares sockets by name: they need not exist, but their directories
// may have several names, as /run and /var/run do.
func samePath(a, b string) bool {
	return filepath.Base(a) == filepath.Base(b) && resolved(filepath.Dir(a)) == resolved(filepath.Dir(b))
}

func resolved(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return filepath.Clean(dir)
}

func anyHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || host == "*" || err == nil && addr.IsUnspecified()
}

func sameHost(a, b string) bool {
	return strings.EqualFold(a, b) || loopback(a) && loopback(b)
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}
