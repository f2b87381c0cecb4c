package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/config"
)

// command runs one command line in this process.
func command(args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = run(context.Background(), args, &o, &e)
	return code, o.String(), e.String()
}

func TestCommandLines(t *testing.T) {
	dir := t.TempDir()
	good := write(t, filepath.Join(dir, "good.toml"), "[[site]]\nroot = \"/srv\"\n")
	bad := write(t, filepath.Join(dir, "bad.toml"), "[[site]]\nrot = \"/srv\"\nlisten = [\"nowhere\"]\n[backend.php]\nmax_conns = -1\n")
	syntax := write(t, filepath.Join(dir, "syntax.toml"), "[[site]\n")
	unknown := write(t, filepath.Join(dir, "unknown.toml"), "[[site]]\n[[site.location]]\nmatch = \"/\"\nreturn = \"200 $uro\"\n"+
		"[[site.location]]\nmatch = \"/x\"\nroot = \"/does/not/exist\"\nheaders = { A = \"$nonsense\" }\n")
	tests := []struct {
		args    string
		code    int
		out     []string
		errOut  []string
		outOnly bool // stderr must be empty
	}{
		{"", 0, []string{"Usage:", "php-server", "check", "run"}, nil, true},
		{"--help", 0, []string{"fcgigw php-server ./public", "kill -HUP"}, nil, true},
		{"run --help", 0, []string{"HUP ", "USR1", "QUIT", "TERM", "Exit status", "--config"}, nil, true},
		{"check --help", 0, []string{"file:line:column", "exit status"}, nil, true},
		{"php-server --help", 0, []string{"--scripts", "--print-config", "--allow-root"}, nil, true},
		{"schema --help", 0, []string{"--markdown"}, nil, true},
		{"health --help", 0, []string{"HEALTHCHECK", "--timeout"}, nil, true},
		{"version", 0, []string{"fcgigw "}, nil, true},
		{"--version", 0, []string{"fcgigw version "}, nil, true},
		{"chekc", 2, nil, []string{`unknown command "chekc"`, "check"}, false},
		{"--nope", 2, nil, []string{"unknown flag: --nope", "Try 'fcgigw --help'"}, false},
		{"run --nope", 2, nil, []string{"unknown flag: --nope", "Try 'fcgigw run --help'"}, false},
		{"check one two", 2, nil, []string{"at most 1 arg"}, false},
		{"check " + good, 0, []string{good + ": ok: 1 site"}, nil, true},
		{"check " + good + " -c " + good, 0, []string{good + ": ok: 1 site"}, nil, true},
		{"check " + bad + " -c " + good, 2, nil, []string{"--config " + good + " and " + bad + ": give one path, not two"}, false},
		{"run " + bad, 2, nil, []string{bad + ":2:1: "}, false},
		{"run " + bad + " -c " + good, 2, nil, []string{"give one path"}, false},
		{"check -c " + good, 0, []string{good + ": ok: 1 site, 0 locations, 0 backends"}, nil, true},
		{"check -c " + bad, 2, nil, []string{bad + ":2:1: ", bad + ":3:", bad + ":5:", "root", "mistakes"}, false},
		{"check -c " + syntax, 2, nil, []string{syntax + ":1:", "1 mistake"}, false},
		{"check -c " + unknown, 2, nil, []string{unknown + ":2:", "$uro", unknown + ":5:", "$nonsense", "2 mistakes"}, false},
		{"check -c " + dir + "/none.toml", 2, nil, []string{"none.toml: no such file"}, false},
		{"run -c " + bad, 2, nil, []string{bad + ":2:1: "}, false},
		{"php-server --root " + dir + "/none", 2, nil, []string{"no such directory"}, false},
		{"php-server " + dir + "/none", 2, nil, []string{"no such directory"}, false},
		{"php-server " + good, 2, nil, []string{good + ": it is a file, not a directory"}, false},
		{"php-server " + good + "/x", 2, nil, []string{"it is a file"}, false},
		{"php-server " + dir + " --root /", 2, nil, []string{"give one path"}, false},
		{"php-server --workers -1 " + dir, 2, nil, []string{"--workers -1: must be"}, false},
		{"php-server --workers 99999 " + dir, 2, nil, []string{"--workers: must be at most 10000"}, false},
		{"php-server -l 18080 " + dir, 2, nil, []string{`--listen: "18080" is only a port; did you mean ":18080"?`}, false},
		{"php-server --scripts index.php " + dir, 2, nil, []string{`--scripts: "index.php" must start with "/"`}, false},
		{"php-server --root " + dir + " --print-config " + dir, 0, []string{"root    = \"" + dir}, nil, true},
		{"completion", 0, []string{"bash", "zsh"}, nil, true},
		{"completion tcsh", 2, nil, []string{`no completion for "tcsh"`, "bash"}, false},
		{"health http://127.0.0.1:1/ --timeout 2s", 1, nil, []string{"refused"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			code, out, errOut := command(strings.Fields(tt.args)...)
			if code != tt.code {
				t.Errorf("code %d, want %d", code, tt.code)
			}
			for _, want := range tt.out {
				if !strings.Contains(out, want) {
					t.Errorf("stdout lacks %q:\n%s", want, out)
				}
			}
			for _, want := range tt.errOut {
				if !strings.Contains(errOut, want) {
					t.Errorf("stderr lacks %q:\n%s", want, errOut)
				}
			}
			if strings.HasPrefix(tt.args, "php-server") && strings.Contains(errOut, "php-server:") {
				t.Errorf("stderr cites a file that nobody wrote: %s", errOut)
			}
			if tt.outOnly && errOut != "" {
				t.Errorf("stderr: %s", errOut)
			}
		})
	}
}

func TestABuildWithoutAVersionIsDevel(t *testing.T) {
	if got := buildVersion(); strings.ContainsAny(got, "()") || got == "" {
		t.Errorf("got %q", got)
	}
}

func TestTheSchemaIsJSON(t *testing.T) {
	code, out, _ := command("schema")
	var doc map[string]any
	if err := json.Unmarshal([]byte(out), &doc); code != 0 || err != nil || doc["properties"] == nil {
		t.Errorf("code %d, %v", code, err)
	}
	if code, out, _ := command("schema", "--markdown"); code != 0 || !strings.Contains(out, "| `try_files` |") {
		t.Errorf("code %d, %.100q", code, out)
	}
}

func TestPrintConfigIsAConfiguration(t *testing.T) {
	dir := t.TempDir()
	code, out, errOut := command("php-server", "--root", dir, "--listen", ":8081", "--scripts", "/**.php,/a.php",
		"--workers", "3", "--user", "www-data", "--group", "www-data", "--print-config")
	if code != 0 {
		t.Fatal(errOut)
	}
	cfg, err := config.Parse("printed", []byte(out), nil)
	if err != nil {
		t.Fatal(err)
	}
	site, w := cfg.Sites[0], cfg.Backends["php"].Workers
	if site.Root != dir || site.Listen[0] != ":8081" || strings.Join(site.Scripts, " ") != "/**.php /a.php" ||
		w.Count != 3 || w.User != "www-data" || w.Group != "www-data" || len(site.Locations) != 2 || len(cfg.Warnings) > 0 {
		t.Errorf("got %+v with %+v", site, w)
	}
}

func TestPrintConfigQuotesWhatItIsGiven(t *testing.T) {
	dir := filepath.Join(t.TempDir(), `it's a "dir" \ with é`)
	write(t, filepath.Join(dir, "x"), "")
	_, out, _ := command("php-server", "--root", dir, "--print-config")
	cfg, err := config.Parse("printed", []byte(out), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if cfg.Sites[0].Root != dir {
		t.Errorf("root %q", cfg.Sites[0].Root)
	}
}

func TestCompletionScriptsAreSound(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, out, errOut := command("completion", shell)
		if code != 0 || !strings.Contains(out, "fcgigw") {
			t.Errorf("%s: code %d, %s", shell, code, errOut)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		c := exec.Command(path, "-n")
		c.Stdin = strings.NewReader(out)
		if text, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", shell, err, text)
		}
	}
	code, out, _ := command("__complete", "ch")
	if code != 0 || !strings.Contains(out, "check") {
		t.Errorf("completing ch: code %d, %q", code, out)
	}
}
