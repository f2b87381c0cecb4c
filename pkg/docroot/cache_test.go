package docroot

import (
	"strconv"
	"strings"
	"sync"
	"testing"
)

func (c *cache) len() int {
	n := 0
	for i := range c.slots {
		if c.slots[i].Load() != nil {
			n++
		}
	}
	return n
}

func TestCacheNeverHoldsMoreThanItsBound(t *testing.T) {
	const bound = 64
	c := newCache(bound)
	for i := range 10 * bound {
		c.put(&entry{key: strconv.Itoa(i), until: 10}, 0)
		if n := c.len(); n > bound {
			t.Fatalf("%d entries", n)
		}
	}
	if c.len() < bound/2 {
		t.Errorf("only %d entries", c.len())
	}
}

func TestCacheHoldsMostOfHalfItsBound(t *testing.T) {
	const bound = 1024
	c := newCache(bound)
	for i := range bound / 2 {
		c.put(&entry{key: strconv.Itoa(i), until: 10}, 0)
	}
	kept := 0
	for i := range bound / 2 {
		if c.get([]byte(strconv.Itoa(i)), 0) != nil {
			kept++
		}
	}
	if kept < bound/2*8/10 {
		t.Errorf("kept %d of %d", kept, bound/2)
	}
}

func TestCacheReplacesItsPredecessorAndExpiredEntriesFirst(t *testing.T) {
	c := newCache(ways) // one set
	for i, until := range []int64{9, 3, 9, 9} {
		c.put(&entry{key: strconv.Itoa(i), until: until}, 0)
	}
	c.put(&entry{key: "new", until: 9}, 5)
	c.put(&entry{key: "0", until: 12}, 5)
	for _, key := range []string{"0", "2", "3", "new"} {
		if c.get([]byte(key), 5) == nil {
			t.Errorf("%s was pushed out", key)
		}
	}
	if e := c.get([]byte("0"), 10); e == nil || c.get([]byte("1"), 0) != nil {
		t.Errorf("0 is %v", e)
	}
}

func TestCacheIgnoresLongKeysAndExpiredEntries(t *testing.T) {
	c := newCache(100)
	long := strings.Repeat("k", maxKey+1)
	c.put(&entry{key: long, until: 10}, 0)
	c.put(&entry{key: "k", until: 10}, 0)
	if c.get([]byte(long), 0) != nil || c.get([]byte("k"), 9) == nil || c.get([]byte("k"), 10) != nil {
		t.Error("wrong entries")
	}
}

func TestCacheServesManyGoroutines(t *testing.T) {
	c := newCache(32)
	var wg sync.WaitGroup
	for g := range 4 {
		// Ends after its rounds.
		wg.Go(func() {
			for i := range 500 {
				key := strconv.Itoa(i % 50)
				c.put(&entry{key: key, info: Info{Size: int64(i % 50)}, until: 10}, 0)
				if e := c.get([]byte(key), 0); e != nil && e.info.Size != int64(i%50) {
					t.Errorf("goroutine %d: %d for %s", g, e.info.Size, key)
				}
			}
		})
	}
	wg.Wait()
}
