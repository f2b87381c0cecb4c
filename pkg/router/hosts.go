package router

import (
	"bytes"
	"errors"
)

// HostEntry is one host name to route to; a site has one for each of its names.
type HostEntry[T any] struct {
	Host  HostPattern
	Value T
	Pos   string // where it is written, for messages
}

// Hosts finds the site of a host name. It is immutable.
type Hosts[T any] struct {
	entries  []HostEntry[T]
	exact    map[string]int32
	suffix   map[string]int32 // by the name behind "*."
	prefix   map[string]int32 // by the name before ".*"
	regexes  []int32
	fallback int32
}

// NewHosts builds the hosts of one listener. Patterns that mean the same are
// all reported: the error joins one *ConflictError for each.
func NewHosts[T any](entries []HostEntry[T]) (*Hosts[T], error) {
	h := &Hosts[T]{
		entries: entries, fallback: none,
		exact: make(map[string]int32), suffix: make(map[string]int32), prefix: make(map[string]int32),
	}
	var errs []error
	for i := range entries {
		if other := h.add(int32(i)); other != none {
			errs = append(errs, h.conflict(other, int32(i)))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return h, nil
}

// add files entry i and returns the entry that already has its place, or none.
func (h *Hosts[T]) add(i int32) int32 {
	p := h.entries[i].Host
	switch p.kind {
	case HostExact:
		return claim(h.exact, p.text, i)
	case HostSuffix:
		other := claim(h.suffix, p.text, i)
		if p.dot && other == none {
			other = claim(h.exact, p.text, i)
		}
		return other
	case HostPrefix:
		return claim(h.prefix, p.text, i)
	case HostRegex:
		return h.addRegex(i)
	}
	if h.fallback != none {
		return h.fallback
	}
	h.fallback = i
	return none
}

func (h *Hosts[T]) addRegex(i int32) int32 {
	for _, j := range h.regexes {
		if h.entries[j].Host.text == h.entries[i].Host.text {
			return j
		}
	}
	h.regexes = append(h.regexes, i)
	return none
}

func claim(m map[string]int32, name string, i int32) int32 {
	if other, taken := m[name]; taken {
		return other
	}
	m[name] = i
	return none
}

func (h *Hosts[T]) conflict(first, second int32) *ConflictError {
	a, b := h.entries[first], h.entries[second]
	// The narrower of the two is what both match: name of ".name" and name.
	example := b.Host.Example()
	if a.Host.kind == HostExact {
		example = a.Host.Example()
	}
	return &ConflictError{
		First: a.Host.String(), FirstPos: a.Pos,
		Second: b.Host.String(), SecondPos: b.Pos, Example: example,
	}
}

// Match returns the site of host, which is in lower case and without a port,
// its index in the entries given to NewHosts, and whether there is one. An
// empty host matches the default only. It allocates nothing, unless a regular
// expression makes package regexp do so.
func (h *Hosts[T]) Match(host []byte) (value T, index int, ok bool) {
	i := h.match(host)
	if i == none {
		return value, -1, false
	}
	return h.entries[i].Value, int(i), true
}

func (h *Hosts[T]) match(host []byte) int32 {
	if len(host) == 0 {
		return h.fallback
	}
	if i, ok := h.exact[string(host)]; ok {
		return i
	}
	if i := h.matchSuffix(host); i != none {
		return i
	}
	if i := h.matchPrefix(host); i != none {
		return i
	}
	for _, i := range h.regexes {
		if p := &h.entries[i].Host; matchRegex(p.re, p.fast, host) {
			return i
		}
	}
	return h.fallback
}

// matchSuffix tries what is behind each dot, the longest first.
func (h *Hosts[T]) matchSuffix(host []byte) int32 {
	if len(h.suffix) == 0 {
		return none
	}
	for at := 0; ; {
		dot := bytes.IndexByte(host[at:], '.')
		if dot < 0 {
			return none
		}
		at += dot + 1
		if i, ok := h.suffix[string(host[at:])]; ok && at > 1 {
			return i
		}
	}
}

// matchPrefix tries what is before each dot, the longest first.
func (h *Hosts[T]) matchPrefix(host []byte) int32 {
	if len(h.prefix) == 0 {
		return none
	}
	for rest := host; ; {
		dot := bytes.LastIndexByte(rest, '.')
		if dot < 0 {
			return none
		}
		rest = rest[:dot]
		if i, ok := h.prefix[string(rest)]; ok && dot+1 < len(host) {
			return i
		}
	}
}

// Captures sets c to the groups of entry index for host, which Match has found
// to match. host must stay unchanged while c is used.
func (h *Hosts[T]) Captures(index int, host []byte, c *Captures) {
	c.Reset()
	if index >= 0 && index < len(h.entries) {
		c.set(h.entries[index].Host.re, host)
	}
}
