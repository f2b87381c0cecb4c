package config

import (
	"fmt"
	"slices"
	"strings"
)

// checker looks at a decoded Config as a whole.
type checker struct {
	c        *Config
	set      map[string]bool
	decode   Errors // mistakes already found
	errs     Errors
	warnings Errors
}

// crossChecks are run in this order; each looks at more than one key.
func crossChecks() []func(*checker) {
	return []func(*checker){
		(*checker).sites,
		(*checker).hosts,
		(*checker).locations,
		(*checker).roles,
		(*checker).params,
		(*checker).backends,
		(*checker).http,
		(*checker).tls,
		(*checker).listeners,
		(*checker).overlaps,
		(*checker).proxies,
		(*checker).compression,
	}
}

// check runs the cross checks and returns all mistakes, those of the decoder
// included, and the warnings, both in file order.
func check(c *Config, d *decoder) (errs, warnings Errors) {
	k := &checker{c: c, set: d.set, decode: d.errs}
	for _, f := range crossChecks() {
		f(k)
	}
	errs = append(d.errs, k.errs...)
	errs.sort()
	k.warnings.sort()
	return errs, k.warnings
}

// fail notes a mistake, unless something within path is already known to be
// wrong: then this one is likely to follow from it.
func (k *checker) fail(path, format string, args ...any) {
	if !k.broken(path) {
		k.errs = append(k.errs, NewError(k.c.At(path), fmt.Sprintf(format, args...)))
	}
}

// warn notes a remark.
func (k *checker) warn(path, format string, args ...any) {
	k.warnings = append(k.warnings, NewError(k.c.At(path), fmt.Sprintf(format, args...)))
}

// has reports whether the file writes a key, right or wrong.
func (k *checker) has(path, key string) bool {
	return k.set[join(path, key)]
}

// broken reports whether the decoder found a mistake at path or within it.
func (k *checker) broken(path string) bool {
	for _, e := range k.decode {
		rest, ok := strings.CutPrefix(e.Path, path)
		if ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}

// sites warns of a file that serves nothing.
func (k *checker) sites() {
	if len(k.c.Sites) == 0 {
		k.warn("", "there is no [[site]], so nothing is served")
	}
	for i := range k.c.Sites {
		s := &k.c.Sites[i]
		if len(s.Listen) == 0 && s.TLS == nil {
			k.fail(join(s.Pos.Path, "listen"), "listen: the site listens nowhere")
		}
		if len(s.Locations) == 0 && !k.has(s.Pos.Path, "root") {
			k.fail(s.Pos.Path, "the site serves nothing: it has neither \"root\" nor a [[site.location]]")
		}
	}
}

// hosts reports sites that answer the same host on the same address.
func (k *checker) hosts() {
	type claim struct{ listen, host string }
	type owner struct {
		site int
		path string
	}
	first := map[claim]owner{}
	for i := range k.c.Sites {
		s := &k.c.Sites[i]
		k.repeated(join(s.Pos.Path, "listen"), s.Listen)
		k.repeated(join(s.Pos.Path, "hosts"), s.Hosts)
		for path, host := range k.claims(s) {
			clashed := false
			for _, listen := range s.Addresses() {
				c := claim{listen, host}
				prior, ok := first[c]
				switch {
				case !ok:
					first[c] = owner{site: i, path: path}
				case prior.site != i && !clashed:
					k.fail(path, "%s", clash(listen, host, k.c.At(prior.path)))
					clashed = true
				}
			}
		}
	}
}

// repeated reports strings that a list holds twice.
func (k *checker) repeated(path string, list []string) {
	for i, s := range list {
		if slices.Index(list, s) < i {
			k.fail(element(path, i), "%s: %q is in the list twice", path[strings.LastIndexByte(path, '.')+1:], s)
		}
	}
}

// claims yields the hosts a site answers with the path of each; "" is every
// host that no site names.
func (k *checker) claims(s *Site) func(func(path, host string) bool) {
	return func(yield func(path, host string) bool) {
		hosts := join(s.Pos.Path, "hosts")
		for i, h := range s.Hosts {
			if !yield(element(hosts, i), h) {
				return
			}
		}
		if s.Default {
			yield(join(s.Pos.Path, "default"), "")
		} else if len(s.Hosts) == 0 && !k.broken(hosts) {
			yield(s.Pos.Path, "")
		}
	}
}

// clash says that host on listen was claimed before.
func clash(listen, host string, prior Pos) string {
	if host == "" {
		return fmt.Sprintf("two sites answer every other host on %q, the first at %s; give one of them \"hosts\" or drop \"default\"", listen, prior)
	}
	return fmt.Sprintf("the host %q on %q is already answered by the site at %s", host, listen, prior)
}
