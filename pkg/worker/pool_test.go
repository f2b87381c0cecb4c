package worker

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestStartedPoolRunsScriptsAndStopLeavesNothing(t *testing.T) {
	requirePHP(t)
	stopped := make(chan struct{})
	p := startPool(t, Config{Count: 3, Events: Events{Stopped: func() { close(stopped) }}})
	pids := group(t, p.PID())
	died := watch(t, pids)
	if got := run(t, p.Addr(), "echo 6*7;"); got != "42" {
		t.Errorf("script printed %q", got)
	}
	if err := p.Stop(within(t, 5*time.Second)); err != nil {
		t.Error(err)
	}
	if !died(0) {
		t.Error("processes are left after Stop")
	}
	if _, err := os.Stat(filepath.Dir(p.Addr())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("directory after Stop: %v", err)
	}
	<-stopped
	<-p.Done()
	if p.PID() != 0 {
		t.Errorf("PID after Stop = %d", p.PID())
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}

func TestSocketIsClosedToOtherUsers(t *testing.T) {
	requirePHP(t)
	p := startPool(t, Config{})
	info, err := os.Stat(p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("socket mode %v", info.Mode())
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; int(uid) != os.Geteuid() {
		t.Errorf("socket belongs to %d", uid)
	}
	dir, err := os.Stat(filepath.Dir(p.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	if dir.Mode().Perm() != 0o700 {
		t.Errorf("directory mode %v", dir.Mode())
	}
}

func TestDefaultDirIsMadeAndRemoved(t *testing.T) {
	requirePHP(t)
	p, err := Start(t.Context(), Config{Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(p.Addr())
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
	if err := p.Stop(within(t, 5*time.Second)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s after Stop: %v", dir, err)
	}
}

func TestWorkersGetTheirSettingsUnchanged(t *testing.T) {
	requirePHP(t)
	for name, value := range map[string]string{
		"plain":       "hello",
		"empty":       "",
		"interpolate": "$HOME ${PATH} $FCGIGW_ENV_0",
		"syntax":      `a=b ; c # [d] "e" \ ~E_ALL & none`,
		"apostrophe":  "it's = fine; really",
		"spaces":      "  around  ",
		"long":        strings.Repeat("x", 900),
	} {
		t.Run(name, func(t *testing.T) {
			p := startPool(t, Config{
				Count: 1,
				INI:   map[string]string{"user_agent": value, "memory_limit": "77M"},
				Env:   map[string]string{"VALUE": value + "\n[evil]\nuser=root", "PHPRC": "/nowhere"},
			})
			got := run(t, p.Addr(), `echo json_encode([ini_get("user_agent"), getenv("VALUE"), ini_get("memory_limit"), getenv("PHPRC"), getenv("FCGIGW_ENV_0")]);`)
			want := `["` + jsonText(value) + `","` + jsonText(value+"\n[evil]\nuser=root") + `","77M","\/nowhere",false]`
			if got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

// jsonText escapes as PHP's json_encode does.
func jsonText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "/", `\/`, "\n", `\n`).Replace(s)
}

func TestScriptsCannotChangeASettingNorInheritTheEnvironment(t *testing.T) {
	requirePHP(t)
	t.Setenv("SECRET_OF_THE_GATEWAY", "x")
	p := startPool(t, Config{INI: map[string]string{"memory_limit": "64M"}})
	got := run(t, p.Addr(), `ini_set("memory_limit", "1G"); echo ini_get("memory_limit"), var_export(getenv("SECRET_OF_THE_GATEWAY"), true);`)
	if got != "64Mfalse" {
		t.Errorf("script saw %q", got)
	}
}

func TestWorkersOfRootAreNotRoot(t *testing.T) {
	requirePHP(t)
	if os.Geteuid() != 0 {
		t.Skip("not root")
	}
	p := startPool(t, Config{})
	if got := run(t, p.Addr(), `echo posix_geteuid() === 0 ? "root" : posix_getpwuid(posix_geteuid())["name"];`); got != "www-data" && got != "nobody" {
		t.Errorf("workers run as %q", got)
	}
	p = startPool(t, Config{User: "root", AllowRoot: true})
	if got := run(t, p.Addr(), `echo posix_geteuid();`); got != "0" {
		t.Errorf("with AllowRoot workers run as %q", got)
	}
	if _, err := Start(t.Context(), Config{User: "root"}); !errors.Is(err, ErrRoot) {
		t.Errorf("User root without AllowRoot: %v", err)
	}
}

func TestOnlyPHPFilesRun(t *testing.T) {
	requirePHP(t)
	p := startPool(t, Config{})
	path := script(t, `echo "ran";`)
	other := strings.TrimSuffix(path, ".php") + ".jpg"
	if err := os.Rename(path, other); err != nil {
		t.Fatal(err)
	}
	if body, _ := receive(t, send(t, p.Addr(), other)); strings.Contains(body, "ran") {
		t.Error("a .jpg file was executed")
	}
}

func TestASocketInUseIsNotTakenOver(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c := playing(t, "stubborn")
	c.Dir = dir
	if _, err := Start(t.Context(), c); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("Start: %v", err)
	}
	if !accepts(filepath.Join(dir, socketName)) {
		t.Error("the other's socket was removed")
	}
}

func TestStartFailsWithPHPFPMsOwnWords(t *testing.T) {
	requirePHP(t)
	bin, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(t.TempDir(), "bad.conf")
	if err := os.WriteFile(conf, []byte("[global]\nerror_log=/proc/self/fd/2\n[www]\npm = sideways\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := startMaster(command{path: bin, args: []string{"-F", "-y", conf}, line: func(Line) {}})
	if err != nil {
		t.Fatal(err)
	}
	err = m.awaitListening(t.Context(), filepath.Join(t.TempDir(), "none"))
	var exit *ExitError
	if !errors.As(err, &exit) || !strings.Contains(err.Error(), "sideways") && !strings.Contains(err.Error(), "process manager") {
		t.Errorf("error %v", err)
	}
}

func TestStartErrors(t *testing.T) {
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	mute := playing(t, "mute")
	mute.StartTimeout = 200 * time.Millisecond
	noBinary := playing(t, "x")
	noBinary.Binary = "/nonexistent/php-fpm"
	for name, tt := range map[string]struct {
		ctx  context.Context
		conf Config
		want error
		text string
	}{
		"ends at once":        {t.Context(), playing(t, "speechless"), nil, "exit status 3"},
		"never listens":       {t.Context(), mute, ErrStartTimeout, ""},
		"context is done":     {dead, playing(t, "mute"), context.Canceled, ""},
		"binary is missing":   {t.Context(), noBinary, fs.ErrNotExist, ""},
		"ini with a newline":  {t.Context(), Config{INI: map[string]string{"a": "b\nuser=root"}}, ErrConfig, "ini a"},
		"directory elsewhere": {t.Context(), Config{Dir: "/nonexistent/a/b"}, fs.ErrNotExist, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Start(tt.ctx, tt.conf)
			if err == nil {
				_ = p.Stop(within(t, time.Second))
				t.Fatal("no error")
			}
			if tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) || !strings.HasPrefix(err.Error(), "worker: ") {
				t.Errorf("error %q", err)
			}
			if _, err := os.Stat(tt.conf.Dir); tt.conf.Dir != "" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("directory is left: %v", err)
			}
		})
	}
}

func TestCountDefaultsToSomeWorkers(t *testing.T) {
	requirePHP(t)
	p, err := Start(t.Context(), Config{Dir: filepath.Join(t.TempDir(), "r"), MaxRequests: 1, RequestTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Stop(within(t, 5*time.Second)) }()
	if p.Count() < 4 {
		t.Errorf("Count = %d", p.Count())
	}
	first := run(t, p.Addr(), "echo getmypid();")
	if _, err := strconv.Atoi(first); err != nil {
		t.Errorf("script printed %q", first)
	}
}
