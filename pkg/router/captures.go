package router

import "regexp"

// Captures gives the groups of the regular expression that a request matched.
// The expression runs when the first group is asked for, so that a location
// whose templates use no group never pays for them. A Captures is used by one
// goroutine at a time and may be kept for the next request.
type Captures struct {
	re      *regexp.Regexp
	subject []byte
	loc     []int // as FindSubmatchIndex returns it; nil before the first use
}

// Reset forgets the match.
func (c *Captures) Reset() { *c = Captures{} }

func (c *Captures) set(re *regexp.Regexp, subject []byte) {
	*c = Captures{re: re, subject: subject}
}

// Group returns group n of the match, counted from 1; group 0 is the whole
// match. The bytes alias the matched path or host. A group that took no part,
// or does not exist, is nil.
func (c *Captures) Group(n int) []byte {
	if c.re == nil {
		return nil
	}
	if c.loc == nil {
		c.loc = c.re.FindSubmatchIndex(c.subject)
	}
	if n < 0 || 2*n+1 >= len(c.loc) || c.loc[2*n] < 0 {
		return nil
	}
	return c.subject[c.loc[2*n]:c.loc[2*n+1]:c.loc[2*n+1]]
}

// Named returns the group called name, as Group does.
func (c *Captures) Named(name string) []byte {
	if c.re == nil {
		return nil
	}
	return c.Group(c.re.SubexpIndex(name))
}

// Has reports whether there is a regular expression behind c at all.
func (c *Captures) Has() bool { return c.re != nil }
