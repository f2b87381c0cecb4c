package docroot

import (
	"hash/maphash"
	"sync/atomic"
)

const (
	// ways is how many places a key can be at. A few make it unlikely that
	// paths in steady use push each other out.
	ways = 4
	// maxKey bounds the memory of the cache: longer paths are looked up anew.
	maxKey = 512
)

// entry is an answer of the kernel; immutable once in the cache.
type entry struct {
	key   string
	info  Info
	err   error
	until int64 // on the Root's clock
}

// cache remembers answers, positive and negative, for a bounded number of
// paths: a table of sets of a few places each, chosen by a seeded hash. It has
// no lock, so that reading it costs one hash and a few loads on any number of
// processors. Writers that meet may lose an entry, which costs a lookup.
type cache struct {
	seed  maphash.Seed
	sets  uint64
	slots []atomic.Pointer[entry]
}

// newCache returns a cache of at most the given number of entries, but not
// fewer than one set.
func newCache(entries int) *cache {
	sets := max(1, entries/ways)
	return &cache{
		seed:  maphash.MakeSeed(),
		sets:  uint64(sets),
		slots: make([]atomic.Pointer[entry], sets*ways),
	}
}

// set returns the places where key may be.
func (c *cache) set(hash uint64) []atomic.Pointer[entry] {
	at := hash % c.sets * ways
	return c.slots[at : at+ways]
}

// get returns the answer for key that is valid at now, or nil.
func (c *cache) get(key []byte, now int64) *entry {
	set := c.set(maphash.Bytes(c.seed, key))
	for i := range set {
		if e := set[i].Load(); e != nil && e.until > now && e.key == string(key) {
			return e
		}
	}
	return nil
}

// put remembers e under e.key: in the place of its predecessor, of an expired
// entry or, failing those, of one that the hash picks.
func (c *cache) put(e *entry, now int64) {
	if len(e.key) > maxKey {
		return
	}
	hash := maphash.String(c.seed, e.key)
	set := c.set(hash)
	victim := int(hash>>32) % ways
	for i := range set {
		old := set[i].Load()
		if old == nil || old.until <= now || old.key == e.key {
			victim = i
			break
		}
	}
	set[victim].Store(e)
}
