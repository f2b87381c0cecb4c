package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// mustLoad loads a file that has no mistakes.
func mustLoad(t *testing.T, path string) *Config {
	t.Helper()
	c, err := Load(path, testEnv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mustParse parses a text that has no mistakes.
func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("t.toml", []byte(text), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAMissingFileSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.toml")
	_, err := Load(path, nil)
	var es *Errors
	if !errors.As(err, &es) || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Load = %#v; want an *Errors that is fs.ErrNotExist", err)
	}
	if want := path + ": no such file or directory"; err.Error() != want {
		t.Errorf("Load = %q, want %q", err, want)
	}
}

func TestADirectoryIsAnError(t *testing.T) {
	_, err := Load(t.TempDir(), nil)
	if err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("Load = %v", err)
	}
}

func TestAFileTooLargeIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.toml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxFile+1); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path, nil)
	if err == nil || !strings.Contains(err.Error(), "larger than 16MiB") {
		t.Errorf("Load = %v", err)
	}
}

func TestErrorsArePrintedOnePerLineWithTheirPlace(t *testing.T) {
	_, err := Parse("a.toml", []byte("[log]\nlevel = 1\nformat = 2\n"), nil)
	want := "a.toml:2:1: level: wants one of \"debug\", \"info\", \"warn\", \"error\", found the integer 1\na.toml:3:1: format: wants one of \"auto\", \"json\", \"console\", found the integer 2"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	var one Error
	if !errors.As(err, &one) || one.Path != "log.level" || one.Line != 2 {
		t.Errorf("errors.As gives %+v", one)
	}
}

func TestASyntaxErrorKeepsTheParsersError(t *testing.T) {
	_, err := Parse("a.toml", []byte("a = \n"), nil)
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		t.Errorf("%v does not hold a toml.ParseError", err)
	}
}

func TestPositionsAreKnownToTheUsersOfAConfig(t *testing.T) {
	c := mustParse(t, "[[site]]\nroot = \"/a\"\n  [[site.location]]\n  match = \"/\"\n  params = { A = \"$x\", B = \"b\" }\n  backend = \"a.b\"\n[backend.'a.b']\nservers = [\n  \"unix:/x\",\n]\n")
	l := c.Sites[0].Locations[0]
	for path, want := range map[string]string{
		l.Pos.Path:                           "t.toml:3:3",
		l.Pos.Path + ".params.B":             "t.toml:5:24",
		l.Pos.Path + ".params.NONE":          "t.toml:5:3",
		l.Pos.Path + ".max_body":             "t.toml:3:3",
		`backend."a.b"`:                      "t.toml:7:1",
		`backend."a.b".servers[0]`:           "t.toml:9:3",
		`backend."a.b".workers.ini."x\"y.z"`: "t.toml:7:1",
		"http.backlog":                       "t.toml:1:1",
		"":                                   "t.toml:1:1",
	} {
		if got := c.At(path); got.String() != want || got.Path != path {
			t.Errorf("At(%q) = %s %q, want %s", path, got, got.Path, want)
		}
	}
	if c.Sites[0].Pos.String() != "t.toml:1:1" || c.Backends["a.b"].Pos.String() != "t.toml:7:1" {
		t.Errorf("site at %s, backend at %s", c.Sites[0].Pos, c.Backends["a.b"].Pos)
	}
	if e := NewError(l.Pos, "no"); e.Error() != "t.toml:3:3: no" || e.Path != "site[0].location[0]" {
		t.Errorf("NewError = %v %q", e, e.Path)
	}
	if got := Default().At("http.backlog"); got.Line != 0 || got.String() != "" {
		t.Errorf("Default().At = %v", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, dir := range []string{"bad", "good"} {
		files, _ := filepath.Glob(filepath.Join("testdata", dir, "*.toml"))
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.toml", data, testEnv)
		var list Errors
		if err == nil {
			list = c.Warnings
		} else {
			var es *Errors
			if !errors.As(err, &es) || len(*es) == 0 {
				t.Fatalf("the error is %#v", err)
			}
			list = *es
		}
		lines := strings.Split(string(data), "\n")
		for i, e := range list {
			if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > len(lines[e.Line-1])+1 {
				t.Errorf("%v is not in the file", e)
			}
			if i > 0 && (e.Line < list[i-1].Line || e.Line == list[i-1].Line && e.Column < list[i-1].Column) {
				t.Errorf("%v comes after %v", e, list[i-1])
			}
		}
	})
}
