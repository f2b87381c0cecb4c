package responder_test

import "slices"

const (
	foreignID  = "foreign request id"
	notAllowed = "not allowed"
)

// protocolRows are records that the protocol does not allow.
func protocolRows() []row {
	return slices.Concat(
		amid("STDOUT of a request that is not there", foreignID, foreign(stdout, 7, "secret")),
		amid("STDERR of a request that is not there", foreignID, foreign(stderr, 7, "secret")),
		amid("END_REQUEST of a request that is not there", foreignID, foreign(endRequest, 7, "\x00\x00\x00\x00\x00\x00\x00\x00")),
		amid("STDOUT with id 0", foreignID, manage(stdout, "secret")),
		amid("END_REQUEST with id 0", foreignID, manage(endRequest, "\x00\x00\x00\x00\x00\x00\x00\x00")),
		amid("record type 77", notAllowed, rec(77, "secret")),
		amid("record type 0", notAllowed, rec(0, "secret")),
		amid("BEGIN_REQUEST", notAllowed, rec(beginRequest, "\x00\x01\x00\x00\x00\x00\x00\x00")),
		amid("STDIN", notAllowed, rec(stdin, "secret")),
		amid("PARAMS", notAllowed, rec(params, "secret")),
		amid("ABORT_REQUEST", notAllowed, rec(abortRequest, "")),
		amid("version 2", "version 2", raw("\x02\x06\x00\x01\x00\x06\x00\x00secret")),
		amid("another protocol", "version 72", raw("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")),
		amid("END_REQUEST of 7 bytes", "wrong length", rec(endRequest, "\x00\x00\x00\x00\x00\x00\x00")),
		amid("END_REQUEST without content", "wrong length", rec(endRequest, "")),
		amid("END_REQUEST of 64 KB", "oversized content", rec(endRequest, string(make([]byte, maxContent)))),
	)
}

// streamRows are streams that go on where they have ended, and requests that
// come in between.
func streamRows() []row {
	const behind = "behind the end of its stream"
	return []row{
		{
			name: "content behind the end of STDOUT", plan: plays(says(out(goodHead+"part"), out("")), untilSeen(), says(out("more"), end())),
			client: cut("part"), log: logged{reason: behind}, shared: lost,
		},
		{
			name: "content behind the end of STDOUT, before the header", plan: plays(says(out(""), out(goodHead+"more"), end())),
			client: page(502), log: logged{reason: behind}, shared: lost,
		},
		{
			name: "content behind the end of STDERR", plan: plays(says(errOut("e\n"), errOut(""), errOut("f\n"), out(goodHead+"more"), end())),
			client: page(502), log: logged{reason: behind, stderr: []string{"e"}}, shared: lost,
		},
		{
			name:   "two requests interleaved where there is one",
			plan:   plays(says(out(goodHead+"a"), foreign(stdout, 1, goodHead+"secret"), out("b"), foreign(stdout, 1, "secret"), end())),
			client: page(502), log: logged{reason: foreignID}, shared: lost, begun: "a",
		},
		{
			name:   "a record longer than what comes, and then the end",
			plan:   plays(says(out(goodHead+"part")), untilSeen(), says(claims(stdout, maxContent, "")), closes()),
			client: cut("part"), log: logged{reason: endedWithin}, shared: lost,
		},
	}
}
