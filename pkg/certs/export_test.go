package certs

// Reread looks at the files now.
func (s *Store) Reread() { s.reread() }

// Staple returns the OCSP answers in use, one for each certificate.
func (s *Store) Staples() (list [][]byte) {
	for _, p := range s.current.Load().pairs {
		list = append(list, p.current.Load().OCSPStaple)
	}
	return list
}

// Seen returns how many good certificates are remembered.
func (c *Clients) Seen() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.seen)
}
