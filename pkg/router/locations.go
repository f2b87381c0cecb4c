package router

import "errors"

// Entry is one location to route to.
type Entry[T any] struct {
	Pattern Pattern
	Value   T
	Pos     string // where it is written, for messages
}

// Locations finds the location of a path. It is immutable.
type Locations[T any] struct {
	entries []Entry[T]
	trie    trie
	regexes []int32 // in the order of writing
	named   map[string]int32
}

// New builds the locations of one site. Patterns that mean the same are all
// reported: the error joins one *ConflictError for each.
func New[T any](entries []Entry[T]) (*Locations[T], error) {
	l := &Locations[T]{entries: entries, named: make(map[string]int32)}
	keys := make(map[string]*key)
	seen := make(map[string]int)
	var errs []error
	for i, e := range entries {
		id := e.Pattern.identity()
		if first, dup := seen[id]; dup {
			errs = append(errs, newConflict(entries[first], e))
			continue
		}
		seen[id] = i
		l.add(keys, int32(i))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	list := make([]key, 0, len(keys))
	for _, k := range keys {
		list = append(list, *k)
	}
	l.trie = newTrie(list)
	return l, nil
}

// add files entry i under the kind of its pattern.
func (l *Locations[T]) add(keys map[string]*key, i int32) {
	p := l.entries[i].Pattern
	switch p.kind {
	case Regex, RegexFold:
		l.regexes = append(l.regexes, i)
		return
	case Named:
		l.named[p.text] = i
		return
	}
	k := keys[p.text]
	if k == nil {
		k = &key{text: p.text, prefix: none, exact: none}
		keys[p.text] = k
	}
	if p.kind == Exact {
		k.exact = i
	} else {
		k.prefix = i
	}
}

// Match returns the location of path, its index in the entries given to New,
// and whether there is one. It allocates nothing, unless a regular expression
// outside the fast forms makes package regexp do so.
func (l *Locations[T]) Match(path []byte) (value T, index int, ok bool) {
	i := l.match(path)
	if i == none {
		return value, -1, false
	}
	return l.entries[i].Value, int(i), true
}

func (l *Locations[T]) match(path []byte) int32 {
	exact, prefix := l.trie.find(path)
	if exact != none {
		return exact
	}
	if prefix != none && l.entries[prefix].Pattern.kind == PrefixFinal {
		return prefix
	}
	for _, i := range l.regexes {
		if l.entries[i].Pattern.matchRegex(path) {
			return i
		}
	}
	return prefix
}

// Named returns the location "@name"; name comes with or without the "@".
func (l *Locations[T]) Named(name string) (value T, index int, ok bool) {
	if len(name) > 0 && name[0] == '@' {
		name = name[1:]
	}
	i, ok := l.named[name]
	if !ok {
		return value, -1, false
	}
	return l.entries[i].Value, int(i), true
}

// Captures sets c to the groups of location index for path, which Match has
// found to match. A location without a regular expression gives an empty c.
// path must stay unchanged while c is used.
func (l *Locations[T]) Captures(index int, path []byte, c *Captures) {
	c.Reset()
	if index >= 0 && index < len(l.entries) {
		c.set(l.entries[index].Pattern.re, path)
	}
}

// Len returns the number of locations.
func (l *Locations[T]) Len() int { return len(l.entries) }
