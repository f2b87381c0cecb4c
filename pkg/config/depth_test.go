package config

import (
	"strings"
	"testing"
)

func TestDepthIsBoundedBeforeTheParserSeesIt(t *testing.T) {
	deep := strings.Repeat("a.", 100_000)
	for name, text := range map[string]string{
		"table":        "[" + deep + "a]\n",
		"key":          deep + "a = 1\n",
		"arrays":       "a = " + strings.Repeat("[", 100_000),
		"inline":       "a = " + strings.Repeat("{a=", 100_000),
		"second line":  "[log]\n" + deep + "a = 1\n",
		"after string": `a = "x" # y` + "\n" + deep + "a = 1\n",
	} {
		_, err := Parse(name, []byte(text), nil)
		if err == nil || !strings.Contains(err.Error(), "nests too deeply") {
			t.Errorf("%s: %.200v", name, err)
		}
	}
	for _, text := range []string{
		"", "a = '" + strings.Repeat(".", 100) + "'\n", "# " + strings.Repeat("[", 100) + "\n",
		`a = "\"` + strings.Repeat("{", 100) + "\"\n", "a = '''\n" + strings.Repeat(".\n.", 100) + "'''\n",
		"a = \"\"\"" + strings.Repeat("[", 100) + "\"\"\"", "a = [" + strings.Repeat("1.5, ", 100) + "]\n",
	} {
		if at := tooDeep(text); at >= 0 {
			t.Errorf("%.40q: too deep at %d", text, at)
		}
	}
}
