package config

import (
	"go/build"
	"slices"
	"strings"
	"testing"
)

func TestNothingOfOursAndNoSocketsAreImported(t *testing.T) {
	p, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(p.Imports, "reflect") {
		t.Fatalf("imports are not read: %v", p.Imports)
	}
	for _, path := range p.Imports {
		first, _, _ := strings.Cut(path, "/")
		ours := strings.HasPrefix(path, "github.com/fcgigw/")
		other := strings.Contains(first, ".") && path != "github.com/BurntSushi/toml"
		if ours || other || slices.Contains([]string{"net", "net/http", "os/exec", "syscall", "unsafe"}, path) {
			t.Errorf("imports %s", path)
		}
	}
}
