package config

import (
	"maps"
	"slices"
	"testing"
)

const inheritText = `
[[site]]
hosts = ["A.example", "~^B$"]
root = "/srv"
index = ["a.php"]
max_body = "1MiB"
dotfiles = "allow"
symlinks = "owner"
scripts = ["/a.php"]
params = { A = "site", B = "site" }
headers = { X-A = "site" }

[[site.location]]
match = "/none"

[[site.location]]
match = "=/own"
root = "/own"
index = []
max_body = 0
dotfiles = "deny"
symlinks = "beneath"
scripts = ["/b.php"]
params = { B = "own", C = "own" }
headers = { X-A = "" }

[[site.location]]
match = "^~   /alias/"
alias = "/other/"
`

func TestALocationTakesWhatItDoesNotSetFromItsSite(t *testing.T) {
	l := mustParse(t, inheritText).Sites[0].Locations[0]
	if l.Root != "/srv" || !slices.Equal(l.Index, []string{"a.php"}) || l.MaxBody != 1<<20 || l.Dotfiles != "allow" ||
		l.Symlinks != "owner" || !slices.Equal(l.Scripts, []string{"/a.php"}) {
		t.Errorf("inherited %+v", l)
	}
	if !maps.Equal(l.Params, map[string]string{"A": "site", "B": "site"}) || !maps.Equal(l.Headers, map[string]string{"X-A": "site"}) {
		t.Errorf("inherited %v %v", l.Params, l.Headers)
	}
}

func TestALocationKeepsWhatItSetsEvenToNothing(t *testing.T) {
	l := mustParse(t, inheritText).Sites[0].Locations[1]
	if l.Root != "/own" || len(l.Index) != 0 || l.MaxBody != 0 || l.Dotfiles != "deny" || l.Symlinks != "beneath" ||
		!slices.Equal(l.Scripts, []string{"/b.php"}) {
		t.Errorf("kept %+v", l)
	}
}

func TestParamsAndHeadersAreMergedAndTheLocationWins(t *testing.T) {
	s := mustParse(t, inheritText).Sites[0]
	l := s.Locations[1]
	if !maps.Equal(l.Params, map[string]string{"A": "site", "B": "own", "C": "own"}) || !maps.Equal(l.Headers, map[string]string{"X-A": ""}) {
		t.Errorf("merged %v %v", l.Params, l.Headers)
	}
	if !maps.Equal(s.Params, map[string]string{"A": "site", "B": "site"}) {
		t.Errorf("the site's params became %v", s.Params)
	}
}

func TestAnAliasTakesThePlaceOfTheSitesRoot(t *testing.T) {
	l := mustParse(t, inheritText).Sites[0].Locations[2]
	if l.Root != "" || l.Alias != "/other/" {
		t.Errorf("root %q, alias %q", l.Root, l.Alias)
	}
}

func TestInheritedValuesAreNotShared(t *testing.T) {
	s := mustParse(t, inheritText).Sites[0]
	l := s.Locations[0]
	l.Index[0], l.Params["A"] = "changed", "changed"
	if s.Index[0] != "a.php" || s.Params["A"] != "site" {
		t.Errorf("changing a location changed its site: %v %v", s.Index, s.Params)
	}
}

func TestNamesAndPatternsAreWrittenInOneWay(t *testing.T) {
	s := mustParse(t, inheritText).Sites[0]
	if s.Name != "a.example" || !slices.Equal(s.Hosts, []string{"a.example", "~^B$"}) {
		t.Errorf("name %q, hosts %q", s.Name, s.Hosts)
	}
	if s.Locations[1].Match != "= /own" || s.Locations[2].Match != "^~ /alias/" {
		t.Errorf("patterns %q, %q", s.Locations[1].Match, s.Locations[2].Match)
	}
	if name := mustParse(t, "[[site]]\nroot = \"/srv\"\n").Sites[0].Name; name != "default" {
		t.Errorf("a site without hosts is called %q", name)
	}
}
