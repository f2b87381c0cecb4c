package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// actAsCommand makes the test binary the command itself.
const actAsCommand = "FCGIGW_TEST_ACT_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(actAsCommand) != "" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

const patient = 20 * time.Second // no test comes near it unless it fails

// output collects what a process writes.
type output struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// process is the command, running.
type process struct {
	*exec.Cmd
	tb     testing.TB
	stderr output
	stdout output
	done   chan struct{} // closed when it has ended
}

// launch starts the command; the test's end kills it.
func launch(tb testing.TB, env []string, args ...string) *process {
	tb.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), tb: tb, done: make(chan struct{})}
	p.Env = append(append(os.Environ(), actAsCommand+"=1"), env...)
	p.begin()
	return p
}

// begin starts the process, and has the test's end stop it.
func (p *process) begin() {
	tb := p.tb
	tb.Helper()
	p.Cmd.Stdout, p.Cmd.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() { // ends with the process, which the cleanup ends
		_ = p.Wait()
		close(p.done)
	}()
	tb.Cleanup(func() {
		_ = p.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(patient):
			_ = p.Process.Kill()
			<-p.done
		}
		if tb.Failed() {
			tb.Logf("the gateway's log:\n%s", p.stderr.String())
		}
	})
}

// waitLog waits until the log holds text.
func (p *process) waitLog(text string) {
	p.tb.Helper()
	harness.Eventually(p.tb, "the log holds "+text, func() bool {
		if strings.Contains(p.stderr.String(), text) {
			return true
		}
		select {
		case <-p.done:
			p.tb.Fatalf("it ended with code %d:\n%s", p.ProcessState.ExitCode(), p.stderr.String())
		default:
		}
		return false
	})
}

// waitEnd waits for the end and returns the exit code.
func (p *process) waitEnd() int {
	p.tb.Helper()
	select {
	case <-p.done:
	case <-time.After(patient):
		p.tb.Fatal("the process does not end")
	}
	return p.ProcessState.ExitCode()
}

func (p *process) signal(s syscall.Signal) {
	p.tb.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.tb.Fatal(err)
	}
}

// openDir makes a directory that the workers' user can read as well.
func openDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "fcgigw-test-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// write makes a file and the directories above it.
func write(tb testing.TB, path, text string) string {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

// reply is a response with its body read.
type reply struct {
	*http.Response
	body string
}

// ask sends one request over a connection of its own.
func ask(network, addr, host, target string) (reply, error) {
	nc, err := net.DialTimeout(network, addr, patient)
	if err != nil {
		return reply{}, err
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patient))
	fmt.Fprintf(nc, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", target, host)
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return reply{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return reply{resp, string(body)}, err
}

func mustAsk(tb testing.TB, network, addr, host, target string) reply {
	tb.Helper()
	r, err := ask(network, addr, host, target)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}
