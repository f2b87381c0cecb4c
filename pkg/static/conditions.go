package static

import (
	"bytes"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// preconditions evaluates the request's conditions in the order of RFC 9110
// section 13.2.2 and returns 0 (go on), 304 or 412.
func (j *job) preconditions() int {
	h := &j.x.Request.Header
	switch {
	case h.Has("if-match"):
		if !matchTags(h, "if-match", j.etag, true) {
			return 412
		}
	case h.Has("if-unmodified-since"):
		if t, ok := parseDate(h.Get("if-unmodified-since")); ok && j.modTime().After(t) {
			return 412
		}
	}
	switch {
	case h.Has("if-none-match"):
		if matchTags(h, "if-none-match", j.etag, false) {
			return 304
		}
	case h.Has("if-modified-since"):
		if j.unmodifiedSince(h.Get("if-modified-since")) {
			return 304
		}
	}
	return 0
}

// unmodifiedSince compares with the date that caches send back as they got it
// first: that needs no parsing.
func (j *job) unmodifiedSince(date []byte) bool {
	if bytes.Equal(date, j.modified) {
		return true
	}
	t, ok := parseDate(date)
	return ok && !j.modTime().After(t)
}

// modTime is the modification time as precise as HTTP tells it.
func (j *job) modTime() time.Time { return j.info.ModTime.Truncate(time.Second) }

// ifRange reports whether the Range field is to be honoured (RFC 9110 section
// 13.1.5): there is no If-Range, or it names the file as it is, by a strong tag
// or by its exact date.
func (j *job) ifRange() bool {
	v := j.x.Request.Header.Get("if-range")
	switch {
	case v == nil:
		return true
	case j.x.Request.Header.Count("if-range") > 1:
		return false
	case len(v) > 0 && (v[0] == '"' || v[0] == 'W'):
		tag, weak, rest := nextTag(v)
		if tag != nil {
			return !weak && len(rest) == 0 && bytes.Equal(tag, j.etag)
		}
	}
	if bytes.Equal(v, j.modified) {
		return j.datesAreStrong()
	}
	t, ok := parseDate(v)
	return ok && t.Equal(j.modTime()) && j.datesAreStrong()
}

// datesAreStrong reports whether the modification date is a strong validator
// (RFC 9110 section 8.8.2.2): a second change within the same second would go
// unseen while that second is not well past.
func (j *job) datesAreStrong() bool {
	return j.s.now().Sub(j.info.ModTime) > time.Second
}

// matchTags reports whether the fields called name, which list entity tags or
// are "*", match etag. strong comparison refuses weak tags (RFC 9110 section
// 8.8.3.2). What follows something that is no tag does not count.
func matchTags(h *exchange.Header, name string, etag []byte, strong bool) bool {
	for _, f := range h.All() {
		if exchange.EqualFold(f.Name, name) && matchList(f.Value, etag, strong) {
			return true
		}
	}
	return false
}

func matchList(list, etag []byte, strong bool) bool {
	if string(bytes.Trim(list, " \t")) == "*" {
		return true
	}
	for {
		list = bytes.TrimLeft(list, " \t,")
		tag, weak, rest := nextTag(list)
		if tag == nil {
			return false
		}
		if bytes.Equal(tag, etag) && (!strong || !weak) {
			return true
		}
		rest = bytes.TrimLeft(rest, " \t")
		if len(rest) > 0 && rest[0] != ',' {
			return false
		}
		list = rest
	}
}

// nextTag cuts an entity tag from the front of v: the tag with its quotes,
// whether it is weak, and what follows it. tag is nil when there is none.
func nextTag(v []byte) (tag []byte, weak bool, rest []byte) {
	body := v
	if bytes.HasPrefix(v, []byte("W/")) {
		weak, body = true, v[2:]
	}
	if len(body) == 0 || body[0] != '"' {
		return nil, false, v
	}
	end := bytes.IndexByte(body[1:], '"')
	if end < 0 {
		return nil, false, v
	}
	return body[:end+2], weak, body[end+2:]
}

// parseDate reads an HTTP-date in any of its three forms (RFC 9110 section
// 5.6.7). What is none is to be ignored by the caller.
func parseDate(v []byte) (time.Time, bool) {
	if len(v) > 40 {
		return time.Time{}, false
	}
	for _, layout := range [...]string{timeFormat, "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC} {
		if t, err := time.Parse(layout, string(v)); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
