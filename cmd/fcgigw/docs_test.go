package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/vars"
)

func readDoc(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEveryVariableIsDocumentedAndNoOther(t *testing.T) {
	known := make(map[string]bool)
	for _, name := range vars.Known() {
		known[name] = true
	}
	documented := make(map[string]bool)
	for line := range strings.Lines(readDoc(t, "docs/variables.md")) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range regexp.MustCompile("`\\$([a-zA-Z0-9_]+)`").FindAllStringSubmatch(cells[1], -1) {
			documented[m[1]] = true
			if !known[m[1]] && m[1] != "1" && m[1] != "9" && m[1] != "NAME" {
				t.Errorf("docs/variables.md has $%s, which does not exist", m[1])
			}
		}
	}
	for name := range known {
		if !documented[name] {
			t.Errorf("docs/variables.md lacks $%s", name)
		}
	}
}

func TestConfigurationsInTheDocumentsAreRight(t *testing.T) {
	found := 0
	for _, path := range []string{"README.md", "docs/running.md", "docs/roles.md", "docs/tls.md"} {
		for _, m := range regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(readDoc(t, path), -1) {
			found++
			if _, err := config.Parse(path, []byte(m[1]), nil); err != nil {
				t.Errorf("%v\n%s", err, m[1])
			}
		}
	}
	if found < 3 {
		t.Errorf("only %d were found", found)
	}
}

func TestLinksBetweenTheDocumentsLeadSomewhere(t *testing.T) {
	for path, dir := range map[string]string{"README.md": "", "docs/running.md": "docs/", "docs/logs.md": "docs/", "docs/variables.md": "docs/", "docs/roles.md": "docs/", "docs/tls.md": "docs/"} {
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(readDoc(t, path), -1) {
			if m[1] == "bench/RESULTS.md" {
				continue // "make bench" writes it
			}
			if _, err := os.Stat("../../" + dir + m[1]); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}
