package gateway_test

import (
	"os"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

const sized = `
[[site]]
listen = [":80"]
root = "{dir}/www"
  [[site.location]]
  match = "/"
  backend = "app"
[backend.app]
servers = ["{app}"]
multiplex = "off"
warm_up = 9
idle_timeout = "1h"
php_fpm_config = "{dir}/pool.conf"
`

// poolConf is php-fpm's configuration of the rig's responder.
func (r *rig) poolConf(children string) {
	r.write("pool.conf", r.repl("[www]\nlisten = "+strings.TrimPrefix(r.repl("{app}"), "unix:")+"\npm.max_children = "+children+"\n"))
}

// lines returns the records of the error log that have all of parts.
func (r *rig) lines(parts ...string) (found []string) {
next:
	for line := range strings.Lines(r.read("error.log")) {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

// recorded waits for the record that has all of parts, of which there must be
// one.
func (r *rig) recorded(parts ...string) {
	r.tb.Helper()
	harness.Eventually(r.tb, "the log says: "+strings.Join(parts, " "), func() bool { return len(r.lines(parts...)) > 0 })
	if n := len(r.lines(parts...)); n != 1 {
		r.tb.Errorf("%d records of: %v", n, parts)
	}
}

func TestTheNumberOfWorkersIsReadFromPhpFpmsConfiguration(t *testing.T) {
	r := start(t, strings.Replace(sized, "php_fpm_config", "#", 1), []string{"index.php"}, nil)
	r.poolConf("3")
	r.load(sized)
	harness.Eventually(t, "as many connections as there are workers are warm", func() bool { return r.app.Open() == 3 })
	r.recorded("number of workers learned", `"workers":3`, `"from":"php_fpm_config"`, "pool.conf")
	r.load(sized)
	if got := r.get("/index.php"); got.StatusCode != 200 || r.app.Accepted() != 3 {
		t.Errorf("%d, %d connections", got.StatusCode, r.app.Accepted())
	}
	r.poolConf("2")
	r.load(sized)
	harness.Eventually(t, "a reload reads the file again", func() bool { return r.app.Open() == 2 && r.app.Accepted() == 5 })
}

func TestWhatIsConfiguredComesBeforeWhatCanBeRead(t *testing.T) {
	r := start(t, strings.Replace(sized, "php_fpm_config", "#", 1), nil, nil)
	r.poolConf("3")
	r.load(sized + "max_conns = 5\n")
	harness.Eventually(t, "as many connections as are configured are warm", func() bool { return r.app.Open() == 5 })
	r.recorded("max_conns is above pm.max_children", `"workers":5`, `"max_children":3`, `"level":"warn"`)
	r.load(sized + "max_conns = 2\n")
	harness.Eventually(t, "the next is in use", func() bool { return r.app.Open() == 2 })
	if len(r.lines("learned")) != 0 || len(r.lines("max_conns is above pm.max_children")) != 1 {
		t.Error("it was not learned, and the second is not above")
	}
}

func TestAWrongPhpFpmConfigurationIsRefusedWithItsPlace(t *testing.T) {
	r := start(t, strings.Replace(sized, "php_fpm_config", "#", 1), []string{"index.php"}, nil)
	for name, c := range map[string]struct{ file, want string }{
		"none":           {"", "pool.conf: no such file or directory"},
		"another pool":   {"[www]\nlisten = /other\npm.max_children = 3\n", `pool.conf: no pool listens on "unix:`},
		"no number":      {"[www]\nlisten = " + strings.TrimPrefix(r.repl("{app}"), "unix:") + "\npm.max_children = x\n", `pool.conf: line 3: pm.max_children: "x" is no number of workers`},
		"of no interest": {"[www\n", "pool.conf: line 1: "},
	} {
		_ = os.Remove(r.dir + "/pool.conf") // of the case before
		if c.file != "" {
			r.write("pool.conf", c.file)
		}
		for _, more := range []string{"", "max_conns = 2\n"} { // a file that is named must make sense
			err := r.Load(t.Context(), r.parse(sized+more))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "test.toml:13:1: php_fpm_config: ") {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
	}
	if got := r.get("/index.php"); got.StatusCode != 200 {
		t.Errorf("the running configuration answers %d", got.StatusCode)
	}
}

func TestTheRecordsOfAServerThatGoesAndComesHaveItsNumbers(t *testing.T) {
	const nowhere = `
[[site]]
listen = [":80"]
root = "{dir}/www"
  [[site.location]]
  match = "/"
  backend = "app"
[backend.app]
servers = ["unix:{dir}/later"]
max_conns = 3
retry_timeout = "0s"
tries = 1
`
	r := start(t, nowhere, []string{"index.php"}, nil)
	if got := r.get("/index.php"); got.StatusCode != 502 {
		t.Errorf("%d", got.StatusCode)
	}
	numbers := []string{`"open":`, `"busy":`, `"waiting":`, `"max_conns":3`, `"dials":0`, `"reuse":0`}
	r.recorded(append(numbers, "server refuses connections")...)
	if err := os.Rename(strings.TrimPrefix(r.repl("{app}"), "unix:"), r.dir+"/later"); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "it is back", func() bool { return r.get("/index.php").StatusCode == 200 })
	r.recorded(append(numbers, "server accepts connections again")...)
}
