package stub

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// pair encodes one name-value pair with the shortest lengths.
func pair(name, value string) []byte {
	var b []byte
	for _, s := range []string{name, value} {
		if len(s) < 0x80 {
			b = append(b, byte(len(s)))
			continue
		}
		b = append(b, 0x80|byte(len(s)>>24), byte(len(s)>>16), byte(len(s)>>8), byte(len(s)))
	}
	return append(append(b, name...), value...)
}

var script = pair("SCRIPT_FILENAME", "/srv/index.php")

func beginRecord(id uint16, flags byte) []byte {
	return appendRecord(nil, typeBegin, id, []byte{0, roleResponder, flags, 0, 0, 0, 0, 0})
}

// wholeRequest is a request without a body.
func wholeRequest(id uint16, flags byte) []byte {
	b := beginRecord(id, flags)
	b = appendRecord(b, typeParams, id, script)
	b = appendRecord(b, typeParams, id, nil)
	return appendRecord(b, typeStdin, id, nil)
}

// stdoutOf reads answers back: the STDOUT bytes and whether END was seen, by id.
func stdoutOf(t *testing.T, b []byte) (out map[uint16]string, ended map[uint16]bool) {
	t.Helper()
	out, ended = map[uint16]string{}, map[uint16]bool{}
	for len(b) > 0 {
		h, ok := parseHeader(b)
		if !ok || len(b) < headerLen+h.content+h.padding {
			t.Fatalf("broken record at %q", b)
		}
		content := b[headerLen : headerLen+h.content]
		switch h.kind {
		case typeStdout:
			out[h.id] += string(content)
		case typeEnd:
			ended[h.id] = true
		default:
			t.Fatalf("unexpected record type %d", h.kind)
		}
		b = b[headerLen+h.content+h.padding:]
	}
	return out, ended
}

func TestARequestIsAnsweredWhateverThePieces(t *testing.T) {
	for _, size := range []int{0, 1, 128, 10_000, maxContent, 200_000} {
		r := newReply(size)
		for _, piece := range []int{1, 7, 8, 9, 1 << 20} {
			s := newSession(false, &r)
			in := wholeRequest(513, flagKeepConn)
			for len(in) > 0 {
				n := min(piece, len(in))
				if err := s.feed(in[:n]); err != nil {
					t.Fatal(err)
				}
				in = in[n:]
			}
			out, ended := stdoutOf(t, s.out)
			if out[513] != Head+string(Body(size)) || !ended[513] || len(out) != 1 {
				t.Errorf("size %d in pieces of %d: wrong answer", size, piece)
			}
			if s.last || s.served != 1 || len(s.active) != 0 {
				t.Errorf("size %d: last %v served %d active %d", size, s.last, s.served, len(s.active))
			}
		}
	}
}

func TestWithoutKeepConnTheAnswerIsTheLast(t *testing.T) {
	r := newReply(1)
	s := newSession(false, &r)
	if err := s.feed(append(wholeRequest(1, 0), wholeRequest(2, 0)...)); err != nil {
		t.Fatal(err)
	}
	if out, _ := stdoutOf(t, s.out); !s.last || len(out) != 1 {
		t.Errorf("last %v, answers %d", s.last, len(out))
	}
}

func TestOverlappingRequestsNeedMultiplexing(t *testing.T) {
	r := newReply(5)
	both := append(beginRecord(1, flagKeepConn), wholeRequest(2, flagKeepConn)...)
	both = append(both, wholeRequest(1, flagKeepConn)[len(beginRecord(1, 0)):]...)

	s := newSession(true, &r)
	if err := s.feed(both); err != nil {
		t.Fatal(err)
	}
	out, ended := stdoutOf(t, s.out)
	if len(out) != 2 || !ended[1] || !ended[2] || out[1] != out[2] {
		t.Errorf("answers %v, ended %v", out, ended)
	}
	if err := newSession(false, &r).feed(both); !errors.Is(err, ErrProtocol) {
		t.Errorf("not multiplexed: error %v", err)
	}
}

func TestABodyIsReadAndParamsMaySpanRecords(t *testing.T) {
	r := newReply(3)
	s := newSession(false, &r)
	long := append(pair("X", strings.Repeat("y", 300)), script...)
	in := beginRecord(9, flagKeepConn)
	in = appendRecord(in, typeParams, 9, long[:150])
	in = appendRecord(in, typeParams, 9, long[150:])
	in = appendRecord(in, typeParams, 9, nil)
	in = appendRecord(in, typeStdin, 9, bytes.Repeat([]byte("b"), 1000))
	if err := s.feed(in); err != nil {
		t.Fatal(err)
	}
	if len(s.out) != 0 {
		t.Fatal("answered before the end of STDIN")
	}
	if err := s.feed(appendRecord(nil, typeStdin, 9, nil)); err != nil || len(s.out) == 0 {
		t.Fatalf("after STDIN: %d bytes, %v", len(s.out), err)
	}
}

func TestGetValuesTellsWhetherTheStubMultiplexes(t *testing.T) {
	ask := appendRecord(nil, typeGetValues, 0, append(pair("FCGI_MAX_REQS", ""), pair("FCGI_MPXS_CONNS", "")...))
	r := newReply(1)
	for multiplex, want := range map[bool]string{false: "0", true: "1"} {
		s := newSession(multiplex, &r)
		if err := s.feed(ask); err != nil {
			t.Fatal(err)
		}
		if got := appendRecord(nil, typeGetValuesResult, 0, pair("FCGI_MPXS_CONNS", want)); !bytes.Equal(s.out, got) {
			t.Errorf("multiplex %v: %q, want %q", multiplex, s.out, got)
		}
	}
}

func TestAnUnknownManagementTypeIsNamed(t *testing.T) {
	r := newReply(1)
	s := newSession(false, &r)
	if err := s.feed(appendRecord(nil, 77, 0, nil)); err != nil {
		t.Fatal(err)
	}
	if h, _ := parseHeader(s.out); h.kind != typeUnknown || s.out[headerLen] != 77 {
		t.Errorf("got %q", s.out)
	}
}

func TestBrokenInputIsRefused(t *testing.T) {
	params := func(content []byte) []byte {
		b := appendRecord(beginRecord(1, 1), typeParams, 1, content)
		return appendRecord(b, typeParams, 1, nil)
	}
	cases := map[string][]byte{
		"version 2":             {2, 1, 0, 1, 0, 0, 0, 0},
		"short begin":           appendRecord(nil, typeBegin, 1, []byte{0, 1}),
		"begun twice":           append(beginRecord(1, 1), beginRecord(1, 1)...),
		"authorizer":            appendRecord(nil, typeBegin, 1, []byte{0, 2, 1, 0, 0, 0, 0, 0}),
		"params without begin":  appendRecord(nil, typeParams, 1, script),
		"stdin before params":   appendRecord(beginRecord(1, 1), typeStdin, 1, nil),
		"no script":             params(pair("REQUEST_METHOD", "GET")),
		"empty script":          params(pair("SCRIPT_FILENAME", "")),
		"pair cut off":          params(script[:len(script)-1]),
		"length cut off":        params([]byte{0x80, 0}),
		"params after end":      append(params(script), params(script)[len(beginRecord(1, 1)):]...),
		"output record":         appendRecord(beginRecord(1, 1), typeStdout, 1, nil),
		"answered, then params": append(wholeRequest(1, 1), appendRecord(nil, typeParams, 1, nil)...),
	}
	r := newReply(1)
	for name, in := range cases {
		if err := newSession(true, &r).feed(in); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestAnsweringAllocatesNothing(t *testing.T) {
	r := newReply(128)
	s := newSession(false, &r)
	in := wholeRequest(1, flagKeepConn)
	got := testing.AllocsPerRun(100, func() {
		s.out = s.out[:0]
		if err := s.feed(in); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations per request", got)
	}
}

func FuzzSession(f *testing.F) {
	f.Add(wholeRequest(1, 1), 3)
	f.Add(append(beginRecord(1, 1), wholeRequest(2, 0)...), 8)
	f.Add(appendRecord(nil, typeGetValues, 0, pair("FCGI_MPXS_CONNS", "")), 1)
	f.Add(appendRecord(beginRecord(1, 1), typeParams, 1, []byte{0x80, 0, 0}), 5)
	r := newReply(16)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		whole, pieces := newSession(true, &r), newSession(true, &r)
		want := whole.feed(in)
		cut = max(0, min(cut, len(in)))
		got := pieces.feed(in[:cut])
		if got == nil {
			got = pieces.feed(in[cut:])
		}
		if (want == nil) != (got == nil) || !bytes.Equal(whole.out, pieces.out) {
			t.Errorf("cut at %d: error %v and %v, %d and %d bytes", cut, want, got, len(whole.out), len(pieces.out))
		}
	})
}
