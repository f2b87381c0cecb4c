package responder_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"

	"github.com/fcgigw/fcgigw/test/harness"
)

// entry is one record of a log.
type entry struct {
	Msg           string   `json:"msg"`
	Level         string   `json:"level"`
	URI           string   `json:"uri"`
	Status        int      `json:"status"`
	Bytes         int64    `json:"bytes"`
	Error         string   `json:"error"`
	Backend       string   `json:"backend"`
	Server        string   `json:"server"`
	Tries         int      `json:"tries"`
	Reused        bool     `json:"reused"`
	AppStatus     int64    `json:"app_status"`
	Stderr        []string `json:"stderr"`
	StderrDropped int64    `json:"stderr_dropped"`
}

// log returns the records of a log by the URI that they are about.
func (r *rig) log(name string) map[string][]entry {
	r.t.Helper()
	all := make(map[string][]entry)
	for line := range bytes.Lines(r.logText(name)) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			r.t.Errorf("%s: %v in %.200q", name, err, line)
			continue
		}
		all[e.URI] = append(all[e.URI], e)
	}
	return all
}

// logText returns a whole log. No byte of it may control a terminal.
func (r *rig) logText(name string) []byte {
	r.t.Helper()
	if err := r.logs.Reopen(); err != nil { // which writes what waits
		r.t.Error(err)
	}
	b, err := os.ReadFile(r.dir + "/" + name)
	if err != nil {
		r.t.Fatal(err)
	}
	if i := bytes.IndexFunc(b, func(c rune) bool { return c < ' ' && c != '\n' || c == 0x7f }); i >= 0 {
		r.t.Errorf("%s: control byte in %.100q", name, b[i:])
	}
	return b
}

// access returns the access record of a request, which must be one only.
func (r *rig) access(uri string) entry {
	r.t.Helper()
	return r.accessAll(uri)[uri]
}

// accessAll is access for many requests.
func (r *rig) accessAll(uris ...string) map[string]entry {
	r.t.Helper()
	var all map[string][]entry
	harness.Eventually(r.t, "the access records are written", func() bool {
		all = r.log("access.log")
		return !slices.ContainsFunc(uris, func(uri string) bool { return len(all[uri]) == 0 })
	})
	one := make(map[string]entry)
	for _, uri := range uris {
		if n := len(all[uri]); n != 1 {
			r.t.Errorf("%d access records of %s", n, uri)
		}
		one[uri] = all[uri][0]
	}
	return one
}

// failures returns the records of the error log about failed requests, by URI.
func (r *rig) failures() map[string][]entry {
	all := r.log("error.log")
	for uri, list := range all {
		all[uri] = slices.DeleteFunc(list, func(e entry) bool { return e.Msg != "request failed" })
	}
	return all
}
