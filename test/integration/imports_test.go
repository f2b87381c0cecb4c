package integration

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	module       = "github.com/fcgigw/fcgigw/"
	architecture = "../../ARCHITECTURE.md"
)

// policy is the import table: for each package those of ours it may import. A
// name that ends in "/..." stands for a package and all beneath it.
type policy map[string][]string

var codeName = regexp.MustCompile(`[a-z0-9][a-z0-9/]*(\.\.\.)?`)

// parsePolicy reads the table "package | one job | may import of ours". Names
// may be in backquotes and lack "pkg/"; a dagger behind a name is decoration.
func parsePolicy(text string) policy {
	p := policy{}
	in := false
	for line := range strings.Lines(text) {
		cells := tableCells(line)
		switch {
		case len(cells) < 3:
			in = false
		case cells[0] == "package" && cells[2] == "may import of ours":
			in = true
		case in && strings.Trim(cells[0], "-: ") != "":
			name := strings.Fields(strings.ReplaceAll(cells[0], "`", ""))[0]
			p[strings.TrimPrefix(name, "pkg/")] = importNames(cells[2])
		}
	}
	return p
}

func tableCells(line string) []string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

// importNames reads a list of packages; a dash or "nothing" is none.
func importNames(cell string) []string {
	var names []string
	for _, name := range codeName.FindAllString(strings.ReplaceAll(cell, "pkg/", ""), -1) {
		if name != "nothing" && name != "none" {
			names = append(names, name)
		}
	}
	return names
}

// pkg is what "go list" tells of a package.
type pkg struct {
	ImportPath string
	GoFiles    []string
	Imports    []string
}

// short is the name of one of our packages in the table; "" for others.
func short(path string) string {
	name, ok := strings.CutPrefix(path, module)
	if !ok {
		return ""
	}
	return strings.TrimPrefix(name, "pkg/")
}

// violations holds packages against the table.
func (p policy) violations(packages []pkg) []string {
	var found []string
	listed := map[string]bool{}
	for _, k := range packages {
		name := short(k.ImportPath)
		if len(k.GoFiles) == 0 {
			continue // tests only
		}
		row, ok := p.row(name)
		listed[row] = true
		if !ok {
			found = append(found, name+" is missing from the table")
			continue
		}
		for _, path := range k.Imports {
			if to := short(path); to != "" && !matchesAny(p[row], to) {
				found = append(found, name+" must not import "+to)
			}
		}
	}
	for name := range p {
		if !listed[name] {
			found = append(found, name+" is in the table and does not exist")
		}
	}
	slices.Sort(found)
	return found
}

// row finds the row of a package: its own, or one that covers it.
func (p policy) row(name string) (row string, ok bool) {
	if _, ok := p[name]; ok {
		return name, true
	}
	for row := range p {
		if matches(row, name) {
			return row, true
		}
	}
	return "", false
}

func matches(pattern, name string) bool {
	above, deep := strings.CutSuffix(pattern, "/...")
	return above == name || deep && strings.HasPrefix(name, above+"/")
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

func TestImportsAreThoseOfTheArchitecture(t *testing.T) {
	text, err := os.ReadFile(architecture)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("there is no ARCHITECTURE.md yet")
	}
	if err != nil {
		t.Fatal(err)
	}
	p := parsePolicy(string(text))
	if len(p) == 0 {
		t.Fatal("ARCHITECTURE.md has no table \"package | one job | may import of ours\"")
	}
	for _, v := range p.violations(listPackages(t)) {
		t.Error(v)
	}
}

func listPackages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-pgo=off", "-json=ImportPath,GoFiles,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var k pkg
		if err := dec.Decode(&k); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, k)
	}
}

func TestTheImportTableIsUnderstoodAndEnforced(t *testing.T) {
	p := parsePolicy("# Layers\n\n" +
		"| package | one job | may import of ours | never |\n|---|---|---|---|\n" +
		"| cmd/fcgigw | wiring | config, `gateway` | logic |\n" +
		"| `pkg/fcgi` † | records | – | zap |\n" +
		"| fcgi/fcgitest | tests | pkg/fcgi | |\n| gone | | fcgi | |\n| bench/... | measures | bench/..., fcgi | |\n\n" +
		"| package | other table |\n|---|---|\n| nothing | here |\n")
	got := p.violations([]pkg{
		{module + "cmd/fcgigw", []string{"main.go"}, []string{module + "pkg/config", module + "pkg/fcgi", "fmt"}},
		{module + "pkg/fcgi", []string{"a.go"}, []string{"io"}},
		{module + "pkg/fcgi/fcgitest", []string{"a.go"}, []string{module + "pkg/fcgi"}},
		{module + "pkg/pool", []string{"a.go"}, nil},
		{module + "bench", []string{"a.go"}, []string{module + "bench/load"}},
		{module + "bench/load", []string{"a.go"}, []string{module + "pkg/fcgi", module + "pkg/config"}},
		{module + "test/integration", nil, nil},
	})
	want := []string{
		"bench/load must not import config", "cmd/fcgigw must not import fcgi", "gone is in the table and does not exist", "pool is missing from the table",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
