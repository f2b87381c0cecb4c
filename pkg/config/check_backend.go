package config

import (
	"maps"
	"slices"
	"strings"
)

// backends checks every backend and warns of those that nothing uses.
func (k *checker) backends() {
	used := map[string]bool{}
	for i := range k.c.Sites {
		used[k.c.Sites[i].Authorizer] = true
		for j := range k.c.Sites[i].Locations {
			l := &k.c.Sites[i].Locations[j]
			used[l.Backend], used[l.Authorizer] = true, true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(k.c.Backends)) {
		b := k.c.Backends[name]
		if !used[name] {
			k.warn(b.Pos.Path, "no location uses [backend.%s]", quoteKey(name))
		}
		k.backend(name, &b)
	}
	k.shared()
}

// shared warns of a server in two backends. Each would keep connections up to
// the number of workers, and one could hold all that the other waits for.
func (k *checker) shared() {
	first := map[string]string{} // by address, the backend
	for _, name := range slices.Sorted(maps.Keys(k.c.Backends)) {
		b := k.c.Backends[name]
		for i, addr := range b.Servers {
			other, ok := first[addr]
			if !ok {
				first[addr] = name
				continue
			}
			o := k.c.Backends[other]
			if other != name && b.starves(&o) {
				k.warn(element(join(b.Pos.Path, "servers"), i), "servers: [backend.%s] has %q too; both keep connections and can starve each other of workers: let all locations share one backend",
					quoteKey(other), addr)
			}
		}
	}
}

// starves reports whether the kept connections of b or o may be all that the
// workers of both can serve.
func (b *Backend) starves(o *Backend) bool {
	return b.Protocol != "http" && o.Protocol != "http" && (b.keeps() || o.keeps())
}

// keeps reports whether connections are kept between requests.
func (b *Backend) keeps() bool {
	return b.KeepConn == "on" || b.KeepConn == "auto" && (b.sized() || b.Protocol == "http")
}

// sized reports whether the number of workers is known.
func (b *Backend) sized() bool {
	return b.MaxConns > 0 || b.PHPFPMConfig != "" || b.Workers != nil
}

// backend checks one backend.
func (k *checker) backend(name string, b *Backend) {
	path := b.Pos.Path
	switch {
	case b.Workers == nil && len(b.Servers) == 0:
		k.fail(path, "[backend.%s] lacks \"servers\", or a table [backend.%s.workers] to run php-fpm", quoteKey(name), quoteKey(name))
	case b.Workers != nil && len(b.Servers) > 0:
		k.fail(join(path, "servers"), "servers: [backend.%s.workers] runs the servers; name some or run some, not both", quoteKey(name))
	}
	if b.Workers != nil && b.PHPFPMConfig != "" {
		k.fail(join(path, "php_fpm_config"), "php_fpm_config: [backend.%s.workers] runs php-fpm without this file; drop one of them", quoteKey(name))
	}
	k.repeated(join(path, "servers"), b.Servers)
	k.retry(path, b)
	k.slots(path, b)
	k.idle(path, b)
	if b.KeepConn == "on" && !b.sized() && b.Protocol != "http" {
		k.warn(join(path, "keep_conn"), "keep_conn: idle connections hold workers; set \"max_conns\" to their number so that none waits for one")
	}
}

// maxSlots bounds the requests that a server's connections carry at once; there
// is some memory for each.
const maxSlots = 1 << 20

// slots bounds max_conns and streams together.
func (k *checker) slots(path string, b *Backend) {
	streams := max(b.Streams, 1)
	if b.Multiplex == "off" {
		streams = 1
	}
	switch {
	case b.MaxConns > maxSlots:
		k.fail(join(path, "max_conns"), "max_conns: %d connections are more than %d", b.MaxConns, maxSlots)
	case b.MaxConns > 0 && b.MaxConns > maxSlots/streams:
		k.fail(join(path, "streams"), "streams: %d on each of %d connections are more than %d requests at once; lower it, or set multiplex = \"off\"", b.Streams, b.MaxConns, maxSlots)
	}
}

// idle looks at the keys about connections that no request uses.
func (k *checker) idle(path string, b *Backend) {
	if b.MaxConns > 0 && b.MinIdle > b.MaxConns {
		k.fail(join(path, "min_idle"), "min_idle: %d is more than max_conns, which is %d", b.MinIdle, b.MaxConns)
	}
	if b.keeps() || b.KeepConn == "auto" && b.Multiplex != "off" { // a server that multiplexes keeps its connections
		return
	}
	for _, key := range []struct {
		name string
		n    int
	}{{"min_idle", b.MinIdle}, {"warm_up", b.WarmUp}} {
		if key.n > 0 {
			k.warn(join(path, key.name), "%s: no connection is kept; set \"max_conns\" or \"php_fpm_config\", and leave \"keep_conn\" at \"auto\"", key.name)
		}
	}
}

// retry checks the failures after which requests are repeated.
func (k *checker) retry(path string, b *Backend) {
	at := join(path, "retry")
	k.repeated(at, b.Retry)
	seen := func(name string) bool { // a script may have seen the request
		return !slices.Contains([]string{"refused", "closed", "overloaded", "non_idempotent"}, name)
	}
	if slices.Contains(b.Retry, "non_idempotent") && !slices.ContainsFunc(b.Retry, seen) {
		k.warn(at, "retry: \"non_idempotent\" does nothing here; name the failures after which every request may run twice, such as \"error\"")
	}
	if len(b.Servers) > 1 || b.Workers == nil && len(b.Servers) == 0 {
		return
	}
	for i, name := range b.Retry {
		if strings.HasPrefix(name, "http_") {
			k.warn(element(at, i), "retry: %q asks another server, and the backend has one", name)
		}
	}
}
