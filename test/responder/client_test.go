package responder_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait of the tests; none comes near it unless it fails.
const patience = 20 * time.Second

// client is one connection to the gateway. It reads responses byte by byte, so
// that a test can tell a complete one from a broken one.
type client struct {
	t  testing.TB
	nc net.Conn
	in *bufio.Reader
}

// heard is what a client got for one request.
type heard struct {
	interim  []head
	head            // of the final response; status 0 if none came
	body     string // decoded
	complete bool   // it ended as its own framing says
	err      error  // what ended it otherwise: io.EOF, a reset, a breach of HTTP
}

// head is the head of one response.
type head struct {
	status int
	fields []string // "name: value" with the name in lower case
}

// get returns the value of a field that must be there once at most.
func (h *head) get(name string) string {
	list := h.all(name)
	if len(list) == 1 {
		return list[0]
	}
	return strings.Join(list, " | ")
}

func (h *head) all(name string) (list []string) {
	for _, f := range h.fields {
		if v, ok := strings.CutPrefix(f, name+": "); ok {
			list = append(list, v)
		}
	}
	return list
}

// errSyntax: what came is no HTTP.
var errSyntax = errors.New("no HTTP")

// dial opens a connection that the caller closes.
func dial(t testing.TB, network, addr string) *client {
	t.Helper()
	nc, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, nc: nc, in: bufio.NewReaderSize(nc, 64<<10)}
}

func (c *client) close() { c.nc.Close() }

// send writes a request. It may be answered before all of it is written.
func (c *client) send(request string) { _, _ = io.WriteString(c.nc, request) }

// get sends a request for a path and reads the response.
func (c *client) get(path string) heard {
	c.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
	return c.read("GET", nil)
}

// read reads one response to a request by method. onHead is called when the
// final head is there.
func (c *client) read(method string, onHead func()) (h heard) {
	for {
		h.head, h.err = c.readHead()
		if h.err != nil {
			return h
		}
		if h.status/100 != 1 {
			break
		}
		h.interim = append(h.interim, h.head)
	}
	if onHead != nil {
		onHead()
	}
	var body strings.Builder
	h.err = c.readBody(method, &h.head, &body)
	h.body, h.complete = body.String(), h.err == nil
	return h
}

// line reads one line, which ends in CRLF.
func (c *client) line() (string, error) {
	s, err := c.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	if s, ok := strings.CutSuffix(s, "\r\n"); ok && !strings.ContainsAny(s, "\r\x00") {
		return s, nil
	}
	return "", fmt.Errorf("%w: line %q", errSyntax, s)
}

func (c *client) readHead() (h head, err error) {
	first, err := c.line()
	if err != nil {
		return h, err
	}
	rest, ok := strings.CutPrefix(first, "HTTP/1.1 ")
	if !ok || len(rest) < 4 {
		return h, fmt.Errorf("%w: status line %q", errSyntax, first)
	}
	status, err := strconv.Atoi(rest[:3])
	if err != nil {
		return h, fmt.Errorf("%w: status line %q", errSyntax, first)
	}
	for {
		line, err := c.line()
		if err != nil {
			return h, err
		}
		if line == "" {
			h.status = status
			return h, nil
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok || strings.Contains(name, " ") {
			return h, fmt.Errorf("%w: field %q", errSyntax, line)
		}
		h.fields = append(h.fields, strings.ToLower(name)+": "+value)
	}
}

// readBody reads the body as the head frames it.
func (c *client) readBody(method string, h *head, w io.Writer) error {
	length, coding := h.all("content-length"), h.get("transfer-encoding")
	switch {
	case len(length) > 1 || len(length) == 1 && coding != "":
		return fmt.Errorf("%w: framed twice: %q", errSyntax, h.fields)
	case method == "HEAD" || h.status == 204 || h.status == 304:
		return nil
	case coding == "chunked":
		return c.chunks(w)
	case coding != "":
		return fmt.Errorf("%w: coding %q", errSyntax, coding)
	case len(length) == 0:
		_, err := io.Copy(w, c.in) // to the end of the connection
		return err
	}
	n, err := strconv.ParseInt(length[0], 10, 64)
	if err != nil {
		return fmt.Errorf("%w: length %q", errSyntax, length)
	}
	return c.exactly(w, n)
}

// exactly copies n bytes; fewer are an error.
func (c *client) exactly(w io.Writer, n int64) error {
	if _, err := io.CopyN(w, c.in, n); err != nil {
		return err
	}
	return nil
}

// chunks reads a chunked body with its last chunk.
func (c *client) chunks(w io.Writer) error {
	for {
		size, err := c.line()
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(size, 16, 32)
		if err != nil || n < 0 {
			return fmt.Errorf("%w: chunk size %q", errSyntax, size)
		}
		if err := c.exactly(w, n); err != nil {
			return err
		}
		if line, err := c.line(); err != nil || line != "" {
			return errors.Join(err, fmt.Errorf("chunk of %d ends in %q", n, line))
		}
		if n == 0 {
			return nil
		}
	}
}

// broken reports whether the connection ended within the response, and nothing
// worse.
func (h *heard) broken() bool {
	return !h.complete && !errors.Is(h.err, errSyntax) && !isTimeout(h.err)
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// String shows h in messages of tests.
func (h heard) String() string {
	s := fmt.Sprintf("%d, %d bytes %.120q, complete %v", h.status, len(h.body), h.body, h.complete)
	if h.err != nil {
		s += fmt.Sprintf(" (%v)", h.err)
	}
	return s
}
