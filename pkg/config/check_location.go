package config

import (
	"slices"
	"strings"
)

// locations checks every location of every site.
func (k *checker) locations() {
	for i := range k.c.Sites {
		s := &k.c.Sites[i]
		first := map[string]Pos{}
		for j := range s.Locations {
			l := &s.Locations[j]
			k.duplicate(l, first)
			k.action(s, l)
			k.alias(l)
			k.tryFiles(s, l)
			k.ignoreAbort(l)
		}
	}
}

// duplicate reports a pattern that the site has already.
func (k *checker) duplicate(l *Location, first map[string]Pos) {
	m, err := parseMatch(l.Match)
	if err != nil {
		return
	}
	path := join(l.Pos.Path, "match")
	if prior, ok := first[m.key()]; ok {
		k.fail(path, "match: %#q is already answered by the location at %s", l.Match, prior)
		return
	}
	first[m.key()] = k.c.At(path)
}

// action checks that the location does exactly one thing and has what it
// needs.
func (k *checker) action(s *Site, l *Location) {
	path := l.Pos.Path
	rooted := k.has(path, "root") || k.has(path, "alias") || k.has(s.Pos.Path, "root")
	switch {
	case l.Return != "" && l.Backend != "":
		k.fail(join(path, "return"), "return: the location has a backend too; it can do only one")
	case l.Return != "":
	case l.Backend != "":
		k.backendOf(l, rooted)
	case !rooted:
		k.fail(path, "the location does nothing: give it \"backend\", \"return\", or \"root\" or \"alias\" for files")
	}
	if len(l.TryFiles) > 0 && !rooted {
		k.fail(join(path, "try_files"), "try_files: there is no \"root\" to look for files")
	}
}

// backendOf checks the backend that a location names. A worker cannot find a
// script without a root.
func (k *checker) backendOf(l *Location, rooted bool) {
	path := join(l.Pos.Path, "backend")
	b, ok := k.c.Backends[l.Backend]
	switch {
	case !ok:
		if k.broken("backend") && len(k.c.Backends) == 0 {
			return
		}
		k.fail(path, "backend: there is no [backend.%s]%s", quoteKey(l.Backend), didYouMean(l.Backend, k.c.Backends))
	case rooted || k.broken(b.Pos.Path) || b.Protocol == "http": // which has no scripts of ours
	case b.RemoteRoot == "":
		k.fail(path, "backend: no script can be found without a root; set \"root\" here or in the site, or \"remote_root\" in [backend.%s]", quoteKey(l.Backend))
	case b.CheckFiles:
		k.fail(path, "backend: scripts cannot be looked for without a \"root\"; set one, or check_files = false in [backend.%s]", quoteKey(l.Backend))
	}
}

// quoteKey writes a key as TOML would.
func quoteKey(key string) string {
	return join("", key)
}

// didYouMean proposes the nearest backend.
func didYouMean(name string, backends map[string]Backend) string {
	var names []string
	for n := range backends {
		names = append(names, n)
	}
	slices.Sort(names)
	if near := nearest(name, names); near != "" {
		return "; did you mean \"" + near + "\"?"
	}
	return ""
}

// alias checks that an alias fits its pattern. With a slash on one side only,
// "/i" and "/img/" would make "/i../x" leave the directory.
func (k *checker) alias(l *Location) {
	if l.Alias == "" {
		return
	}
	path := join(l.Pos.Path, "alias")
	if k.has(l.Pos.Path, "root") {
		k.fail(path, "alias: the location has \"root\" too; it can have only one")
	}
	m, err := parseMatch(l.Match)
	switch {
	case err != nil:
	case !m.isPath():
		k.fail(path, "alias: it replaces a matched prefix, and %#q matches none", l.Match)
	case strings.HasSuffix(m.text, "/") != strings.HasSuffix(l.Alias, "/"):
		k.fail(path, "alias: %q and the pattern %#q must both end in \"/\", or neither", l.Alias, l.Match)
	}
}

// ignoreAbort warns of requests that nothing ends.
func (k *checker) ignoreAbort(l *Location) {
	b, ok := k.c.Backends[l.Backend]
	if l.IgnoreClientAbort && ok && b.RequestTimeout == 0 {
		k.warn(join(l.Pos.Path, "ignore_client_abort"), "ignore_client_abort: set \"request_timeout\" in [backend.%s], or a script that goes on writing holds its worker for ever", quoteKey(l.Backend))
	}
}

// tryFiles checks the fallback of try_files.
func (k *checker) tryFiles(s *Site, l *Location) {
	for i, t := range l.TryFiles {
		path := element(join(l.Pos.Path, "try_files"), i)
		last := i == len(l.TryFiles)-1
		switch {
		case t == "" || t[0] != '@' && t[0] != '=':
		case !last:
			k.fail(path, "try_files: %q can only come last", t)
		case t[0] == '@' && !hasNamed(s, t):
			k.fail(path, "try_files: the site has no location %q", t)
		}
	}
}

// hasNamed reports whether s has the named location.
func hasNamed(s *Site, name string) bool {
	return slices.ContainsFunc(s.Locations, func(l Location) bool { return l.Match == name })
}
