package responder_test

import "fmt"

const (
	tooShort = "shorter than its Content-Length"
	tooLong  = "longer than its Content-Length"
)

// sized is a head that declares n bytes.
func sized(n int) string { return fmt.Sprintf("Content-Length: %d\r\n%s", n, goodHead) }

// lengthRows are replies whose Content-Length is wrong.
func lengthRows() []row {
	rows := []row{
		{
			name: "Content-Length as it should be", plan: plays(says(out(sized(4)+"body"), end())),
			client: want{status: 200, body: "body", more: field("content-length", "4")}, keep: kept, shared: spared,
		},
		{
			name: "Content-Length said twice", plan: plays(says(out("Content-Length: 4\r\n"+sized(4)+"body"), end())),
			client: want{status: 200, body: "body", more: field("content-length", "4")}, keep: kept, shared: spared,
		},
		{
			name: "Content-Length too short", plan: plays(says(out(sized(4)+"body and more"), end())),
			client: reply("body"), log: logged{reason: tooLong}, shared: spared,
		},
		{
			name:   "Content-Length too short, the rest when the client has the response",
			plan:   plays(says(out(sized(4)+"body")), untilSeen(), says(out(" and more"), end())),
			client: reply("body"), log: logged{reason: tooLong}, shared: spared,
		},
		{
			name:   "Content-Length too short by a whole response",
			plan:   plays(says(out(sized(4)+"bodyHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret"), end())),
			client: reply("body"), log: logged{reason: tooLong}, shared: spared,
		},
		{
			name: "Content-Length 0 with a body", plan: plays(says(out(sized(0)+"body"), end())),
			client: reply(""), log: logged{reason: tooLong}, shared: spared,
		},
		{
			name: "Content-Length too long", plan: plays(says(out(sized(9)+"body"), end())),
			client: page(502), log: logged{reason: tooShort}, shared: spared,
		},
		{
			name:   "Content-Length too long, the end when the client has the head",
			plan:   plays(says(out(sized(9)+"body")), untilSeen(), says(end())),
			client: cut("body"), log: logged{reason: tooShort}, shared: spared,
		},
		{
			name: "Content-Length without a body", plan: plays(says(out(sized(9)), end())),
			client: page(502), log: logged{reason: tooShort}, shared: spared,
		},
		{
			name: "Content-Length of a HEAD", method: "HEAD", plan: plays(says(out(sized(9)), end())),
			client: want{status: 200, more: field("content-length", "9")}, keep: kept, shared: spared,
		},
		badLength("two values of Content-Length", "4\r\nContent-Length: 5", "conflicting Content-Length"),
		badLength("two values of Content-Length in one line", "4, 5", "bad Content-Length"),
	}
	for _, bad := range []string{"", "abc", "-1", "+4", "0x4", "4 4", "4.0", "99999999999999999999"} {
		rows = append(rows, badLength(fmt.Sprintf("Content-Length %q", bad), bad, "bad Content-Length"))
	}
	return rows
}

func badLength(name, value, reason string) row {
	return row{
		name: name, plan: plays(says(out("Content-Length: "+value+"\r\n"+goodHead+"body"), end())),
		client: page(502), log: logged{reason: reason}, shared: spared,
	}
}
