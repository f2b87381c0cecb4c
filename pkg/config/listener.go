package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Listener is one [listener."ADDRESS"] table: options of one address to listen
// on, whose name is the address as the sites write it.
type Listener struct {
	Pos           Pos      `toml:"-"`
	ProxyProtocol []string `toml:"proxy_protocol" format:"network" doc:"Sources that must send a PROXY header (version 1 or 2) in front of everything else, as addresses or networks; on a unix socket \"unix\", which is everybody. Others must not send one."`
	Mode          string   `toml:"mode" default:"0660" format:"mode" doc:"Permissions of a unix socket; connecting takes the right to write. It is never open to more, not even while it is made."`
	User          string   `toml:"user" format:"word" doc:"Owner of a unix socket, as name or number; empty is the gateway's user. Another one needs root or CAP_CHOWN."`
	Group         string   `toml:"group" format:"word" doc:"Group of a unix socket, as name or number, which the gateway's user must be a member of; empty is the gateway's group."`
	Backlog       int      `toml:"backlog" default:"0" max:"65535" doc:"Connections the kernel may hold for this address until they are accepted; 0 is what [http] says."`
	ReusePort     bool     `toml:"reuseport" default:"false" doc:"Let a second gateway of the same user, which sets it too, listen on the same address at the same time (SO_REUSEPORT), so that one can take over from the other."`
}

// DefaultListener returns what an empty [listener."ADDRESS"] table means.
func DefaultListener() Listener { return withDefaults[Listener]() }

// ListenerOf returns the options of an address.
func (c *Config) ListenerOf(addr string) Listener {
	if l, ok := c.Listeners[addr]; ok {
		return l
	}
	return DefaultListener()
}

// Kinds of addresses to listen on, by what they begin with. Others are host and
// port.
const (
	unixPrefix    = "unix:"
	systemdPrefix = "systemd:"
)

// checkMode checks the permissions of a file, as chmod takes them.
func checkMode(s string) error {
	octal := strings.TrimPrefix(s, "0")
	if len(octal) == 3 && strings.Trim(octal, "01234567") == "" {
		return nil
	}
	return fmt.Errorf("%q are no permissions such as \"0660\"", s)
}

// checkNetwork checks an address, a network or the word for unix sockets.
func checkNetwork(s string) error {
	if s == "unix" {
		return nil
	}
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		return need(err == nil && a.Zone() == "", "%q is no address such as \"10.0.0.1\", no network such as \"10.0.0.0/8\" and not \"unix\"", s)
	}
	n, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no network such as \"10.0.0.0/8\"", s)
	case n.Addr().Is4In6():
		return fmt.Errorf("%q: write the IPv4 network itself", s)
	case n.Masked() != n:
		return fmt.Errorf("%q: bits behind the first %d are set; write %q", s, n.Bits(), n.Masked().String())
	}
	return nil
}

// checkInherited checks the name of a socket that systemd opened.
func checkInherited(s, name string) error {
	return need(name != "" && !strings.ContainsAny(name, ":/ \t"), "%q: behind \"systemd:\" comes the socket's FileDescriptorName", s)
}

// listeners checks the options of addresses.
func (k *checker) listeners() {
	var all []string
	for i := range k.c.Sites {
		all = append(all, k.c.Sites[i].Addresses()...)
	}
	for _, addr := range slices.Sorted(maps.Keys(k.c.Listeners)) {
		l := k.c.Listeners[addr]
		path := l.Pos.Path
		if !slices.Contains(all, addr) {
			k.fail(path, "[listener.%s]: no site listens on %q%s", quoteKey(addr), addr, meant(addr, all))
			continue
		}
		k.repeated(join(path, "proxy_protocol"), l.ProxyProtocol)
		k.sources(addr, &l)
		if n, err := strconv.ParseUint(l.Mode, 8, 32); err == nil && n&0o200 == 0 {
			k.warn(join(path, "mode"), "mode: %q keeps the socket's own user from connecting, which takes the right to write", l.Mode)
		}
		for _, key := range uselessKeys(addr) {
			if k.has(path, key) {
				k.fail(join(path, key), "%s: %q %s", key, addr, whyUseless(addr, key))
			}
		}
	}
}

// meant suggests the address that may have been meant.
func meant(addr string, all []string) string {
	if near := nearest(addr, all); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return "; they listen on " + strings.Join(slices.Compact(slices.Sorted(slices.Values(all))), ", ")
}

// sources checks that the sources of PROXY headers can be told at the address.
func (k *checker) sources(addr string, l *Listener) {
	if strings.HasPrefix(addr, systemdPrefix) {
		return // whatever systemd made of it
	}
	for i, s := range l.ProxyProtocol {
		at := element(join(l.Pos.Path, "proxy_protocol"), i)
		switch {
		case strings.HasPrefix(addr, unixPrefix) && s != "unix":
			k.fail(at, "proxy_protocol: the peers of a unix socket have no address; write [\"unix\"]")
		case !strings.HasPrefix(addr, unixPrefix) && s == "unix":
			k.fail(at, "proxy_protocol: \"unix\" is for unix sockets; name the addresses of the proxies")
		}
	}
}

// uselessKeys returns the options that mean nothing for an address.
func uselessKeys(addr string) []string {
	switch {
	case strings.HasPrefix(addr, systemdPrefix):
		return []string{"mode", "user", "group", "reuseport"}
	case strings.HasPrefix(addr, unixPrefix+"@"):
		return []string{"mode", "user", "group", "reuseport"}
	case strings.HasPrefix(addr, unixPrefix):
		return []string{"reuseport"}
	}
	return []string{"mode", "user", "group"}
}

func whyUseless(addr, key string) string {
	switch {
	case strings.HasPrefix(addr, systemdPrefix):
		return "is opened by systemd; say it in its .socket unit"
	case key == "reuseport":
		return "is a unix socket, which cannot be shared"
	case strings.HasPrefix(addr, unixPrefix):
		return "is a name without a file"
	}
	return "is no unix socket"
}

// dropped reports whether a request header of this name goes no further.
func dropped(name string, allowed []string) bool {
	return strings.ContainsAny(name, "_.") && !slices.ContainsFunc(allowed, func(s string) bool { return strings.EqualFold(s, name) })
}

// proxies checks whom [http] believes.
func (k *checker) proxies() {
	h := &k.c.HTTP
	k.repeated("http.trusted_proxies", h.TrustedProxies)
	if dropped(h.ClientIPHeader, h.UnderscoreHeaders) {
		k.fail("http.client_ip_header", "client_ip_header: headers with \"_\" or \".\" in the name are dropped, so nobody would be told of the client; write %q if the proxy can, or list the name in underscore_headers", strings.NewReplacer("_", "-", ".", "-").Replace(h.ClientIPHeader))
	}
	for i, s := range h.TrustedProxies {
		if n, err := netip.ParsePrefix(s); err == nil && n.Bits() == 0 {
			k.warn(element("http.trusted_proxies", i), "trusted_proxies: %q is everybody, so every client may choose its address", s)
		}
	}
	if len(h.TrustedProxies) > 0 {
		return
	}
	for _, key := range []string{"client_ip_header", "forwarded_host"} {
		if k.has("http", key) {
			k.warn(join("http", key), "%s: nobody is believed without trusted_proxies", key)
		}
	}
}
