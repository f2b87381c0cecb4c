package config

import (
	"maps"
	"slices"
)

// backends checks every backend and warns of those that nothing uses.
func (k *checker) backends() {
	used := map[string]bool{}
	for i := range k.c.Sites {
		for j := range k.c.Sites[i].Locations {
			used[k.c.Sites[i].Locations[j].Backend] = true
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
			if other != name && (b.keeps() || o.keeps()) {
				k.warn(element(join(b.Pos.Path, "servers"), i), "servers: [backend.%s] has %q too; both keep connections and can starve each other of workers: let all locations share one backend",
					quoteKey(other), addr)
			}
		}
	}
}

// keeps reports whether connections are kept between requests.
func (b *Backend) keeps() bool {
	return b.KeepConn == "on" || b.KeepConn == "auto" && b.MaxConns > 0
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
	k.repeated(join(path, "servers"), b.Servers)
	if b.KeepConn == "on" && b.MaxConns == 0 && b.Workers == nil {
		k.warn(join(path, "keep_conn"), "keep_conn: idle connections hold workers; set \"max_conns\" to their number so that none waits for one")
	}
}
