package integration

import (
	"encoding/json"
	"strings"

	"github.com/fcgigw/fcgigw/test/harness"
)

// record is a line of the access log.
type record struct {
	Method  string   `json:"method"`
	URI     string   `json:"uri"`
	Status  int      `json:"status"`
	Bytes   int64    `json:"bytes"`
	BytesIn int64    `json:"bytes_in"`
	ID      string   `json:"id"`
	Conn    uint64   `json:"conn"`
	Tries   int      `json:"tries"`
	Reused  bool     `json:"reused"`
	Error   string   `json:"error"`
	Stderr  []string `json:"stderr"`
}

// parseRecords reads the access records in a log.
func (g *gateway) parseRecords(text string) []record {
	g.t.Helper()
	var list []record
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") {
			break // still being written
		}
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			g.t.Fatalf("access record %q: %v", line, err)
		}
		list = append(list, r)
	}
	return list
}

// records waits for n records of a URI and returns them.
func (g *gateway) records(uri string, n int) []record {
	g.t.Helper()
	var found []record
	seen := ""
	harness.Eventually(g.t, "no access records of "+uri, func() bool {
		text := readFile(g.t, g.access)
		if text == seen {
			return false // spares the machine the parsing
		}
		seen, found = text, nil
		for _, r := range g.parseRecords(text) {
			if r.URI == uri {
				found = append(found, r)
			}
		}
		return len(found) >= n
	})
	return found
}

// record waits for the one record of a URI.
func (g *gateway) record(uri string) record {
	g.t.Helper()
	list := g.records(uri, 1)
	if len(list) != 1 {
		g.t.Fatalf("%d records of %s, want 1", len(list), uri)
	}
	return list[0]
}

// logFailures shows the records of failed requests with the test's result.
func (g *gateway) logFailures() {
	for _, r := range g.parseRecords(readFile(g.t, g.access)) {
		if r.Error != "" {
			g.t.Logf("%+v", r)
		}
	}
}

// awaitLog waits until the error log holds every text in one line, and returns
// that line.
func (g *gateway) awaitLog(texts ...string) string {
	g.t.Helper()
	var found string
	ok := harness.Poll(harness.Patience, func() bool {
		for line := range strings.Lines(g.logged()) {
			if containsAll(line, texts) {
				found = line
				return true
			}
		}
		return false
	})
	if !ok {
		g.t.Fatalf("no log line with %q in:\n%s", texts, tail(g.logged()))
	}
	return found
}

func containsAll(s string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(s, text) {
			return false
		}
	}
	return true
}
