package responder_test

import (
	"strings"
)

// plays is a plan of one script.
func plays(steps ...step) plan { return plan{scripts: []script{steps}} }

// page is the error page of a status.
func page(status int) want { return want{outcome: refused, status: status} }

// reply is a whole reply with status 200.
func reply(body string) want { return want{outcome: whole, status: 200, body: body} }

// cut is a reply with status 200 of which only the beginning comes.
func cut(body string) want { return want{outcome: broken, status: 200, body: body} }

const (
	ended       = "connection ended" // a shared one cannot tell whose the bytes were
	endedWithin = "connection ended within the reply"
	endedBefore = "connection ended before the reply"
)

// wireRows are odd and broken uses of records.
func wireRows() []row {
	large := strings.Repeat("x", maxContent)
	return []row{
		{
			name: "half a record header, then the end", plan: plays(says(first(4, out("x"))), closes()),
			client: page(502), log: logged{reason: ended}, shared: lost,
		},
		{
			name:   "half a record header, and the responder's side ended only",
			plan:   plays(says(first(4, out("x"))), closesWrite(), stalls()),
			client: page(502), log: logged{reason: ended}, shared: lost,
		},
		{
			name:   "largest record with the largest padding",
			plan:   plays(says(out(goodHead), padded(stdout, large, 255), out("y"), end())),
			client: reply(large + "y"), keep: kept, shared: spared,
		},
		{
			name:   "padding of 255 on every record",
			plan:   plays(says(padded(stderr, "e\n", 255), padded(stdout, goodHead+"a", 255), padded(stdout, "", 255), padded(endRequest, strings.Repeat("\x00", 8), 255))),
			client: reply("a"), log: logged{stderr: []string{"e"}}, keep: kept, shared: spared,
		},
		{
			name: "records of one byte", plan: plays(says(many(stdout, goodHead+"small", 1), end())),
			client: reply("small"), keep: kept, shared: spared,
		},
		{
			name:   "records of one byte, each byte by a write of its own",
			plan:   plays(trickles(1, many(stdout, goodHead+"slow", 1), end())),
			client: reply("slow"), keep: kept, shared: spared,
		},
		{
			name:   "records without content at the end of both streams",
			plan:   plays(says(out(goodHead+"a"), errOut("e\n"), out(""), errOut(""), end())),
			client: reply("a"), log: logged{stderr: []string{"e"}}, keep: kept, shared: spared,
		},
		{
			name:   "a record without content where the header should begin",
			plan:   plays(says(out(""), end())),
			client: page(502), log: logged{reason: "it is empty"}, shared: spared,
		},
		{
			name:   "both streams interleaved",
			plan:   plays(says(errOut("e"), out(goodHead[:9]), errOut("f"), out(goodHead[9:]+"a"), errOut("g\n"), out("b"), end())),
			client: reply("ab"), log: logged{stderr: []string{"efg"}}, keep: kept, shared: spared,
		},
		{
			name: "management records in the middle",
			plan: plays(says(manage(getValuesResult, ""), out(goodHead+"a"), manage(unknownType, "\x4d\x00\x00\x00\x00\x00\x00\x00"),
				manage(getValuesResult, string(appendPair(nil, mpxsConns, "1"))), out("b"), end())),
			client: reply("ab"), keep: kept, shared: spared,
		},
		{
			name: "a reply before the request has been read, and the rest behind it", body: strings.Repeat("b", 200<<10), method: "POST",
			plan:   plan{early: true, scripts: []script{{says(out(goodHead + "a")), untilRead(), says(out("b"), end())}}},
			client: reply("ab"), keep: either, shared: spared,
		},
	}
}

// amid makes three rows of bytes that nothing can follow: first of all, behind
// a head that the client has not got, and behind one that it has.
func amid(name, reason string, bad ...part) []row {
	begun := out(goodHead + "part")
	return []row{
		{
			name: name + ", first of all", plan: plays(says(bad...), stalls()),
			client: page(502), log: logged{reason: reason}, shared: lost,
		},
		{
			name: name + ", in one write with the head", plan: plays(says(begun, join(bad...)), stalls()),
			client: page(502), log: logged{reason: reason}, shared: lost, begun: "part",
		},
		{
			name: name + ", when the client has the head", plan: plays(says(begun), untilSeen(), says(bad...), stalls()),
			client: cut("part"), log: logged{reason: reason}, shared: lost,
		},
	}
}
