package responder_test

import "strings"

// stderrRows are what an application may write beside its reply.
func stderrRows() []row {
	lines := func(n int, line string) (list []string) {
		for range n {
			list = append(list, line)
		}
		return list
	}
	return []row{
		{
			name:   "STDERR that would control a terminal or forge a record",
			plan:   plays(says(errOut("a\x1b[31mred\x07\n{\"level\":\"info\"}\r\nNUL \x00, half a rune \xc3\n\u202eodd\u2028line\n\tend"), out(goodHead+"a"), end())),
			client: reply("a"), keep: kept, shared: spared,
			log: logged{stderr: []string{
				`a\x1b[31mred\a`, `{"level":"info"}`, `NUL \x00, half a rune \xc3`, `\u202eodd\u2028line`, `\tend`,
			}},
		},
		{
			name: "more lines on STDERR than are kept", keys: keys{},
			plan:   plays(says(many(stderr, strings.Repeat("line\n", 1000), maxContent), out(goodHead+"a"), end())),
			client: reply("a"), keep: kept, shared: spared,
			log: logged{stderr: lines(50, "line"), dropped: 950 * int64(len("line"))},
		},
		{
			name:   "a longer line on STDERR than is kept",
			plan:   plays(says(many(stderr, strings.Repeat("e", 100<<10), maxContent), out(goodHead+"a"), end())),
			client: reply("a"), keep: kept, shared: spared,
			log: logged{stderr: lines(1, strings.Repeat("e", 16<<10)), dropped: 84 << 10},
		},
		{
			name:   "STDERR in records of one byte between those of STDOUT",
			plan:   plays(says(many(stderr, "first ", 1), out(goodHead), many(stderr, "line\nsecond", 1), out("a"), end())),
			client: reply("a"), keep: kept, shared: spared, log: logged{stderr: []string{"first line", "second"}},
		},
		{
			name: "STDERR with a status of 500", plan: plays(says(errOut("PHP Fatal error: no\n"), out("Status: 500\r\n"+goodHead+"a"), end())),
			client: want{status: 500, body: "a"}, keep: kept, shared: spared, log: logged{stderr: []string{"PHP Fatal error: no"}},
		},
		{
			name: "STDERR and then the end of the connection", plan: plays(says(errOut("dying\n")), closes()),
			client: page(502), log: logged{reason: endedWithin, stderr: []string{"dying"}}, shared: lost,
		},
	}
}
