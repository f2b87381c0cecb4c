package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestKeysAreFoundWhereTheyStand(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       map[string]string
	}{
		{"plain", "a = 1\n  b=2", map[string]string{"a": "1:1", "b": "2:3"}},
		{"table", "[x]\na = 1\n[x.y]\nb = 2", map[string]string{"x": "1:1", "x.a": "2:1", "x.y": "3:1", "x.y.b": "4:1"}},
		{"implicit table", " [ x . y ]\na = 1", map[string]string{"x": "1:2", "x.y": "1:2", "x.y.a": "2:1"}},
		{"array of tables", "[[x]]\na=1\n[[x.y]]\n[[x.y]]\nb=1\n[[x]]\n[x.z]\nc=1", map[string]string{
			"x": "1:1", "x[0]": "1:1", "x[0].a": "2:1", "x[0].y": "3:1", "x[0].y[0]": "3:1", "x[0].y[1]": "4:1",
			"x[0].y[1].b": "5:1", "x[1]": "6:1", "x[1].z": "7:1", "x[1].z.c": "8:1",
		}},
		{"dotted key", "a . b.\"c.d\" = 1", map[string]string{"a": "1:1", "a.b": "1:5", `a.b."c.d"`: "1:7"}},
		{"quoted keys", "\"a b\" = 1\n'c\\' = 2\n\"\" = 3\n\"d\\u00e9\\\"\\t\" = 4", map[string]string{`"a b"`: "1:1", `"c\\"`: "2:1", `""`: "3:1", `"dé\"\t"`: "4:1"}},
		{"arrays", "a = [1, [2,\n 3], # 4]\n]", map[string]string{"a": "1:1", "a[0]": "1:6", "a[1]": "1:9", "a[1][0]": "1:10", "a[1][1]": "2:2"}},
		{"inline tables", "a = {b = 1, c.d = [ {e=2} ] }", map[string]string{
			"a": "1:1", "a.b": "1:6", "a.c": "1:13", "a.c.d": "1:15", "a.c.d[0]": "1:21", "a.c.d[0].e": "1:22",
		}},
		{"inline table over lines", "a = {\n  b = 1, # x }\n  c = 2,\n}\nd = 3", map[string]string{"a": "1:1", "a.b": "2:3", "a.c": "3:3", "d": "5:1"}},
		{"strings that look like keys", "a = \"\"\"\nb = 1\n[c]\n\\\"\"\"\"\"\nd = '''\ne = \"\n'''\nf = \"\\\"g = 1\"\nh = ''\ni = \"\"", map[string]string{
			"a": "1:1", "d": "5:1", "f": "8:1", "h": "9:1", "i": "10:1",
		}},
		{"comments", "# a = 1\nb = 2 # c = 3\n#[d]", map[string]string{"b": "2:1"}},
		{"dates and numbers", "a = 2020-01-01 10:00:00\nb = [1e5,-inf]\nc = 1", map[string]string{"a": "1:1", "b": "2:1", "b[0]": "2:6", "b[1]": "2:10", "c": "3:1"}},
		{"byte order mark", "\ufeffa = 1", map[string]string{"a": "1:1"}},
		{"characters count once", "a = { \"ä\" = 1, \"漢\" = 2 }", map[string]string{"a": "1:1", `"a"."ä"`: "", `a."ä"`: "1:7", `a."漢"`: "1:16"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := toml.Unmarshal([]byte(c.text), &map[string]any{}); err != nil {
				t.Fatalf("the text is not TOML: %v", err)
			}
			delete(c.want, `"a"."ä"`)
			got := scan(c.text)
			for path, want := range c.want {
				if m := got[path]; fmt.Sprintf("%d:%d", m.line, m.column) != want {
					t.Errorf("%s is at %d:%d, want %s", path, m.line, m.column, want)
				}
				delete(got, path)
			}
			for path := range got {
				t.Errorf("found %s, which is not there", path)
			}
		})
	}
}

func TestDeepNestingTakesLittleMemory(t *testing.T) {
	const n = 5000
	text := "a = " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\n" + strings.Repeat("b.", n) + "c = 1\n[" + strings.Repeat("d.", n) + "e]\nf = 1\n"
	if got := len(scan(text)); got > 4*maxDepth {
		t.Errorf("%d positions are kept", got)
	}
}

// paths lists the paths of everything in a decoded value, down to the depth
// whose positions are kept.
func paths(v any, path string, depth int, out *[]string) {
	if depth > maxDepth/2 {
		return
	}
	if path != "" {
		*out = append(*out, path)
	}
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			paths(e, join(path, k), depth+1, out)
		}
	case []any:
		for i, e := range x {
			paths(e, element(path, i), depth+1, out)
		}
	case []map[string]any:
		for i, e := range x {
			paths(e, element(path, i), depth+1, out)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, dir := range []string{"bad", "good"} {
		files, _ := filepath.Glob(filepath.Join("testdata", dir, "*.toml"))
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(data))
		}
	}
	f.Add("a.b.c = [{x = [1,2,{y=1}]}, {z='''\n''''}]\n[[t]]\n[t.u]\nv.w=1\n[[t]]")
	f.Add("={]S")
	f.Add("\"\\x41\\e\\U0001F600\" = {a.b=1,\n'c'=[\n]}")
	f.Fuzz(func(t *testing.T, text string) {
		got := scan(text)
		var raw map[string]any
		if _, err := toml.Decode(text, &raw); err != nil {
			return
		}
		var all []string
		paths(raw, "", 0, &all)
		for _, p := range all {
			if _, ok := got[p]; !ok {
				t.Errorf("%s has no position", p)
			}
		}
	})
}
