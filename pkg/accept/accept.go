// Package accept reads what a client says it can decode: Accept-Encoding (RFC
// 9110 section 12.5.3). It is pure and allocates nothing.
package accept

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// Max is how many codings may be offered at once.
const Max = 8

// Codings says which of the offered content codings a client takes.
type Codings struct {
	// MustEncode: the client refuses an answer that is not encoded. One may be
	// given to it all the same, for want of another.
	MustEncode bool

	n     int
	order [Max]uint8
}

// Len returns how many of the offered codings the client prefers to none.
func (c *Codings) Len() int { return c.n }

// At returns the index in offered of the i-th best of them.
func (c *Codings) At(i int) int { return int(c.order[i]) }

// Encodings reads the Accept-Encoding fields of h and puts those of the offered
// codings in order that the client prefers to no coding: the highest weight
// first, and among equal ones that which is offered first. offered holds at most
// Max names in lower case, "identity" not among them.
//
// A client that sends no such field, an empty or a malformed one gets nothing
// encoded: what it meant is not to be guessed, and everybody can read that.
func Encodings(h *exchange.Header, offered []string) (c Codings) {
	w := weights{any: unset, identity: unset}
	for i := range offered {
		w.of[i] = unset
	}
	found := false
	for _, f := range h.All() {
		if !exchange.EqualFold(f.Name, "accept-encoding") {
			continue
		}
		found = true
		if !w.read(f.Value, offered) {
			return Codings{}
		}
	}
	if found {
		w.rank(len(offered), &c)
	}
	return c
}

// unset is the weight of what the client did not name. Weights are thousandths.
const unset = -1

// weights is what a client gives to each coding.
type weights struct {
	of            [Max]int
	any, identity int
}

// read takes in one field; false means that it is malformed.
func (w *weights) read(list []byte, offered []string) bool {
	for len(list) > 0 {
		var item []byte
		item, list, _ = bytes.Cut(list, []byte{','})
		item = octets.Trim(item)
		if len(item) == 0 {
			continue // lists may have empty elements (RFC 9110 section 5.6.1)
		}
		name, q, ok := element(item)
		if !ok {
			return false
		}
		w.set(name, q, offered)
	}
	return true
}

// set notes the weight of a coding; of two for the same the lower counts.
func (w *weights) set(name []byte, q int, offered []string) {
	switch {
	case string(name) == "*":
		lower(&w.any, q)
		return
	case exchange.EqualFold(name, "identity"):
		lower(&w.identity, q)
		return
	case exchange.EqualFold(name, "x-gzip"): // the same (RFC 9110 section 8.4.1.3)
		name = name[len("x-"):]
	}
	for i, o := range offered {
		if exchange.EqualFold(name, o) {
			lower(&w.of[i], q)
		}
	}
}

func lower(at *int, q int) {
	if *at == unset || q < *at {
		*at = q
	}
}

// rank fills c. To send something unencoded is always acceptable unless it was
// refused, but preferred only if it has a higher weight of its own.
func (w *weights) rank(offered int, c *Codings) {
	c.MustEncode = w.identity == 0 || w.identity == unset && w.any == 0
	for i := range offered {
		if w.of[i] == unset {
			w.of[i] = max(w.any, 0)
		}
		if w.of[i] > 0 && w.of[i] >= w.identity {
			c.insert(i, w)
		}
	}
}

// insert puts coding i behind those that are at least as welcome.
func (c *Codings) insert(i int, w *weights) {
	at := c.n
	for at > 0 && w.of[c.order[at-1]] < w.of[i] {
		c.order[at] = c.order[at-1]
		at--
	}
	c.order[at] = uint8(i)
	c.n++
}

// element takes an item of the list apart: a coding, and a weight behind it.
func element(item []byte) (name []byte, q int, ok bool) {
	name, param, weighed := bytes.Cut(item, []byte{';'})
	name = bytes.TrimRight(name, " \t")
	if !octets.IsToken(name) {
		return nil, 0, false
	}
	if !weighed {
		return name, 1000, true
	}
	param = bytes.TrimLeft(param, " \t")
	if len(param) < 2 || param[0]|0x20 != 'q' || param[1] != '=' {
		return nil, 0, false
	}
	q, ok = qvalue(param[2:])
	return name, q, ok
}

// qvalue reads a weight in thousandths (RFC 9110 section 12.4.2).
func qvalue(b []byte) (int, bool) {
	if len(b) == 0 || len(b) > len("0.000") || b[0] != '0' && b[0] != '1' {
		return 0, false
	}
	if len(b) > 1 && b[1] != '.' {
		return 0, false
	}
	q := int(b[0]-'0') * 1000
	scale := 100
	for _, c := range b[min(2, len(b)):] {
		if c < '0' || c > '9' {
			return 0, false
		}
		q += int(c-'0') * scale
		scale /= 10
	}
	return q, q <= 1000
}
