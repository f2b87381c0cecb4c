package responder_test

import (
	"fmt"
	"slices"
)

// statusRows are odd and bad Status lines.
func statusRows() []row {
	rows := []row{
		{
			name:   "a block of status 103 first",
			plan:   plays(says(out("Status: 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"+goodHead+"a"), end())),
			client: want{status: 200, body: "a", more: interim("103 link: </a.css>; rel=preload")}, keep: kept, shared: spared,
		},
		{
			name:   "a block of status 103, and the response long after",
			plan:   plays(says(out("Status: 103\r\nLink: </a>\r\n\r\n")), trickles(1, out(goodHead+"a")), says(end())),
			client: want{status: 200, body: "a", more: interim("103 link: </a>")}, keep: kept, shared: spared,
		},
		{
			name:   "blocks of status 102, 103 and 100",
			plan:   plays(says(out("Status: 102\r\n\r\nStatus: 103\r\nLink: </a>\r\n\r\nStatus: 100\r\n\r\n"+goodHead+"a"), end())),
			client: want{status: 200, body: "a", more: interim("102", "103 link: </a>")}, keep: kept, shared: spared,
		},
		{
			name: "a block of status 103 and nothing else", plan: plays(says(out("Status: 103\r\nLink: </a>\r\n\r\n"), end())),
			client: want{outcome: refused, status: 502, more: interim("103 link: </a>")}, log: logged{reason: withinHead}, shared: spared,
		},
		{
			name: "a block of status 103 and half a header", plan: plays(says(out("Status: 103\r\nLink: </a>\r\n\r\nContent-")), closes()),
			client: want{outcome: refused, status: 502, more: interim("103 link: </a>")}, log: logged{reason: endedWithin}, shared: lost,
		},
		{
			name: "Location without a Status", plan: plays(says(out("Location: /there\r\n\r\n"), end())),
			client: want{status: 302, more: field("location", "/there")}, keep: kept, shared: spared,
		},
		{
			name: "status 204 with a body", plan: plays(says(out("Status: 204 No Content\r\n\r\nbody"), end())),
			client: want{status: 204, more: noFields("content-length", "transfer-encoding")}, keep: kept, shared: spared,
		},
		{
			name: "status 304 with a body", plan: plays(says(out("Status: 304\r\nContent-Length: 2\r\n\r\nbody"), end())),
			client: want{status: 304, more: noFields("transfer-encoding")}, keep: kept, shared: spared,
		},
		{
			name: "HEAD with a body", method: "HEAD", plan: plays(says(out(goodHead+"body"), end())),
			client: want{status: 200}, keep: kept, shared: spared,
		},
		badStatus("three Status lines", "Status: 200\r\nStatus: 404\r\nStatus: 500", "more than one Status"),
		badStatus("two Status lines that agree", "Status: 404\r\nStatus: 404", "more than one Status"),
	}
	for _, bad := range []string{"abc", "", "20", "2000", "20 0", "+20", "101", "101 Switching Protocols", "99", "099", "600", "999", "200OK"} {
		rows = append(rows, badStatus(fmt.Sprintf("Status %q", bad), "Status: "+bad, "bad status"))
	}
	return rows
}

func badStatus(name, lines, reason string) row {
	return row{
		name: name, plan: plays(says(out(lines+"\r\n"+goodHead+"body"), end())),
		client: page(502), log: logged{reason: reason}, shared: spared,
	}
}

// interim wants these interim heads, each as its status and fields, and no
// others.
func interim(list ...string) func(*heard) error {
	return func(h *heard) error {
		var got []string
		for _, i := range h.interim {
			s := fmt.Sprint(i.status)
			for _, f := range i.fields {
				s += " " + f
			}
			got = append(got, s)
		}
		if !slices.Equal(got, list) {
			return fmt.Errorf("interim heads %q, want %q", got, list)
		}
		return nil
	}
}
