package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/gateway"
	"github.com/fcgigw/fcgigw/pkg/observe"
	"github.com/fcgigw/fcgigw/pkg/server"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

const patient = 15 * time.Second // no test comes near it unless it fails

// rig is a gateway behind a listener.
type rig struct {
	*gateway.Gateway
	tb   testing.TB
	dir  string              // {dir} in configurations; www beneath it is a root
	app  *fcgitest.Server    // {app} in configurations
	addr map[string]string   // unix socket for each listen address
	repl func(string) string // replaces {dir} and {app}
}

// start serves a configuration whose backends are played by handler (nil: one
// that answers with a few params). files are made beneath {dir}/www; edit changes
// the options.
func start(tb testing.TB, text string, files []string, handler fcgitest.Handler, edit ...func(*gateway.Options)) *rig {
	tb.Helper()
	r := &rig{tb: tb, dir: tb.TempDir(), addr: make(map[string]string)}
	r.dir, _ = filepath.EvalSymlinks(r.dir)
	if handler == nil {
		handler = show
	}
	r.app = &fcgitest.Server{Handler: handler}
	r.repl = strings.NewReplacer("{dir}", r.dir, "{app}", "unix:"+r.app.Start(tb)).Replace
	r.write("www/", "")
	for _, name := range files {
		r.write("www/"+name, "file "+name)
	}
	logs, err := observe.Open(observe.Config{Level: "debug", Output: r.dir + "/error.log", Access: r.dir + "/access.log"})
	if err != nil {
		tb.Fatal(err)
	}
	sweeper := sock.NewSweeper(5 * time.Millisecond)
	opt := gateway.Options{Software: "test", Logs: logs, Sweeper: sweeper}
	for _, f := range edit {
		f(&opt)
	}
	r.Gateway = gateway.New(opt)
	s, err := server.New(server.Config{
		KeepaliveTimeout: patient, HeaderTimeout: patient, BodyTimeout: patient, SendTimeout: patient,
	}, r.Gateway, sweeper, server.Events{Refused: r.Gateway.Refused, Panic: r.Gateway.Panic})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
		defer stop()
		_ = s.Shutdown(ctx)
		if err := r.Close(ctx); err != nil {
			tb.Error(err)
		}
		sweeper.Close()
		_ = logs.Close()
		if tb.Failed() {
			tb.Logf("error log:\n%s", r.read("error.log"))
		}
	})
	cfg := r.load(text)
	for i := range cfg.Sites {
		for _, addr := range cfg.Sites[i].Listen {
			r.listen(s, addr)
		}
	}
	return r
}

func (r *rig) listen(s *server.Server, addr string) {
	if r.addr[addr] != "" {
		return
	}
	path := filepath.Join(r.tb.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.addr[addr] = path
	go s.Serve(ln, server.Listener{Name: addr}) // ends with Shutdown
}

// parse checks a configuration.
func (r *rig) parse(text string) *config.Config {
	r.tb.Helper()
	cfg, err := config.Parse("test.toml", []byte(r.repl(text)), nil)
	if err != nil {
		r.tb.Fatal(err)
	}
	return cfg
}

// load makes a configuration current.
func (r *rig) load(text string) *config.Config {
	r.tb.Helper()
	cfg := r.parse(text)
	if err := r.Load(r.tb.Context(), cfg); err != nil {
		r.tb.Fatal(err)
	}
	return cfg
}

// write makes a file beneath dir, or a directory if the name ends in a slash.
func (r *rig) write(name, text string) {
	r.tb.Helper()
	path := r.dir + "/" + name
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.tb.Fatal(err)
	}
	if strings.HasSuffix(name, "/") {
		return
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.tb.Fatal(err)
	}
}

func (r *rig) read(name string) string {
	b, _ := os.ReadFile(filepath.Join(r.dir, name))
	return string(b)
}

// show answers with what it was asked.
func show(w *fcgitest.Response, r *fcgitest.Request) {
	p := r.Params
	_, _ = w.WriteString("Content-Type: text/plain\r\n\r\nscript " + p["SCRIPT_FILENAME"] + " name " + p["SCRIPT_NAME"] +
		" info " + p["PATH_INFO"] + " query " + p["QUERY_STRING"])
}

// reply is a response with its body read.
type reply struct {
	*http.Response
	body string
}

// raw sends request text on a connection of its own and reads one response.
func (r *rig) raw(listen, text string) reply {
	r.tb.Helper()
	nc, err := net.Dial("unix", r.addr[listen])
	if err != nil {
		r.tb.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patient))
	_, _ = io.WriteString(nc, text)
	method, _, _ := strings.Cut(text, " ")
	resp, err := http.ReadResponse(bufio.NewReader(nc), &http.Request{Method: method})
	if err != nil {
		r.tb.Fatalf("%.60q: %v", text, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.tb.Fatalf("%.60q: %v", text, err)
	}
	return reply{resp, string(body)}
}

// get asks host "x" on ":80".
func (r *rig) get(target string) reply {
	r.tb.Helper()
	return r.raw(":80", "GET "+target+" HTTP/1.1\r\nHost: x\r\n\r\n")
}

// lastParams returns the params of the latest request of the backend.
func (r *rig) lastParams() map[string]string {
	r.tb.Helper()
	list := r.app.Requests()
	if len(list) == 0 {
		r.tb.Fatal("the backend got no request")
	}
	return list[len(list)-1].Params
}
