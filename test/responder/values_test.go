package responder_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// Whatever a responder answers to GET_VALUES, requests run; they share a
// connection only if it has said so.
func TestABadAnswerToGetValuesLeavesConnectionsPrivate(t *testing.T) {
	long := "\xff\xff\xff\xff" // a length of 2^31-1
	for name, answer := range map[string]part{
		"no":                            manage(getValuesResult, string(appendPair(nil, mpxsConns, "0"))),
		"neither 0 nor 1":               manage(getValuesResult, string(appendPair(nil, mpxsConns, "2"))),
		"no number":                     manage(getValuesResult, string(appendPair(nil, mpxsConns, "yes"))),
		"another variable":              manage(getValuesResult, string(appendPair(nil, "FCGI_MPXS_CONNX", "1"))),
		"nothing":                       manage(getValuesResult, ""),
		"UNKNOWN_TYPE":                  manage(unknownType, "\x09\x00\x00\x00\x00\x00\x00\x00"),
		"a name of 2 GB":                manage(getValuesResult, long+"\x01"+mpxsConns+"1"),
		"name and value of 2 GB":        manage(getValuesResult, long+long+mpxsConns+"1"),
		"a value of 2 GB":               manage(getValuesResult, "\x0f"+long+mpxsConns+"1"),
		"a pair cut short":              manage(getValuesResult, string(appendPair(nil, mpxsConns, "1")[:10])),
		"64 KB of pairs":                manage(getValuesResult, strings.Repeat(string(appendPair(nil, mpxsConns, "1")), 3000)),
		"an answer with a request's id": foreign(getValuesResult, 1, string(appendPair(nil, mpxsConns, "1"))),
		"a reply to no request":         join(foreign(stdout, 1, goodHead), foreign(endRequest, 1, "\x00\x00\x00\x00\x00\x00\x00\x00")),
		"version 2":                     raw("\x02\x0a\x00\x00\x00\x00\x00\x00"),
		"half a header, and no more":    raw("\x01\x0a\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			check := noLeaks(t)
			app := (&responder{answer: answer}).listen(t, "unix")
			r := start(t, "unix", keys{"max_conns": "1", "multiplex": `"auto"`, "streams": "4"}, app)
			defer check()
			defer r.close()
			r.good("first")
			if name != "half a header, and no more" {
				harness.Eventually(t, "the answer is known", func() bool { return bytes.Contains(r.logText("error.log"), []byte("asked server for multiplexing")) })
			}
			r.checkHouse(1)
		})
	}
}
