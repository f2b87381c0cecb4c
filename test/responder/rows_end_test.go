package responder_test

import "strings"

const (
	itIsEmpty  = "it is empty"
	withinHead = "ends within its header"
)

// endRows are replies that end at the wrong place, or in a wrong way.
func endRows() []row {
	stray := out("stray")
	return []row{
		{
			name: "nothing at all", plan: plays(says(end())),
			client: page(502), log: logged{reason: itIsEmpty}, shared: spared,
		},
		{
			name: "a header on STDERR only", plan: plays(says(errOut(goodHead+"body\n"), end())),
			client: page(502), log: logged{reason: itIsEmpty, stderr: []string{"Content-Type: text/plain", "body"}}, shared: spared,
		},
		{
			name: "half a header", plan: plays(says(out("Content-Type: text/pl"), end())),
			client: page(502), log: logged{reason: withinHead}, shared: spared,
		},
		{
			name: "a header without its empty line", plan: plays(says(out("Content-Type: text/plain\r\n"), end())),
			client: page(502), log: logged{reason: withinHead}, shared: spared,
		},
		{
			name: "END_REQUEST before the body was read", method: "POST", body: strings.Repeat("b", 4<<20),
			plan:   plan{deaf: true, scripts: []script{{says(out(goodHead+"early"), end()), untilOver()}}},
			client: reply("early"),
		},
		{
			name: "END_REQUEST while the body is read", method: "POST", body: strings.Repeat("b", 4<<20),
			plan:   plan{early: true, scripts: []script{{says(out(goodHead+"early"), end())}}},
			client: reply("early"), keep: either, shared: spared,
		},
		{
			name: "the end of the connection before the body was read", method: "POST", body: strings.Repeat("b", 4<<20),
			plan:   plan{deaf: true, scripts: []script{{closes()}}},
			client: page(502), log: logged{reason: endedBefore},
		},
		{
			name: "a whole reply and the end of the connection before the body was read", method: "POST", body: strings.Repeat("b", 4<<20),
			plan:   plan{deaf: true, scripts: []script{{says(out(goodHead+"early"), end()), closes()}}},
			client: reply("early"),
		},
		{
			name: "a body that is never read", method: "POST", body: strings.Repeat("b", 4<<20), keys: keys{"send_timeout": `"300ms"`},
			plan:   plan{deaf: true, scripts: []script{{untilOver()}}},
			client: page(504), log: logged{reason: "took nothing in time"},
		},
		{
			name: "a record behind END_REQUEST", plan: plays(says(out(goodHead+"a"), end(), stray)),
			client: reply("a"), shared: lost,
		},
		{
			name: "half a record header behind END_REQUEST", plan: plays(says(out(goodHead+"a"), end(), first(3, stray)), stalls()),
			client: reply("a"),
		},
		{
			name: "END_REQUEST twice", plan: plays(says(out(goodHead+"a"), end(), end())),
			client: reply("a"), shared: lost,
		},
		{
			name: "the end of the connection right behind END_REQUEST", plan: plays(says(out(goodHead+"a"), end()), closes()),
			client: reply("a"), shared: lost,
		},
		{
			name: "appStatus 255", plan: plays(says(out(goodHead+"a"), ends(255, complete))),
			client: reply("a"), log: logged{app: 255}, keep: kept, shared: spared,
		},
		{
			name: "appStatus 9 and no reply", plan: plays(says(errOut("oops\n"), ends(9, complete))),
			client: page(502), log: logged{reason: itIsEmpty, app: 9, stderr: []string{"oops"}}, shared: spared,
		},
		{
			name: "OVERLOADED", plan: plays(says(ends(0, overloaded))),
			client: page(503), log: logged{reason: "backend overloaded"}, shared: spared,
		},
		{
			name: "OVERLOADED amid a reply", plan: plays(says(out(goodHead+"part")), untilSeen(), says(ends(0, overloaded))),
			client: cut("part"), log: logged{reason: "backend overloaded"}, shared: spared,
		},
		{
			name: "CANT_MPX_CONN", plan: plays(says(ends(0, cantMpxConn))),
			client: page(502), log: logged{reason: "cannot multiplex"}, runs: 3,
		},
		{
			name: "UNKNOWN_ROLE", plan: plays(says(ends(3, unknownRole))),
			client: page(502), log: logged{reason: "does not know the role", app: 3}, shared: spared,
		},
		{
			name: "an unknown protocol status", plan: plays(says(ends(0, 9))),
			client: page(502), log: logged{reason: "unknown protocol status"}, shared: spared,
		},
		{
			name: "an unknown protocol status behind a reply", plan: plays(says(out(goodHead+"part")), untilSeen(), says(ends(0, 9))),
			client: cut("part"), log: logged{reason: "unknown protocol status"}, shared: spared,
		},
	}
}
