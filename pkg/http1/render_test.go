package http1

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// render parses raw and says in one line what came of it: the status of a
// refusal, or method, path, ?query, @authority, fields and flags.
func render(t testing.TB, raw string, lim *Limits) string {
	t.Helper()
	x, m := exchange.New(), new(Meta)
	used, err := ParseHead([]byte(raw), lim, x, m)
	if errors.Is(err, ErrIncomplete) {
		return "incomplete"
	}
	if err != nil {
		var se *StatusError
		if !errors.As(err, &se) || se.Reason == "" || used != 0 {
			t.Fatalf("%q: used %d, error %v", raw, used, err)
		}
		return strconv.Itoa(se.Status)
	}
	if rest := raw[used:]; rest != "" {
		return strings.TrimSpace(renderRequest(x, m)) + fmt.Sprintf(" rest=%q", rest)
	}
	return strings.TrimSpace(renderRequest(x, m))
}

func renderRequest(x *exchange.Exchange, m *Meta) string {
	r := &x.Request
	s := []string{string(r.Method), string(r.Path)}
	add := func(when bool, format string, args ...any) {
		if when {
			s = append(s, fmt.Sprintf(format, args...))
		}
	}
	add(r.Query != nil, "?%s", r.Query)
	add(len(r.Authority) > 0, "@%s", r.Authority)
	add(r.Minor != 1 || r.Major != 1, "%d.%d", r.Major, r.Minor)
	for _, f := range r.Header.All() {
		add(string(f.Name) != "host" && string(f.Name) != "content-length", "%s:%s", f.Name, f.Value)
	}
	add(!m.KeepAlive, "close")
	add(m.Chunked, "chunked")
	add(r.ContentLength != 0, "len=%d", r.ContentLength)
	add(m.Expect100, "100")
	add(r.Upgrade != nil, "upgrade=%s", r.Upgrade)
	add(m.Dropped > 0, "dropped=%d", m.Dropped)
	add(m.Asterisk, "asterisk")
	add(m.Absolute, "absolute")
	add(r.ContentLength > 0 && r.Header.Count("content-length") != 1, "NO LENGTH FIELD")
	add(r.Header.Has("host") != (len(r.Authority) > 0), "HOST FIELD AND AUTHORITY DIFFER")
	return strings.Join(s, " ")
}

// headRow is one head: what it is about, its part that matters, and what
// render says.
type headRow struct{ ref, in, want string }

func runRows(t *testing.T, rows []headRow, wrap func(string) string) {
	t.Helper()
	for _, row := range rows {
		if got := render(t, wrap(row.in), new(Limits)); got != row.want {
			t.Errorf("%s: %q\n got %s\nwant %s", row.ref, row.in, got, row.want)
		}
	}
}
