package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

const (
	script = `<?php header("X-Ran: yes"); echo "ran ", $_SERVER["SCRIPT_NAME"], " in ", $_SERVER["DOCUMENT_ROOT"], " with ", $_SERVER["QUERY_STRING"], ($_SERVER["PATH_INFO"] ?? "");`
	secret = `<?php /* source */ echo "ran an upload";`
)

// request is one request to a sample and what must come back.
type request struct {
	host, target string
	status       int
	want         string // in the body, or in Location
}

// sample says how a file of configs is tried out: the paths in it that exist on
// no test machine are replaced, nothing else.
type sample struct {
	file     string
	replace  map[string]string // {dir} is the test's directory
	php      []string          // addresses of a php-fpm, {dir} as above; none: it needs none
	app      string            // unix socket of an HTTP server, {dir} as above
	env      []string
	files    map[string]string
	links    map[string]string // symbolic links and where they lead, beneath {dir}
	requests []request
}

func samples(t *testing.T) []sample {
	tcp := harness.FreeAddr(t)
	return []sample{
		{
			file:    "php-fpm.toml",
			replace: map[string]string{`":80"`: `"unix:{dir}/http"`, "/var/www/site": "{dir}/www", "/run/php/php8.2-fpm.sock": "{dir}/fpm"},
			php:     []string{"unix:{dir}/fpm"},
			files: map[string]string{
				"www/index.php": script, "www/page.php": script, "www/style.css": "css", "www/docs/index.html": "docs",
				"www/uploads/shell.php": secret, "www/.env": "secret",
			},
			requests: []request{
				{"example.org", "/", 200, "ran /index.php in {dir}/www"},
				{"example.org", "/page.php?a=b", 200, "ran /page.php in {dir}/www with a=b"},
				{"example.org", "/page.php/more", 200, "with /more"},
				{"example.org", "/style.css", 200, "css"},
				{"example.org", "/docs/", 200, "docs"},
				{"example.org", "/docs", 301, "/docs/"},
				{"example.org", "/none", 404, ""},
				{"example.org", "/uploads/shell.php", 404, ""},
				{"example.org", "/style.css/x.php", 404, ""},
				{"example.org", "/.env", 404, ""},
			},
		},
		{
			file:    "wordpress.toml",
			replace: map[string]string{`":80"`: `"unix:{dir}/http"`, "/var/www/wordpress": "{dir}/www", "/run/php/php8.2-fpm.sock": "{dir}/fpm"},
			php:     []string{"unix:{dir}/fpm"},
			files: map[string]string{
				"www/index.php": script, "www/wp-login.php": script, "www/wp-admin/index.php": script, "www/wp-admin/edit.php": script,
				"www/wp-config.php": secret, "www/wp-content/plugins/x/x.php": secret, "www/wp-content/uploads/shell.php": secret,
				"www/wp-content/uploads/cat.png": "cat", "www/.htaccess": "secret", "www/xmlrpc.php": script,
			},
			requests: []request{
				{"blog.example.org", "/", 200, "ran /index.php"},
				{"blog.example.org", "/2024/05/a-post/?p=1", 200, "ran /index.php in {dir}/www with p=1"},
				{"blog.example.org", "/wp-admin", 301, "/wp-admin/"},
				{"blog.example.org", "/wp-admin/", 200, "ran /wp-admin/index.php"},
				{"blog.example.org", "/wp-admin/edit.php?post=1", 200, "ran /wp-admin/edit.php"},
				{"blog.example.org", "/wp-login.php", 200, "ran /wp-login.php"},
				{"blog.example.org", "/wp-content/uploads/cat.png", 200, "cat"},
				{"blog.example.org", "/wp-content/uploads/none.png", 404, ""},
				{"blog.example.org", "/wp-content/uploads/shell.php", 404, ""},
				{"blog.example.org", "/wp-content/plugins/x/x.php", 404, ""},
				{"blog.example.org", "/wp-config.php", 404, ""},
				{"blog.example.org", "/xmlrpc.php", 404, ""},
				{"blog.example.org", "/.htaccess", 404, ""},
			},
		},
		{
			file:    "front-controller.toml",
			replace: map[string]string{`":80"`: `"unix:{dir}/http"`, "/var/www/app/public": "{dir}/www", "/run/php/php8.2-fpm.sock": "{dir}/fpm"},
			php:     []string{"unix:{dir}/fpm"},
			files: map[string]string{
				"www/index.php": script, "www/robots.txt": "robots", "www/build/app-1a2b.js": "js",
				"app/storage/cat.png": "cat", "app/storage/shell.php": secret, "www/build/shell.php": secret, "www/.env": "secret",
			},
			links: map[string]string{"www/storage": "app/storage"},
			requests: []request{
				{"app.example.org", "/", 200, "ran /index.php"},
				{"app.example.org", "/users/7?tab=x", 200, "ran /index.php in {dir}/www with tab=x"},
				{"app.example.org", "/robots.txt", 200, "robots"},
				{"app.example.org", "/build/app-1a2b.js", 200, "js"},
				{"app.example.org", "/index.php", 404, ""},
				{"app.example.org", "/index.php/users", 404, ""},
				{"app.example.org", "/storage/cat.png", 200, "cat"},
				{"app.example.org", "/storage/none.png", 404, ""},
				{"app.example.org", "/storage/shell.php", 404, ""},
				{"app.example.org", "/build/shell.php", 404, ""},
				{"app.example.org", "/.env", 404, ""},
			},
		},
		{
			file:    "containers.toml",
			replace: map[string]string{`":8080"`: `"unix:{dir}/http"`, "/srv/app/public": "{dir}/here", "/var/www/html/public": "{dir}/there"},
			php:     []string{tcp},
			env:     []string{"PHP_FPM=" + tcp, "PHP_CHILDREN=2"},
			files: map[string]string{
				"here/index.php": "not this one", "there/index.php": script, "here/app.css": "css",
				"here/up/shell.php": secret, "there/up/shell.php": secret, "here/.git/config": "secret",
			},
			requests: []request{
				{"any", "/", 200, "ran /index.php in {dir}/there"},
				{"any", "/a/b?c", 200, "with c"},
				{"any", "/app.css", 200, "css"},
				{"any", "/up/shell.php", 404, ""},
				{"any", "/.git/config", 404, ""},
			},
		},
		{
			file: "many-sites.toml",
			replace: map[string]string{
				`":80"`: `"unix:{dir}/http"`, "/var/www/example": "{dir}/example",
				"/run/php/main.sock": "{dir}/main", "/run/php/shop.sock": "{dir}/shop",
			},
			php: []string{"unix:{dir}/main", "unix:{dir}/shop"},
			files: map[string]string{
				"example.org/index.php": script, "example.org/a.txt": "org", "example.org/up/shell.php": secret, "example.org/.env": "secret",
				"example.net/index.php": script, "example.net/a.txt": "net", "example.net/up/shell.php": secret,
			},
			requests: []request{
				{"example.org", "/", 200, "ran /index.php in {dir}/example.org"},
				{"example.org", "/a.txt", 200, "org"},
				{"example.org", "/up/shell.php", 404, ""},
				{"example.org", "/.env", 404, ""},
				{"www.example.org", "/a%20b?c=d", 301, "http://example.org/a%20b?c=d"},
				{"example.net", "/x", 200, "ran /index.php in {dir}/example.net"},
				{"pay.example.net", "/a.txt", 200, "net"},
				{"pay.example.net", "/up/shell.php", 404, ""},
				{"elsewhere.test", "/a.txt", 404, ""},
				{"127.0.0.1", "/", 404, ""},
			},
		},
		{
			file:    "php-server.toml",
			replace: map[string]string{`"127.0.0.1:8080"`: `"unix:{dir}/http"`, "/var/www/app/public": "{dir}/www"},
			files: map[string]string{
				"www/index.php": `<?php echo "ran with ", ini_get("memory_limit");`, "www/a.txt": "text",
				"www/up/shell.php": secret, "www/.env": "secret",
			},
			requests: []request{
				{"any", "/", 200, "ran with 256M"},
				{"any", "/path", 200, "ran with 256M"},
				{"any", "/a.txt", 200, "text"},
				{"any", "/up/shell.php", 404, ""},
				{"any", "/.env", 404, ""},
			},
		},
		{
			file: "docker/fcgigw.toml",
			php:  []string{tcp},
			env: []string{
				"LISTEN=unix:{dir}/http", "ROOT={dir}/here", "REMOTE_ROOT={dir}/there", "PHP_FPM=" + tcp, "PHP_CHILDREN=2",
				"SCRIPTS=/*.php", "MAX_BODY=1k",
			},
			files: map[string]string{
				"here/index.php": "not this one", "there/index.php": script, "here/a.css": "css",
				"here/up/shell.php": secret, "there/up/shell.php": secret,
			},
			requests: []request{
				{"any", "/-/health", 200, "ok"},
				{"any", "/", 200, "ran /index.php in {dir}/there"},
				{"any", "/a.css", 200, "css"},
				{"any", "/up/shell.php", 404, ""},
			},
		},
		{
			file: "docker/php.toml",
			env:  []string{"LISTEN=unix:{dir}/http", "ROOT={dir}/www", "PHP_CHILDREN=2"},
			files: map[string]string{
				"www/index.php": `<?php echo "ran with ", ini_get("post_max_size");`, "www/up/shell.php": secret,
			},
			requests: []request{
				{"any", "/-/health", 200, "ok"},
				{"any", "/a/b", 200, "ran with 64M"},
				{"any", "/up/shell.php", 404, ""},
			},
		},
	}
}

// sampleFiles lists all files of configs.
func sampleFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.toml", "docker/*.toml"} {
		list, err := filepath.Glob("../../configs/" + pattern)
		if err != nil || len(list) == 0 {
			t.Fatal(pattern, list, err)
		}
		files = append(files, list...)
	}
	return files
}

func TestEverySampleServesWhatItSays(t *testing.T) {
	tried := make(map[string]bool)
	for _, s := range slices.Concat(samples(t), tlsSamples(t), httpSamples()) {
		tried[s.file] = true
		t.Run(s.file, func(t *testing.T) { s.try(t) })
	}
	for _, f := range sampleFiles(t) {
		if !tried[strings.TrimPrefix(f, "../../configs/")] {
			t.Errorf("%s is not tried", f)
		}
	}
}

func (s *sample) try(t *testing.T) {
	dir := openDir(t)
	in := func(text string) string { return strings.ReplaceAll(text, "{dir}", dir) }
	for name, text := range s.files {
		write(t, filepath.Join(dir, name), text)
	}
	for name, to := range s.links {
		if err := os.Symlink(filepath.Join(dir, to), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var env []string
	for _, v := range s.env {
		env = append(env, in(v))
	}
	var php []string
	for _, addr := range s.php {
		php = append(php, in(addr))
	}
	if len(php) > 0 {
		startPHP(t, php...)
	}
	if s.app != "" {
		serveApp(t, in(s.app))
	}
	config := write(t, filepath.Join(dir, "fcgigw.toml"), s.text(t, in))
	p := launch(t, env, "run", "--config", config)
	p.waitLog(`"ready"`)
	for _, r := range s.requests {
		var got reply
		if host, ok := strings.CutPrefix(r.host, "https:"); ok {
			got = askTLS(t, dir+"/https", host, r.target)
		} else {
			got = mustAsk(t, "unix", dir+"/http", r.host, r.target)
		}
		where := got.body
		if got.StatusCode/100 == 3 {
			where = got.Header.Get("Location")
		}
		if got.StatusCode != r.status || !strings.Contains(where, in(r.want)) {
			t.Errorf("%s%s: got %d %.200q, want %d %q", r.host, r.target, got.StatusCode, where, r.status, in(r.want))
		}
		if r.status == 404 && (strings.Contains(got.body, "ecret") || strings.Contains(got.body, "source") || got.Header.Get("X-Ran") != "") {
			t.Errorf("%s%s: got %q", r.host, r.target, got.body)
		}
	}
}

// text is the sample with its replacements, each of which must have a place.
func (s *sample) text(t *testing.T, in func(string) string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../configs", s.file))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for from, to := range s.replace {
		if !strings.Contains(text, from) {
			t.Fatalf("%s has no %s", s.file, from)
		}
		text = strings.ReplaceAll(text, from, in(to))
	}
	return text
}

func TestEverySamplePassesCheckAsItIs(t *testing.T) {
	for _, f := range sampleFiles(t) {
		code, out, errOut := command("check", f)
		if code != 0 || !strings.Contains(out, ": ok: ") {
			t.Errorf("%s: code %d\n%s%s", f, code, out, errOut)
		}
		for line := range strings.Lines(errOut) { // no test machine has its directories and sockets
			if !strings.Contains(line, ": no such directory (warning)") && !strings.Contains(line, ": no such file; run and a reload refuse this (warning)") && !strings.Contains(line, ": no such socket") {
				t.Errorf("%s", line)
			}
		}
	}
}
