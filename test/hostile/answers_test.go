package hostile

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// answer is one response, read as strictly as can be.
type answer struct {
	status int
	lines  []string // of the head, without the status line
	body   string
}

// field returns the value of a field, and how many there are of the name.
func (a *answer) field(name string) (value string, n int) {
	for _, line := range a.lines {
		k, v, _ := strings.Cut(line, ":")
		if strings.EqualFold(k, name) {
			value = strings.TrimSpace(v)
			n++
		}
	}
	return value, n
}

// readAnswers reads all responses that b has. methods are those of the requests,
// in order; the last one stands for the rest. An error says where b stops to be
// responses, and the answers then are those before.
func readAnswers(b []byte, methods ...string) (list []answer, err error) {
	for len(b) > 0 {
		var a answer
		if a, b, err = readAnswer(b, methods[0]); err != nil {
			return list, err
		}
		list = append(list, a)
		if a.status >= 200 && len(methods) > 1 {
			methods = methods[1:]
		}
	}
	return list, nil
}

func readAnswer(b []byte, method string) (a answer, rest []byte, err error) {
	head, rest, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		return a, nil, fmt.Errorf("no end of a head in %.200q", b)
	}
	lines := strings.Split(string(head), "\r\n")
	for _, line := range lines {
		if strings.ContainsAny(line, "\r\n\x00") {
			return a, nil, fmt.Errorf("control byte in a line: %.200q", line)
		}
	}
	if a.status, err = statusLine(lines[0]); err != nil {
		return a, nil, err
	}
	a.lines = lines[1:]
	for _, line := range a.lines {
		if name, _, ok := strings.Cut(line, ":"); !ok || name == "" || strings.ContainsAny(name, " \t") {
			return a, nil, fmt.Errorf("malformed field line %.200q", line)
		}
	}
	rest, err = a.readBody(rest, method)
	return a, rest, err
}

func statusLine(line string) (int, error) {
	code, ok := strings.CutPrefix(line, "HTTP/1.1 ")
	if !ok || len(code) < 4 || code[3] != ' ' {
		return 0, fmt.Errorf("malformed status line %.200q", line)
	}
	return strconv.Atoi(code[:3])
}

func (a *answer) readBody(b []byte, method string) (rest []byte, err error) {
	length, lengths := a.field("Content-Length")
	coding, codings := a.field("Transfer-Encoding")
	switch {
	case lengths+codings > 1:
		return nil, fmt.Errorf("several framings: %q", a.lines)
	case method == "HEAD" || a.status < 200 || a.status == 204 || a.status == 304:
		if a.status < 200 && lengths+codings > 0 {
			return nil, fmt.Errorf("framing in an interim response: %q", a.lines)
		}
		return b, nil
	case codings == 1 && coding != "chunked":
		return nil, fmt.Errorf("transfer coding %q", coding)
	case codings == 1:
		return a.readChunks(b)
	case lengths == 0:
		a.body = string(b)
		return nil, nil
	}
	n, err := strconv.Atoi(length)
	if err != nil || n > len(b) {
		return nil, fmt.Errorf("a body of %d bytes, declared are %q", len(b), length)
	}
	a.body = string(b[:n])
	return b[n:], nil
}

var errCut = errors.New("a chunked body that is cut")

func (a *answer) readChunks(b []byte) (rest []byte, err error) {
	for {
		line, after, ok := bytes.Cut(b, []byte("\r\n"))
		if !ok {
			return nil, errCut
		}
		n, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return nil, err
		}
		if len(after) < int(n)+2 {
			return nil, errCut
		}
		a.body += string(after[:n])
		if !bytes.HasPrefix(after[n:], []byte("\r\n")) {
			return nil, fmt.Errorf("no CRLF behind a chunk: %.100q", after[n:])
		}
		b = after[n+2:]
		if n == 0 {
			return b, nil
		}
	}
}
