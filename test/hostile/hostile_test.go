package hostile

import (
	"net"
	"slices"
	"strings"
	"testing"
)

// h1Rows are all rows about HTTP/1.1.
func h1Rows() []row {
	groups := map[string][]row{
		"length": lengthRows(), "coding": codingRows(), "chunks": chunkRows(), "fields": fieldRows(), "line": lineRows(),
		"target": targetRows(), "host": hostRows(), "connection": connectionRows(), "limits": limitRows(),
		"pipeline": pipelineRows(), "app": appRows(), "forward": forwardRows(),
	}
	var rows []row
	for group, list := range groups {
		for _, r := range list {
			r.name = group + ": " + r.name
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	return rows
}

// outputs are what the application says, by query.
func outputs(rows []row) map[string]string {
	m := map[string]string{}
	for _, r := range rows {
		if query, ok := strings.CutPrefix(r.send, "GET /?app="); ok {
			query, _, _ = strings.Cut("app="+query, " ")
			m[query] = r.app
		}
	}
	return m
}

// paces are how the bytes of a row come: nothing may depend on it.
var paces = []pace{{"at once", 0}, {"in pieces", 7}}

func TestEveryHostileRequestEndsAsItShould(t *testing.T) {
	rows := h1Rows()
	s := newSecure(t)
	g := start(t, &backend{outputs: outputs(rows)}, limits, s.site)
	for _, via := range []*transport{g.plain(), s.over(g, "http/1.1", "HTTP/1.1")} {
		for _, p := range paces {
			t.Run(via.name+" "+p.name, func(t *testing.T) {
				for _, r := range rows {
					t.Run(r.name, func(t *testing.T) { r.check(t, g, via, p) })
				}
			})
		}
	}
}

// plain is TCP.
func (g *gateway) plain() *transport {
	_, port, err := net.SplitHostPort(g.addr)
	g.must(err)
	return &transport{
		name: "plain", scene: scene{port: port, scheme: "http", protocol: "HTTP/1.1"},
		dial: func() (net.Conn, error) { return net.Dial("tcp", g.addr) },
	}
}

func TestNoTwoRowsAreCalledTheSame(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range h1Rows() {
		if seen[r.name] || r.ref == "" {
			t.Errorf("two rows are called %q, or it has no reference: %q", r.name, r.ref)
		}
		seen[r.name] = true
	}
	if len(seen) < 200 {
		t.Errorf("%d rows", len(seen))
	}
}
