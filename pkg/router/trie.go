package router

import (
	"slices"
	"strings"
)

// none is the entry of a node that ends no pattern.
const none = int32(-1)

// trie is a radix tree over the exact and prefix patterns. The children of a
// node lie side by side, found by the first bytes of their labels.
type trie struct {
	nodes []node
}

type node struct {
	label         string
	heads         string // first byte of each child's label, ascending
	first         int32  // the first child
	prefix, exact int32  // entries that end here, or none
}

// key is one distinct pattern text with the entries that have it.
type key struct {
	text          string
	prefix, exact int32
}

// span is a node whose children are still to be made: those of the keys from
// lo to hi, which share their first depth bytes.
type span struct {
	node, lo, hi, depth int
}

func newTrie(keys []key) trie {
	slices.SortFunc(keys, func(a, b key) int { return strings.Compare(a.text, b.text) })
	t := trie{nodes: []node{{prefix: none, exact: none}}}
	for queue := []span{{0, 0, len(keys), 0}}; len(queue) > 0; queue = queue[1:] {
		queue = append(queue, t.grow(keys, queue[0])...)
	}
	return t
}

// grow gives the node of s its entries and children, and returns the children
// as further work.
func (t *trie) grow(keys []key, s span) []span {
	if s.lo < s.hi && len(keys[s.lo].text) == s.depth {
		t.nodes[s.node].prefix, t.nodes[s.node].exact = keys[s.lo].prefix, keys[s.lo].exact
		s.lo++
	}
	t.nodes[s.node].first = int32(len(t.nodes))
	var heads []byte
	var work []span
	for s.lo < s.hi {
		head := keys[s.lo].text[s.depth]
		end := s.lo + 1
		for end < s.hi && keys[end].text[s.depth] == head {
			end++
		}
		label := shared(keys[s.lo].text[s.depth:], keys[end-1].text[s.depth:])
		heads = append(heads, head)
		work = append(work, span{len(t.nodes), s.lo, end, s.depth + len(label)})
		t.nodes = append(t.nodes, node{label: label, prefix: none, exact: none})
		s.lo = end
	}
	t.nodes[s.node].heads = string(heads)
	return work
}

// shared returns the common beginning of a and b.
func shared(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return a[:i]
}

// find returns the entry whose exact pattern is path and that with the longest
// prefix of path, or none.
func (t *trie) find(path []byte) (exact, prefix int32) {
	n := &t.nodes[0]
	prefix = none
	for len(path) > 0 {
		i := strings.IndexByte(n.heads, path[0])
		if i < 0 {
			return none, prefix
		}
		n = &t.nodes[int(n.first)+i]
		if len(path) < len(n.label) || string(path[:len(n.label)]) != n.label {
			return none, prefix
		}
		path = path[len(n.label):]
		if n.prefix != none {
			prefix = n.prefix
		}
	}
	return n.exact, prefix
}
