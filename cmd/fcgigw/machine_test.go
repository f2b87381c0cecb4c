package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checked writes a configuration, with {dir} replaced, and returns what check
// says about it.
func checked(t *testing.T, dir, text string) string {
	t.Helper()
	path := write(t, filepath.Join(dir, "c.toml"), strings.ReplaceAll(text, "{dir}", dir))
	code, out, errOut := command("check", path)
	if code != 0 || !strings.Contains(out, ": ok: ") {
		t.Errorf("code %d: %s%s", code, out, errOut)
	}
	return errOut
}

func TestCheckWarnsOfWhatThisMachineLacks(t *testing.T) {
	const site = "[[site]]\nlisten = [\":80\"]\nroot = \"{dir}\"\n"
	const backend = site + "[[site.location]]\nmatch = \"/\"\nbackend = \"b\"\n[backend.b]\n"
	const pool = backend + "servers = [\"unix:{dir}/sock\"]\nphp_fpm_config = \"{dir}/pool\"\n"
	const workers = "[backend.b.workers]\nbinary = \"{dir}/php-fpm8.2\"\ncount = 2\n"
	tests := []struct {
		name, text string
		want       string // in the one warning; empty: none
	}{
		{"nothing", site, ""},
		{"root", strings.Replace(site, "{dir}", "{dir}/none", 1), ":3:1: root: {dir}/none: no such directory"},
		{"root that is a file", strings.Replace(site, "{dir}", "{dir}/file", 1), ":3:1: root: {dir}/file: it is no directory"},
		{
			"one root of two locations",
			strings.Replace(site, "{dir}", "{dir}/none", 1) + "[[site.location]]\nmatch = \"/\"\n[[site.location]]\nmatch = \"/a\"\n",
			":3:1: root: {dir}/none: no such directory",
		},
		{"root of a location", site + "[[site.location]]\nmatch = \"/\"\nroot = \"{dir}/none\"\n", ":6:1: root: {dir}/none: "},
		{"alias", site + "[[site.location]]\nmatch = \"/a/\"\nalias = \"{dir}/none/\"\n", ":6:1: alias: {dir}/none/: no such directory"},
		{"root of a redirect", site + "[[site.location]]\nmatch = \"/\"\nreturn = \"404\"\nroot = \"/none\"\n", ""},
		{
			"root that only the workers see",
			site + "[[site.location]]\nmatch = \"/\"\nbackend = \"b\"\nroot = \"/none\"\n[backend.b]\nservers = [\"h:1\"]\ncheck_files = false\n", "",
		},
		{"log", site + "[log]\noutput = \"{dir}/none/log\"\n", ":5:1: output: {dir}/none/log: {dir}/none: no such directory"},
		{"access log", site + "[log]\naccess = \"{dir}/none/log\"\n", ":5:1: access: "},
		{"log that can be made", site + "[log]\naccess = \"{dir}/log\"\n", ""},
		{"pid_file", site + "[gateway]\npid_file = \"{dir}/none/pid\"\n", ":5:1: pid_file: "},
		{"temp_dir", site + "[gateway]\ntemp_dir = \"{dir}/none\"\n", ":5:1: temp_dir: {dir}/none: no such directory"},
		{"listen", strings.Replace(site, ":80", "unix:{dir}/none/http", 1), ":2:1: listen: unix:{dir}/none/http: {dir}/none: no such directory"},
		{"socket", backend + "servers = [\"unix:{dir}/none\"]\n", ":8:1: servers: unix:{dir}/none: no such socket; is php-fpm running"},
		{"socket of an application", backend + "protocol = \"http\"\nservers = [\"unix:{dir}/none\"]\n", ":9:1: servers: unix:{dir}/none: no such socket; is the application running"},
		{"socket that is a file", backend + "servers = [\"unix:{dir}/file\"]\n", "it is no socket"},
		{"socket that is there", backend + "servers = [\"unix:{dir}/sock\"]\n", ""},
		{"another machine", backend + "servers = [\"elsewhere:9000\"]\n", ""},
		{"php_fpm_config", backend + "servers = [\"unix:{dir}/sock\"]\nphp_fpm_config = \"{dir}/none\"\n", ":9:1: php_fpm_config: {dir}/none: no such file or directory"},
		{"php_fpm_config of another pool", backend + "servers = [\"unix:{dir}/sock\"]\nphp_fpm_config = \"{dir}/file\"\n", "{dir}/file: no pool listens on"},
		{"max_conns above pm.max_children", pool + "max_conns = 9\n", ":10:1: max_conns: 9 is more than pm.max_children, which is 4"},
		{"max_conns of pm.max_children", pool + "max_conns = 4\nwarm_up = 4\nmin_idle = 3\n", ""},
		{"more min_idle than can be", pool + "min_idle = 4\n", ":10:1: min_idle: 4 is more than there can be, at most 3: one worker is left free"},
		{"more warm_up than workers", pool + "warm_up = 5\n", ":10:1: warm_up: 5 is more than there can be, at most 4: a connection takes a worker"},
		{"php-fpm that should multiplex", pool + "multiplex = \"on\"\n", ":10:1: multiplex: php-fpm does not multiplex"},
		{"workers that should multiplex", backend + "multiplex = \"on\"\n" + workers, ":8:1: multiplex: php-fpm does not multiplex"},
		{"more warm_up than workers of our own", backend + "warm_up = 3\n" + workers, ":8:1: warm_up: 3 is more"},
		{"as many workers of our own as the machine likes", backend + "warm_up = 300\n" + strings.Replace(workers, "count = 2\n", "", 1), ""},
		{"min_idle of an unknown number", backend + "servers = [\"h:1\"]\nmin_idle = 1\n", ":9:1: min_idle: without a number of workers"},
		{"warm_up of an unknown number", backend + "servers = [\"h:1\"]\nwarm_up = 1\n", ":9:1: warm_up: without a number of workers"},
		{"min_idle of what multiplexes", backend + "servers = [\"h:1\"]\nmultiplex = \"on\"\nmin_idle = 1\nwarm_up = 2\n", ""},
		{"more warm_up than connections that may be shared", backend + "servers = [\"h:1\"]\nmax_conns = 2\nwarm_up = 2\nmin_idle = 2\n", ""},
		{"more warm_up than max_conns", backend + "servers = [\"h:1\"]\nmax_conns = 2\nwarm_up = 3\n", ":10:1: warm_up: 3 is more"},
		{"all idle of what does not multiplex", backend + "servers = [\"h:1\"]\nmultiplex = \"off\"\nmax_conns = 2\nmin_idle = 2\n", ":11:1: min_idle: 2 is more than there can be, at most 1"},
		{"binary", backend + "[backend.b.workers]\nbinary = \"{dir}/php-fpm\"\n", ":9:1: binary: {dir}/php-fpm: no such file"},
		{"binary that is no program", backend + "[backend.b.workers]\nbinary = \"{dir}/file\"\n", "it is no program"},
		{"binary that is php-cgi", backend + "[backend.b.workers]\nbinary = \"{dir}/php-cgi\"\n", "does not look like php-fpm"},
		{"binary that may be one", backend + "[backend.b.workers]\nbinary = \"{dir}/php-fpm8.2\"\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir+"/file", "")
			write(t, dir+"/pool", "[www]\nlisten = "+dir+"/sock\npm.max_children = 4\n")
			for _, name := range []string{"php-cgi", "php-fpm8.2"} {
				if err := os.Chmod(write(t, filepath.Join(dir, name), ""), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			ln, err := net.Listen("unix", dir+"/sock")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			got, want := checked(t, dir, tt.text), strings.ReplaceAll(tt.want, "{dir}", dir)
			if want == "" && got != "" {
				t.Errorf("got %s", got)
			}
			if want != "" && (strings.Count(got, "\n") != 1 || !strings.Contains(got, want) || !strings.HasSuffix(got, " (warning)\n")) {
				t.Errorf("got %s\nwant %s", got, want)
			}
		})
	}
}
