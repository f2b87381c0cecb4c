package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// update makes a test write what it would compare with; run it by
// "go test -update".
func update() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite the expectations and the generated files")
	flag.Parse()
	os.Exit(m.Run())
}

// testEnv is the environment of every file in testdata.
func testEnv(name string) (string, bool) {
	v, ok := map[string]string{
		"NUMBER":   "512",
		"WORD":     "word",
		"DURATION": "45s",
		"BOOL":     "true",
		"EMPTY":    "",
		"TEMPLATE": "x=$http_y",
	}[name]
	return v, ok
}

// results are the errors, or else the warnings, of one file, each as
// "line:column: message".
func results(name string, data []byte) []string {
	c, err := Parse(name, data, testEnv)
	var list Errors
	if err != nil {
		var es *Errors
		if !errors.As(err, &es) {
			return []string{"not an *Errors: " + err.Error()}
		}
		list = *es
	} else {
		list = c.Warnings
	}
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Msg)
	}
	return out
}

// wants splits a file into the expectations at its top, which are comments, and
// the rest.
func wants(data []byte) (want []string, body string) {
	body = string(data)
	for strings.HasPrefix(body, "#= ") {
		line, rest, _ := strings.Cut(body, "\n")
		want, body = append(want, line[len("#= "):]), rest
	}
	return want, body
}

// withWants puts what a body results in at its top. The first pass only counts
// the lines that the expectations take.
func withWants(name, body string) string {
	list := results(name, []byte(body))
	list = results(name, []byte(strings.Repeat("#\n", len(list))+body))
	if len(list) == 0 {
		return body
	}
	return "#= " + strings.Join(list, "\n#= ") + "\n" + body
}

// eachFile runs f for every file of a directory of testdata.
func eachFile(t *testing.T, dir string, f func(t *testing.T, name string, data []byte)) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.toml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/%s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if _, body := wants(data); update() {
				data = []byte(withWants(filepath.Base(file), body))
				if err := os.WriteFile(file, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			f(t, filepath.Base(file), data)
		})
	}
}

// compare checks the results of a file against its expectations.
func compare(t *testing.T, name string, data []byte) (want []string) {
	t.Helper()
	want, _ = wants(data)
	got := results(name, data)
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
	return want
}

func TestBadFilesGiveTheirMessages(t *testing.T) {
	eachFile(t, "bad", func(t *testing.T, name string, data []byte) {
		if want := compare(t, name, data); len(want) == 0 {
			t.Error("the file expects no message")
		}
		if c, err := Parse(name, data, testEnv); err == nil || c != nil {
			t.Errorf("Parse = %v, %v; want an error and no Config", c, err)
		}
	})
}

func TestGoodFilesLoadWithTheirWarnings(t *testing.T) {
	eachFile(t, "good", func(t *testing.T, name string, data []byte) {
		compare(t, name, data)
		if _, err := Parse(name, data, testEnv); err != nil {
			t.Error(err)
		}
	})
}
