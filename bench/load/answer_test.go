package load

import (
	"errors"
	"strings"
	"testing"
)

const okHead = "HTTP/1.1 200 OK\r\n"

func TestAnswersAreReadInPiecesOfAnySize(t *testing.T) {
	cases := []struct {
		name, in string
		status   int
		body     string
		closes   bool
	}{
		{"length", okHead + "Content-Length: 5\r\n\r\nhello", 200, "hello", false},
		{"empty", okHead + "content-length:0\r\n\r\n", 200, "", false},
		{"chunks", okHead + "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n", 200, "hello!", false},
		{"trailer", okHead + "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nA: b\r\n\r\n", 200, "0123456789", false},
		{"close", okHead + "Connection: Close\r\nContent-Length: 1\r\n\r\nx", 200, "x", true},
		{"interim", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + okHead + "Content-Length: 2\r\n\r\nok", 200, "ok", false},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", false},
		{"error", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad", 502, "bad", false},
		{"no reason", "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx", 200, "x", false},
	}
	for _, c := range cases {
		for _, piece := range []int{1, 2, 3, 16, 1000} {
			a := Answer{Keep: true}
			in := c.in + "next"
			fed := 0
			for !a.Complete() {
				n, err := a.Feed([]byte(in[fed:min(fed+piece, len(in))]))
				if err != nil {
					t.Fatalf("%s by %d: %v", c.name, piece, err)
				}
				fed += n
			}
			if a.Status != c.status || string(a.Bytes) != c.body || a.Body != int64(len(c.body)) || a.Close != c.closes {
				t.Errorf("%s by %d: %+v", c.name, piece, a)
			}
			if in[fed:] != "next" {
				t.Errorf("%s by %d: left over %q", c.name, piece, in[fed:])
			}
		}
	}
}

func TestABodyWithoutLengthEndsWithTheConnection(t *testing.T) {
	a := Answer{Keep: true}
	if _, err := a.Feed([]byte(okHead + "\r\nabc")); err != nil || a.Complete() {
		t.Fatalf("complete %v, %v", a.Complete(), err)
	}
	if err := a.EOF(); err != nil || !a.Complete() || !a.Close || string(a.Bytes) != "abc" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAnEarlyEndIsAnError(t *testing.T) {
	whole := okHead + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	for n := range len(whole) {
		var a Answer
		if _, err := a.Feed([]byte(whole[:n])); err != nil {
			t.Fatal(err)
		}
		if err := a.EOF(); !errors.Is(err, ErrAnswer) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
}

func TestBrokenAnswersAreRefused(t *testing.T) {
	for _, in := range []string{
		"HTTP/1.0 200 OK\r\n\r\n",
		"220 smtp\r\n\r\n",
		"HTTP/1.1 abc\r\n\r\n",
		"HTTP/1.1 -10 \r\n\r\n",
		okHead + "Content-Length: -1\r\n\r\n",
		okHead + "Content-Length: 1,1\r\n\r\n",
		okHead + "Transfer-Encoding: chunked\r\n\r\nx\r\n",
		okHead + "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
		okHead + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
		okHead + strings.Repeat("A: b\r\n", maxHead),
	} {
		var a Answer
		if _, err := a.Feed([]byte(in)); !errors.Is(err, ErrAnswer) {
			t.Errorf("%.60q: %v", in, err)
		}
		var slow Answer
		var err error
		for i := 0; i < len(in) && err == nil; i++ {
			_, err = slow.Feed([]byte{in[i]})
		}
		if !errors.Is(err, ErrAnswer) {
			t.Errorf("%.60q byte by byte: %v", in, err)
		}
	}
}

func TestReadingAnAnswerAllocatesNothing(t *testing.T) {
	in := []byte(okHead + "Server: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	var a Answer
	n := testing.AllocsPerRun(100, func() {
		a.Reset()
		if _, err := a.Feed(in); err != nil || !a.Complete() {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(okHead+"Content-Length: 5\r\n\r\nhello"), 3)
	f.Add([]byte(okHead+"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), 50)
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\n"+okHead+"\r\nx"), 27)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		if len(in) > maxHead/2 {
			return // the limit on a line may strike earlier or later by pieces
		}
		cut = max(0, min(cut, len(in)))
		whole, parts := Answer{Keep: true}, Answer{Keep: true}
		n, want := whole.Feed(in)
		m, got := parts.Feed(in[:cut])
		if got == nil && m == cut {
			var more int
			more, got = parts.Feed(in[cut:])
			m += more
		}
		if (want == nil) != (got == nil) || string(whole.Bytes) != string(parts.Bytes) || whole.Complete() != parts.Complete() {
			t.Errorf("whole %d %v %+v, parts %d %v %+v", n, want, whole, m, got, parts)
		}
		if want == nil && n != m {
			t.Errorf("whole took %d bytes, parts %d", n, m)
		}
	})
}
