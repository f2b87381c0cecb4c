package config

// roles checks what asks a backend to be anything else than a responder.
func (k *checker) roles() {
	for i := range k.c.Sites {
		s := &k.c.Sites[i]
		k.authorizer(s.Pos.Path, s.Authorizer)
		for j := range s.Locations {
			l := &s.Locations[j]
			k.authorizer(l.Pos.Path, l.Authorizer)
			if k.has(l.Pos.Path, "authorizer_params") && l.Authorizer == "" {
				k.fail(join(l.Pos.Path, "authorizer_params"), "authorizer_params: the location has no \"authorizer\" to send them to")
			}
			k.filter(s, l)
		}
	}
}

// authorizer checks the backend that a table names itself.
func (k *checker) authorizer(table, name string) {
	if !k.has(table, "authorizer") || name == "" || k.broken("backend") && len(k.c.Backends) == 0 {
		return
	}
	if _, ok := k.c.Backends[name]; !ok {
		k.fail(join(table, "authorizer"), "authorizer: there is no [backend.%s]%s", quoteKey(name), didYouMean(name, k.c.Backends))
	}
}

// filter checks that a filter has a program and files. Most backends without a
// root are mistakes whatever their role, and reported as such.
func (k *checker) filter(s *Site, l *Location) {
	if l.Role != "filter" {
		return
	}
	path := l.Pos.Path
	rooted := k.has(path, "root") || k.has(path, "alias") || k.has(s.Pos.Path, "root")
	b, ok := k.c.Backends[l.Backend]
	switch {
	case l.Backend == "":
		k.fail(join(path, "role"), "role: a filter needs a \"backend\" that works on the files")
	case !rooted && ok && b.RemoteRoot != "" && !b.CheckFiles:
		k.fail(join(path, "role"), "role: a filter gets files; set \"root\" or \"alias\" to where they are")
	}
}
