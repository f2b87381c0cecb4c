package observe

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/test/harness"
)

// sink is the end of a response that was sent.
type sink struct {
	exchange.Sink
	sent int64
}

func (s *sink) Sent() int64 { return s.sent }

// request makes an exchange as a backend's answer leaves it.
func request() *exchange.Exchange {
	x := exchange.New()
	x.Reset()
	r := &x.Request
	r.Method, r.Target, r.Authority = []byte("GET"), []byte("/a?b=c"), []byte("example.org:8080")
	r.Major, r.Minor = 1, 1
	r.Header.AddString("user-agent", "tester/1")
	r.Header.AddString("referer", "http://elsewhere/")
	r.Conn = &exchange.ConnInfo{ID: 7, Peer: netip.MustParseAddrPort("192.0.2.1:99"), PeerAddr: []byte("192.0.2.1")}
	x.Sink = &sink{sent: 123}
	t := &x.Trace
	t.SetID([]byte("0123456789abcdef"))
	t.Start = time.Now().Add(-time.Second)
	t.Site, t.Location, t.Backend, t.Server = "main", "/", "php", "unix:/run/php.sock"
	t.Queue, t.Upstream, t.Tries, t.Reused, t.BodyIn = 5*time.Millisecond, time.Second/2, 2, true, 9
	return x
}

// openBoth opens logs in a directory of their own.
func openBoth(t testing.TB, cfg Config) (*Logs, string, string) {
	t.Helper()
	dir := t.TempDir()
	cfg.Output, cfg.Access = filepath.Join(dir, "error.log"), filepath.Join(dir, "access.log")
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l, cfg.Output, cfg.Access
}

func lines(t testing.TB, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' })
}

// soon returns the lines of a log that is written at once, but not by the
// caller's goroutine.
func soon(t testing.TB, path string) []string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		if list := lines(t, path); len(list) > 0 || time.Now().After(deadline) {
			return list
		}
	}
}

// record parses one line.
func record(t testing.TB, line string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return m
}

func TestAnAccessRecordHasItsFields(t *testing.T) {
	l, _, path := openBoth(t, Config{})
	l.Access(request(), 200)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	list := lines(t, path)
	if len(list) != 1 {
		t.Fatalf("%d records", len(list))
	}
	m := record(t, list[0])
	for name, want := range map[string]any{
		"level": "info", "msg": "request", "client": "192.0.2.1", "method": "GET", "host": "example.org:8080", "uri": "/a?b=c",
		"status": 200.0, "bytes": 123.0, "id": "0123456789abcdef", "proto": "HTTP/1.1", "site": "main", "location": "/",
		"bytes_in": 9.0, "conn": 7.0, "agent": "tester/1", "referer": "http://elsewhere/", "backend": "php",
		"server": "unix:/run/php.sock", "queue": 0.005, "connect": 0.0, "first_byte": 0.0, "upstream": 0.5, "tries": 2.0, "reused": true,
	} {
		if m[name] != want {
			t.Errorf("%s is %v, want %v", name, m[name], want)
		}
	}
	if total, _ := m["total"].(float64); total < 1 || total > 60 {
		t.Errorf("total is %v", m["total"])
	}
	if at, err := time.Parse(time.RFC3339Nano, m["time"].(string)); err != nil || time.Since(at) > time.Minute {
		t.Errorf("time is %v", m["time"])
	}
	for _, name := range []string{"error", "stderr", "stderr_dropped", "app_status", "user", "authorized"} {
		if _, ok := m[name]; ok {
			t.Errorf("%s is there", name)
		}
	}
}

func TestARequestThatFailedSaysWhy(t *testing.T) {
	l, _, path := openBoth(t, Config{})
	x := request()
	x.Trace.Err, x.Trace.AppStatus = errors.New("it broke"), 255
	x.Trace.Stderr, x.Trace.StderrDropped = []string{"line one", "line two"}, 44
	l.Access(x, 502)
	x.Trace.Backend, x.Trace.Err = "", nil
	x.Request.Header.Reset()
	l.Access(x, 404)
	_ = l.Close()
	list := lines(t, path)
	m := record(t, list[0])
	if m["error"] != "it broke" || m["app_status"] != 255.0 || m["stderr_dropped"] != 44.0 || len(m["stderr"].([]any)) != 2 {
		t.Errorf("got %v", m)
	}
	m = record(t, list[1])
	for _, name := range []string{"error", "backend", "server", "agent", "referer"} {
		if _, ok := m[name]; ok {
			t.Errorf("the second record has the %s of the first", name)
		}
	}
}

func TestWhatAClientSendsCannotForgeARecord(t *testing.T) {
	l, _, path := openBoth(t, Config{})
	x := request()
	evil := "\"}\n{\"status\":1,\"x\":\"\\\x1b[31m\x00\x7f\xff\u2028"
	x.Request.Target = []byte(evil)
	x.Request.Header.Reset()
	x.Request.Header.AddString("user-agent", evil)
	x.Trace.Stderr = []string{evil}
	l.Access(x, 200)
	_ = l.Close()
	list := lines(t, path)
	if len(list) != 1 {
		t.Fatalf("%d lines", len(list))
	}
	m := record(t, list[0])
	if m["status"] != 200.0 || m["x"] != nil || !strings.HasPrefix(m["uri"].(string), "\"}\n{") {
		t.Errorf("got %v", m)
	}
	for _, c := range []byte(list[0]) {
		if c < ' ' {
			t.Fatalf("the record holds the control byte %#x", c)
		}
	}
}

func TestTheConsoleFormIsShortAndAtOnce(t *testing.T) {
	l, errors, path := openBoth(t, Config{Format: "console", Level: "info"})
	defer l.Close()
	l.Access(request(), 200)
	list := soon(t, path) // no Close before: a person waits for it
	want := " 200 GET example.org:8080/a?b=c 1.0s 123B 01234567… queue=5.0ms tries=2 php"
	if len(list) != 1 || !strings.HasSuffix(list[0], want) || len(list[0]) != len("15:04:05.000")+len(want) {
		t.Fatalf("got %q, want %q", list, want)
	}
	l.Log().Info("hello", zap.String("a", "b"))
	if list := soon(t, errors); len(list) != 1 || !strings.Contains(list[0], "hello") {
		t.Errorf("error log: %q", list)
	}
}

func TestTheLevelHoldsBackLesserMessages(t *testing.T) {
	l, path, _ := openBoth(t, Config{Level: "error"})
	l.Log().Warn("less")
	l.Log().Error("more")
	_ = l.Close()
	if list := lines(t, path); len(list) != 1 || record(t, list[0])["msg"] != "more" {
		t.Errorf("got %q", list)
	}
	if _, err := Open(Config{Level: "loud"}); err == nil {
		t.Error("an unknown level is no error")
	}
}

func TestOffWritesNothing(t *testing.T) {
	l, err := Open(Config{Output: "off", Access: "off"})
	if err != nil {
		t.Fatal(err)
	}
	l.Log().Error("nobody sees it")
	l.Access(request(), 200)
	if err := l.Reopen(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestReopenFollowsARename(t *testing.T) {
	l, errorPath, accessPath := openBoth(t, Config{Level: "info"})
	l.Access(request(), 201)
	l.Log().Info("before")
	for _, path := range []string{errorPath, accessPath} {
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
	}
	l.Log().Info("between") // the old files, by their descriptors
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	if list := lines(t, accessPath+".1"); len(list) != 1 || record(t, list[0])["status"] != 201.0 {
		t.Errorf("a record from before is not in the old file: %q", list)
	}
	l.Access(request(), 202)
	l.Log().Info("after")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if list := lines(t, accessPath); len(list) != 1 || record(t, list[0])["status"] != 202.0 {
		t.Errorf("new access log: %q", list)
	}
	if got := len(lines(t, errorPath+".1")); got != 2 {
		t.Errorf("%d lines in the old error log", got)
	}
	if list := lines(t, errorPath); len(list) != 1 || record(t, list[0])["msg"] != "after" {
		t.Errorf("new error log: %q", list)
	}
}

func TestReopenThatFailsKeepsTheOldFile(t *testing.T) {
	l, _, path := openBoth(t, Config{})
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil { // so that it cannot be opened
		t.Fatal(err)
	}
	if err := l.Reopen(); err == nil {
		t.Error("no error")
	}
	l.Access(request(), 200)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if got := len(lines(t, path+".1")); got != 1 {
		t.Errorf("%d records in the old file", got)
	}
}

func TestAFullDiskLosesRecordsOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "full")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	l, err := Open(Config{Output: path, Access: path})
	if err != nil {
		t.Fatal(err)
	}
	x := request()
	for range 2000 { // more than the buffer
		l.Access(x, 200)
		l.Log().Error("lost")
	}
	_ = l.Reopen()
	l.Access(x, 200)
	if err := l.Close(); err == nil {
		t.Error("Close does not say that records were lost")
	}
}

func TestAFileThatCannotBeOpenedIsAnError(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none", "log")
	if _, err := Open(Config{Output: none}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	good := filepath.Join(t.TempDir(), "error.log")
	if _, err := Open(Config{Output: good, Access: none}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestAnAccessRecordAllocatesNothing(t *testing.T) {
	if harness.Race {
		t.Skip("the race detector makes sync.Pool drop what it holds")
	}
	l, _, _ := openBoth(t, Config{})
	defer l.Close()
	x := request()
	l.Access(x, 200)
	if got := testing.AllocsPerRun(1000, func() { l.Access(x, 200) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestRecordsAreWrittenAgainWhenThereIsRoomAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	l, err := Open(Config{Output: "off", Access: path})
	if err != nil {
		t.Fatal(err)
	}
	l.Access(request(), 201)
	_ = l.Reopen() // flushes into the full disk
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_ = l.Reopen()
	l.Access(request(), 202)
	_ = l.Close()
	if list := lines(t, path); len(list) != 1 || record(t, list[0])["status"] != 202.0 {
		t.Errorf("got %q", list)
	}
}

func TestARecordNamesTheUserThatAnAuthorizerKnows(t *testing.T) {
	l, _, path := openBoth(t, Config{})
	x := request()
	x.Trace.Tries, x.Trace.AppStatus = 3, 7 // the authorizer's
	x.Trace.Authorize(x.Trace.Start.Add(250 * time.Millisecond))
	x.Trace.User = []byte("joe")
	l.Access(x, 200)
	_ = l.Close()
	m := record(t, lines(t, path)[0])
	if m["user"] != "joe" || m["authorized"] != 0.25 {
		t.Errorf("user %v, authorized %v", m["user"], m["authorized"])
	}
	for _, name := range []string{"backend", "server", "queue", "tries", "app_status"} {
		if _, ok := m[name]; ok {
			t.Errorf("the record has the authorizer's %s", name)
		}
	}
}
