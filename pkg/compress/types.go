package compress

import (
	"bytes"
	"strings"
)

// typeSet is a set of media types.
type typeSet struct {
	exact map[string]struct{}
	wild  []wildcard
}

// wildcard matches what begins and ends as it says.
type wildcard struct{ head, tail string }

func newTypeSet(list []string) typeSet {
	s := typeSet{exact: make(map[string]struct{})}
	for _, t := range list {
		t = strings.ToLower(t)
		if head, tail, ok := strings.Cut(t, "*"); ok {
			s.wild = append(s.wild, wildcard{head, tail})
		} else {
			s.exact[t] = struct{}{}
		}
	}
	return s
}

// maxType is the longest media type that is looked up: RFC 6838 section 4.2
// bounds both parts of one to 127 characters, and none comes near.
const maxType = 127

// has reports whether the value of a Content-Type field names one of the set.
func (s *typeSet) has(contentType []byte) bool {
	var low [maxType]byte
	t, ok := mediaType(low[:0], contentType)
	if !ok {
		return false
	}
	if _, ok := s.exact[string(t)]; ok {
		return true
	}
	for _, w := range s.wild {
		if len(t) >= len(w.head)+len(w.tail) && string(t[:len(w.head)]) == w.head &&
			string(t[len(t)-len(w.tail):]) == w.tail {
			return true
		}
	}
	return false
}

// isEventStream reports whether a body lasts until somebody goes.
func isEventStream(contentType []byte) bool {
	var low [maxType]byte
	t, ok := mediaType(low[:0], contentType)
	return ok && string(t) == "text/event-stream"
}

// mediaType appends the media type in lower case, without parameters, to dst,
// which it must fit in.
func mediaType(dst, contentType []byte) ([]byte, bool) {
	t, _, _ := bytes.Cut(contentType, []byte{';'})
	t = bytes.Trim(t, " \t")
	if len(t) == 0 || len(t) > cap(dst) {
		return nil, false
	}
	for _, c := range t {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst, true
}
