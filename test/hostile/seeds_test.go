package hostile

import (
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// update is the flag that writes the file instead of comparing it.
var update = flag.Bool("update", false, "write the seeds of the parser's fuzz tests")

// seedsFile has what the rows send, for the fuzz tests of pkg/http1.
const seedsFile = "../../pkg/http1/testdata/hostile.txt"

// maxSeed keeps the rows about limits out: a fuzzer gets nowhere from them.
const maxSeed = 400

func TestTheParsersFuzzTestsKnowTheRows(t *testing.T) {
	var lines []string
	for _, r := range h1Rows() {
		if len(r.send) <= maxSeed && !strings.HasPrefix(r.name, "app:") {
			lines = append(lines, strconv.QuoteToASCII(r.send)+"\n")
		}
	}
	slices.Sort(lines)
	text := strings.Join(slices.Compact(lines), "")
	if *update {
		if err := os.WriteFile(seedsFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(seedsFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != text {
		t.Errorf("%s is not what the rows send: go test ./test/hostile -run Parsers -update", seedsFile)
	}
}
