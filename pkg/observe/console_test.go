package observe

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

func TestAConsoleLineTellsWhatIsOutOfTheOrdinary(t *testing.T) {
	at := time.Date(2024, 5, 1, 12, 34, 56, 789e6, time.UTC)
	tests := []struct {
		name   string
		change func(x *exchange.Exchange)
		status int
		want   string
	}{
		{"a file", func(x *exchange.Exchange) {}, 200, "12:34:56.789 200 GET a.org/p 3.2ms 755B 1a2b3c4d…\n"},
		{
			"a script", func(x *exchange.Exchange) { x.Trace.Backend, x.Trace.Tries = "php", 1 }, 200,
			"12:34:56.789 200 GET a.org/p 3.2ms 755B 1a2b3c4d… php\n",
		},
		{
			"a short wait", func(x *exchange.Exchange) { x.Trace.Queue = 99 * time.Microsecond }, 200,
			"12:34:56.789 200 GET a.org/p 3.2ms 755B 1a2b3c4d…\n",
		},
		{
			"waits", func(x *exchange.Exchange) { x.Trace.Queue, x.Trace.Connect = 2*time.Second, 500*time.Microsecond }, 200,
			"12:34:56.789 200 GET a.org/p 3.2ms 755B 1a2b3c4d… queue=2.0s connect=0.5ms\n",
		},
		{
			"an authorizer", func(x *exchange.Exchange) {
				x.Trace.User, x.Trace.Authorized = []byte("joe\n"), 2*time.Millisecond
			}, 200,
			"12:34:56.789 200 GET a.org/p 3.2ms 755B 1a2b3c4d… user=joe\\n authorized=2.0ms\n",
		},
		{"a failure", func(x *exchange.Exchange) {
			x.Trace.Backend, x.Trace.Tries, x.Trace.AppStatus, x.Trace.Err = "php", 3, 255, errors.New("it \"broke\"\n")
			x.Trace.Stderr, x.Trace.StderrDropped = []string{"one", "two"}, 9
		}, 502, "12:34:56.789 502 GET a.org/p 3.2ms 755B 1a2b3c4d… tries=3 app_status=255 php error=\"it \\\"broke\\\"\\n\"\n" +
			"    stderr: one\n    stderr: two\n    stderr: and 9 bytes more\n"},
		{"not understood", func(x *exchange.Exchange) {
			x.Request.Method, x.Request.Target, x.Request.Authority = nil, nil, nil
			x.Trace.SetID(nil)
		}, 400, "12:34:56.789 400 - - 3.2ms 755B\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := request()
			x.Request.Authority, x.Request.Target = []byte("a.org"), []byte("/p")
			x.Sink = &sink{sent: 755}
			x.Trace = exchange.Trace{Start: at.Add(-3200 * time.Microsecond)}
			x.Trace.SetID([]byte("1a2b3c4d5e6f"))
			tt.change(x)
			if got := string(consoleLine(nil, x, tt.status, at, false)); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestAStatusHasTheColourOfItsClass(t *testing.T) {
	for status, want := range map[int]string{204: "\x1b[32m204", 301: "\x1b[36m301", 404: "\x1b[33m404", 502: "\x1b[31m502"} {
		if got := string(consoleLine(nil, request(), status, time.Now(), true)); !strings.Contains(got, want+"\x1b[0m ") {
			t.Errorf("%d: got %q", status, got)
		}
	}
}

func TestNothingSentReachesTheTerminalAsMoreThanText(t *testing.T) {
	evil := "é\x1b[31m\n\x00\x7f\xff\u2028\u202e\u009b"
	x := request()
	x.Request.Target, x.Request.Method, x.Request.Authority = []byte(evil), []byte(evil), []byte(evil)
	x.Trace.User = []byte(evil)
	x.Trace.Stderr, x.Trace.Err = []string{evil}, errors.New(evil)
	x.Trace.SetID([]byte("\x1b\x1b\x1b"))
	got := string(consoleLine(nil, x, 200, time.Now(), false))
	for _, r := range got {
		if r != '\n' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u202e' || r == '\ufffd') {
			t.Fatalf("it holds %q: %q", r, got)
		}
	}
	if strings.Count(got, "\n") != 2 || !strings.Contains(got, `é\x1b[31m\n\x00\x7f\xff\u2028\u202e\u009b`) {
		t.Errorf("got %q", got)
	}
}

func TestEveryKeyOfAnAccessRecordIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	l, _, path := openBoth(t, Config{})
	x := request()
	x.Trace.Err, x.Trace.AppStatus = errors.New("it broke"), 255
	x.Trace.Stderr, x.Trace.StderrDropped = []string{"line"}, 44
	x.Trace.User, x.Trace.Authorized = []byte("joe"), time.Second
	l.Access(x, 502)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	m := record(t, lines(t, path)[0])
	if len(m) < 30 {
		t.Fatalf("only %d keys are written here: %v", len(m), m)
	}
	for key := range m {
		if !strings.Contains(string(doc), "| `"+key+"` |") {
			t.Errorf("docs/logs.md lacks %s", key)
		}
	}
}
