package config

import (
	"maps"
	"slices"
	"strings"
)

// http checks what backends that speak HTTP have no use for, and what only they
// have.
func (k *checker) http() {
	for name, b := range k.c.Backends {
		if b.Protocol == "http" {
			k.httpBackend(&b)
		} else {
			k.noTunnels(name, &b)
		}
	}
	for i := range k.c.Sites {
		s := &k.c.Sites[i]
		k.httpAuthorizer(s.Pos.Path, s.Authorizer)
		for j := range s.Locations {
			l := &s.Locations[j]
			k.httpAuthorizer(l.Pos.Path, l.Authorizer)
			k.httpLocation(l)
		}
	}
}

// httpBackend refuses the keys that are about FastCGI.
func (k *checker) httpBackend(b *Backend) {
	path := b.Pos.Path
	if b.Workers != nil {
		k.fail(join(path, "workers"), "workers: this table runs php-fpm, which does not speak HTTP")
	}
	for _, key := range []string{"php_fpm_config", "remote_root", "check_files"} {
		if k.has(path, key) {
			k.fail(join(path, key), "%s: it is about scripts, and a server that speaks HTTP finds its own", key)
		}
	}
	if b.Multiplex == "on" {
		k.fail(join(path, "multiplex"), "multiplex: HTTP/1.1 carries one request at a time on a connection")
	}
}

// noTunnels warns of keys that do nothing.
func (k *checker) noTunnels(name string, b *Backend) {
	for _, key := range []string{"max_tunnels", "tunnel_timeout"} {
		if k.has(b.Pos.Path, key) {
			k.warn(join(b.Pos.Path, key), "%s: FastCGI has no connections that leave HTTP; set protocol = \"http\" in [backend.%s] if its servers speak that", key, quoteKey(name))
		}
	}
}

func (k *checker) httpAuthorizer(table, name string) {
	if b, ok := k.c.Backends[name]; ok && b.Protocol == "http" && k.has(table, "authorizer") {
		k.fail(join(table, "authorizer"), "authorizer: [backend.%s] speaks HTTP, and only FastCGI has authorizers", quoteKey(name))
	}
}

// httpLocation checks the keys of a location that depend on its protocol.
func (k *checker) httpLocation(l *Location) {
	path := l.Pos.Path
	b, ok := k.c.Backends[l.Backend]
	if l.Backend != "" && !ok {
		return // reported with the backend
	}
	own := []string{"upgrade", "strip_prefix", "request_headers"}
	if b.Protocol != "http" {
		for _, key := range own {
			if k.has(path, key) {
				k.fail(join(path, key), "%s: only backends with protocol = \"http\" have it", key)
			}
		}
		return
	}
	if l.Role == "filter" {
		k.fail(join(path, "role"), "role: only FastCGI has filters, and [backend.%s] speaks HTTP", quoteKey(l.Backend))
	}
	for _, key := range []string{"scripts", "split_path", "params"} {
		if k.has(path, key) {
			k.fail(join(path, key), "%s: it is about scripts, and [backend.%s] speaks HTTP: the server gets every path of the location", key, quoteKey(l.Backend))
		}
	}
	k.upgrades(l)
	k.requestHeaders(l)
	if strings.HasSuffix(l.StripPrefix, "/") {
		k.fail(join(path, "strip_prefix"), "strip_prefix: %q must not end in \"/\", which the server's path begins with", l.StripPrefix)
	}
}

// requestHeaders refuses headers that say where a request ends or what becomes of
// its connection: a value of them that is not the truth makes two requests of one.
func (k *checker) requestHeaders(l *Location) {
	table := join(l.Pos.Path, "request_headers")
	for _, name := range slices.Sorted(maps.Keys(l.RequestHeaders)) {
		at := join(table, quoteKey(name))
		switch strings.ToLower(name) {
		case "content-length", "transfer-encoding", "connection", "expect", "te", "trailer", "keep-alive",
			"proxy-connection", "http2-settings":
			k.fail(at, "request_headers.%s: the gateway writes it, since it is about the connection or the length of the body", quoteKey(name))
		case "upgrade":
			k.fail(at, "request_headers.%s: the gateway writes it; \"upgrade\" in the location lists the protocols that clients may switch to", quoteKey(name))
		case "host":
			if l.RequestHeaders[name] == "" {
				k.fail(at, "request_headers.%s: no request can be without it", quoteKey(name))
			}
		}
	}
}

// upgrades refuses protocols that are HTTP again.
func (k *checker) upgrades(l *Location) {
	for i, name := range l.Upgrade {
		switch low := strings.ToLower(name); {
		case low == "h2c", low == "h2", strings.HasPrefix(low, "http"), strings.HasPrefix(low, "tls"):
			k.fail(element(join(l.Pos.Path, "upgrade"), i), "upgrade: behind %q come requests that nobody checks", name)
		}
	}
}
