package exchange

import (
	"bytes"
	"slices"
)

// Field is one header line. Request field names are lower case; response field
// names have the case the application chose.
type Field struct {
	Name, Value []byte
}

// Header is a list of fields in the order they came. The zero value is empty
// and ready; Reset keeps its storage.
type Header struct {
	fields []Field
}

// Reset empties h and keeps its storage.
func (h *Header) Reset() {
	clear(h.fields)
	h.fields = h.fields[:0]
}

// Add appends a field. The slices are kept, not copied.
func (h *Header) Add(name, value []byte) {
	h.fields = append(h.fields, Field{name, value})
}

// AddString appends a field from constants or other strings that live as long
// as the header; it allocates.
func (h *Header) AddString(name, value string) {
	h.Add([]byte(name), []byte(value))
}

// All returns the fields; the slice is valid until h changes.
func (h *Header) All() []Field { return h.fields }

// Len returns the number of fields.
func (h *Header) Len() int { return len(h.fields) }

// Get returns the value of the first field called name, compared without
// regard to ASCII case, or nil. An empty value is not nil.
func (h *Header) Get(name string) []byte {
	for i := range h.fields {
		if EqualFold(h.fields[i].Name, name) {
			if h.fields[i].Value == nil {
				return []byte{}
			}
			return h.fields[i].Value
		}
	}
	return nil
}

// Has reports whether a field called name is there.
func (h *Header) Has(name string) bool { return h.Get(name) != nil }

// Count returns how many fields are called name.
func (h *Header) Count(name string) int {
	n := 0
	for i := range h.fields {
		if EqualFold(h.fields[i].Name, name) {
			n++
		}
	}
	return n
}

// Del removes every field called name.
func (h *Header) Del(name string) {
	h.DelFunc(func(f Field) bool { return EqualFold(f.Name, name) })
}

// DelFunc removes every field for which drop returns true.
func (h *Header) DelFunc(drop func(Field) bool) {
	first := slices.IndexFunc(h.fields, drop)
	if first < 0 {
		return // mostly there is none, and nothing to move
	}
	kept := h.fields[:first]
	for _, f := range h.fields[first+1:] {
		if !drop(f) {
			kept = append(kept, f)
		}
	}
	clear(h.fields[len(kept):])
	h.fields = kept
}

// Set replaces every field called name by one.
func (h *Header) Set(name, value []byte) {
	h.DelFunc(func(f Field) bool { return len(f.Name) == len(name) && bytes.EqualFold(f.Name, name) })
	h.Add(name, value)
}

// EqualFold compares b with s without regard to ASCII case; s must be ASCII.
func EqualFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if lower(b[i]) != lower(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
