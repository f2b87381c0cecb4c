package fcgi_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// sizeTests are the edges of the pair length encoding and of records.
var sizeTests = []struct {
	size   int
	prefix string // encoded length
}{
	{0, "\x00"},
	{1, "\x01"},
	{127, "\x7f"},
	{128, "\x80\x00\x00\x80"},
	{255, "\x80\x00\x00\xff"},
	{65535, "\x80\x00\xff\xff"},
	{65536, "\x80\x01\x00\x00"},
	{70000, "\x80\x01\x11\x70"},
}

func TestPairLengthsOfEverySizeRoundTrip(t *testing.T) {
	for _, nt := range sizeTests {
		for _, vt := range sizeTests {
			name, value := strings.Repeat("n", nt.size), bytes.Repeat([]byte("v"), vt.size)
			b := fcgi.AppendPair([]byte("head"), name, value)
			want := "head" + nt.prefix + vt.prefix + name + string(value)
			if string(b) != want || len(b) != 4+fcgi.PairLen(nt.size, vt.size) {
				t.Fatalf("%d/%d: encoded %d bytes, want %d", nt.size, vt.size, len(b), len(want))
			}
			for _, room := range []int{4, 1000} {
				o, nameAt, valueAt := fcgi.OpenPair(append(make([]byte, 0, room), "head"...), nt.size, vt.size)
				copy(nameAt, name)
				copy(valueAt, value)
				if !bytes.Equal(o, b) {
					t.Fatalf("%d/%d in %d: OpenPair differs", nt.size, vt.size, room)
				}
			}
			n, v, rest, err := fcgi.NextPair(append(b[4:], "rest"...))
			if err != nil || string(n) != name || !bytes.Equal(v, value) || string(rest) != "rest" {
				t.Fatalf("%d/%d: decoded %d/%d, rest %q, %v", nt.size, vt.size, len(n), len(v), rest, err)
			}
		}
	}
}

func TestMalformedPairsAreRejectedBeforeAnythingIsAllocated(t *testing.T) {
	bad := []string{
		"", "\x01", "\x80", "\x80\x00\x00", "\x01\x80\x00\x00", "\x01\x01a", "\x02\x00a",
		"\xff\xff\xff\xff\xff\xff\xff\xffab",
		"\x7f\xff\xff\xffab",
		"\xff\xff\xff\xff\x01ab",
		"\x01\xff\xff\xff\xffab",
		"\x80\x00\x00\x01\xff\xff\xff\xffab",
	}
	for _, b := range bad {
		if n, v, rest, err := fcgi.NextPair([]byte(b)); err != fcgi.ErrPair || n != nil || v != nil || rest != nil {
			t.Errorf("%q: %q %q %q %v", b, n, v, rest, err)
		}
	}
	huge := []byte(bad[7])
	if a := testing.AllocsPerRun(100, func() { _, _, _, _ = fcgi.NextPair(huge) }); a != 0 {
		t.Fatalf("%v allocations", a)
	}
}

func TestHeaderRoundTripsForEveryType(t *testing.T) {
	for typ := range 256 {
		h := fcgi.Header{Type: fcgi.Type(typ), ID: uint16(typ * 257), Len: uint16(65535 - typ), Pad: uint8(typ)}
		b := fcgi.AppendHeader(nil, h)
		if len(b) != fcgi.HeaderLen || b[0] != fcgi.Version || b[7] != 0 {
			t.Fatalf("%x", b)
		}
		if got, err := fcgi.ParseHeader(b); got != h || err != nil {
			t.Fatalf("got %+v, %v, want %+v", got, err, h)
		}
	}
	if _, err := fcgi.ParseHeader(make([]byte, 7)); err != fcgi.ErrShort {
		t.Fatal(err)
	}
	var pe *fcgi.ProtocolError
	if _, err := fcgi.ParseHeader(make([]byte, 8)); !errors.As(err, &pe) {
		t.Fatal(err)
	}
}

func TestTypesHaveTheSpecificationsNames(t *testing.T) {
	for typ, want := range map[fcgi.Type]string{1: "BEGIN_REQUEST", 6: "STDOUT", 11: "UNKNOWN_TYPE", 0: "type 0", 12: "type 12", 255: "type 255"} {
		if got := typ.String(); got != want {
			t.Errorf("%d: %q", typ, got)
		}
	}
}

func TestBodiesAreEncodedAsTheSpecificationShows(t *testing.T) {
	tests := []struct{ got, want string }{
		{string(fcgi.AppendBegin(nil, 0x102, fcgi.Begin{Role: fcgi.RoleFilter, KeepConn: true})), "\x01\x01\x01\x02\x00\x08\x00\x00\x00\x03\x01\x00\x00\x00\x00\x00"},
		{string(fcgi.AppendBegin(nil, 1, fcgi.Begin{Role: fcgi.RoleResponder})), "\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"},
		{string(fcgi.AppendEnd(nil, 1, fcgi.End{AppStatus: 0x01020304, ProtocolStatus: 2})), "\x01\x03\x00\x01\x00\x08\x00\x00\x01\x02\x03\x04\x02\x00\x00\x00"},
		{string(fcgi.AppendAbort(nil, 3)), "\x01\x02\x00\x03\x00\x00\x00\x00"},
		{string(fcgi.AppendUnknown(nil, 77)), "\x01\x0b\x00\x00\x00\x08\x00\x00\x4d\x00\x00\x00\x00\x00\x00\x00"},
		{string(fcgi.AppendStreamEnd(nil, fcgi.TypeStdin, 5)), "\x01\x05\x00\x05\x00\x00\x00\x00"},
		{string(fcgi.AppendGetValues(nil, "A")), "\x01\x09\x00\x00\x00\x03\x00\x00\x01\x00A"},
		{string(fcgi.AppendRecord(nil, fcgi.TypeParams, 1, []byte("abc"))), "\x01\x04\x00\x01\x00\x03\x05\x00abc\x00\x00\x00\x00\x00"},
		{string(fcgi.AppendRecord(nil, fcgi.TypeStdin, 1, []byte("abc"))), "\x01\x05\x00\x01\x00\x03\x00\x00abc"},
	}
	for i, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%d: %x, want %x", i, tt.got, tt.want)
		}
	}
}

func TestBodiesOfTheWrongLengthAreShort(t *testing.T) {
	for _, n := range []int{0, 7, 9} {
		b := make([]byte, n)
		_, e1 := fcgi.ParseBegin(b)
		_, e2 := fcgi.ParseEnd(b)
		_, e3 := fcgi.ParseUnknown(b)
		if e1 != fcgi.ErrShort || e2 != fcgi.ErrShort || e3 != fcgi.ErrShort {
			t.Errorf("%d bytes: %v %v %v", n, e1, e2, e3)
		}
	}
}

func TestStreamsOfEverySizeAreSplitAndNeverCut(t *testing.T) {
	for _, typ := range []fcgi.Type{fcgi.TypeParams, fcgi.TypeStdin, fcgi.TypeStdout} {
		for _, size := range []int{0, 1, 7, 8, 65527, 65528, 65529, 65535, 65536, 65543, 131056, 131057, 300000} {
			data := attack(size)
			b := fcgi.AppendStream(nil, typ, 9, data)
			var got []byte
			for r := b; len(r) > 0; {
				h, err := fcgi.ParseHeader(r)
				if err != nil || h.Type != typ || h.ID != 9 || h.Len == 0 || h.Len > fcgi.MaxContent {
					t.Fatalf("size %d: header %+v, %v", size, h, err)
				}
				if typ == fcgi.TypeParams && (int(h.Len)+int(h.Pad))%8 != 0 {
					t.Fatalf("size %d: not padded to 8: %+v", size, h)
				}
				end := fcgi.HeaderLen + int(h.Len)
				got = append(got, r[fcgi.HeaderLen:end]...)
				r = r[end+int(h.Pad):]
			}
			if !bytes.Equal(got, data) {
				t.Fatalf("%v of %d bytes: %d bytes came out", typ, size, len(got))
			}
		}
	}
}

func TestParamsAreSplitBetweenPairs(t *testing.T) {
	long := strings.Repeat("l", 60_000)
	in := params("A", long, "B", long, "C", "c", "D", long)
	var records int
	for b := fcgi.AppendStream(nil, fcgi.TypeParams, 1, in); len(b) > 0; records++ {
		h, err := fcgi.ParseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		for rest := b[fcgi.HeaderLen : fcgi.HeaderLen+int(h.Len)]; len(rest) > 0; {
			if _, _, rest, err = fcgi.NextPair(rest); err != nil {
				t.Fatalf("record %d: %v", records, err)
			}
		}
		b = b[fcgi.HeaderLen+int(h.Len)+int(h.Pad):]
	}
	if records != 3 {
		t.Fatalf("%d records", records)
	}
}

func TestRecordThatWouldBeCutPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	fcgi.AppendRecord(nil, fcgi.TypeStdin, 1, make([]byte, fcgi.MaxContent+1))
}

func TestCodecAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 200<<10)
	body := pattern(100_000)
	var p fcgi.Parser
	allocs := testing.AllocsPerRun(100, func() {
		dst = fcgi.AppendBegin(dst[:0], 1, fcgi.Begin{Role: 1})
		dst = fcgi.AppendStream(dst, fcgi.TypeStdin, 1, body)
		dst = fcgi.AppendStreamEnd(dst, fcgi.TypeStdin, 1)
		dst = fcgi.AppendEnd(dst, 1, fcgi.End{})
		for b := dst; len(b) > 0; {
			_, used, _ := p.Next(b)
			b = b[used:]
		}
	})
	if allocs != 0 {
		t.Fatalf("%v allocations", allocs)
	}
}

// parse feeds b in pieces as a connection would: what is not used is kept and
// given again with more behind it. It returns the content by type and the
// number of ends of streams.
func parse(tb testing.TB, b []byte, piece func() int) (map[fcgi.Type]string, int, error) {
	tb.Helper()
	var p fcgi.Parser
	var kept []byte
	var bytesOf [256][]byte
	var err error
	ends := 0
	for len(b) > 0 && err == nil {
		n := min(max(piece(), 1), len(b))
		kept = append(kept, b[:n]...)
		b = b[n:]
		for {
			var part fcgi.Part
			var used int
			part, used, err = p.Next(kept)
			kept = kept[used:]
			if err != nil || part.Type == 0 {
				break
			}
			bytesOf[part.Type] = append(bytesOf[part.Type], part.Payload...)
			if part.EOS {
				ends++
			}
		}
		if err == nil && len(kept) >= fcgi.MinParse {
			tb.Fatalf("parser leaves %d bytes", len(kept))
		}
	}
	content := map[fcgi.Type]string{}
	for typ, c := range bytesOf {
		if len(c) > 0 {
			content[fcgi.Type(typ)] = string(c)
		}
	}
	return content, ends, err
}

func TestParserGivesTheSameHoweverTheBytesArrive(t *testing.T) {
	in := join(
		rec(fcgi.TypeStderr, 1, []byte("warning"), 255),
		rec(fcgi.TypeStdout, 1, pattern(65535), 255),
		rec(fcgi.TypeStdout, 1, []byte("tail"), 0),
		rec(fcgi.TypeStdout, 1, nil, 3),
		rec(fcgi.TypeEndRequest, 1, []byte("12345678"), 9),
	)
	want, wantEnds, err := parse(t, in, func() int { return len(in) })
	if err != nil || len(want[fcgi.TypeStdout]) != 65539 || want[fcgi.TypeStderr] != "warning" || want[fcgi.TypeEndRequest] != "12345678" {
		t.Fatalf("%d bytes, %q, %v", len(want[fcgi.TypeStdout]), want[fcgi.TypeStderr], err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{1, 2, 3, 7, 8, 9, 255, 4096, 0} {
		got, ends, err := parse(t, in, func() int {
			if size == 0 {
				return rnd.IntN(2000)
			}
			return size
		})
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) || ends != wantEnds {
			t.Fatalf("pieces of %d: differ, %v", size, err)
		}
	}
}

func TestParserKnowsWhetherARecordIsComplete(t *testing.T) {
	var p fcgi.Parser
	in := rec(fcgi.TypeStdout, 1, []byte("ab"), 1)
	for n := range in {
		p = fcgi.Parser{}
		for b := in[:n+1]; len(b) > 0; {
			part, used, _ := p.Next(b)
			b = b[used:]
			if part.Type == 0 {
				break
			}
		}
		if want := n < fcgi.HeaderLen-1 || n == len(in)-1; p.Clean() != want {
			t.Fatalf("behind %d bytes: %v", n+1, p.Clean())
		}
	}
}

func TestValuesPassOverWhatTheyDoNotKnow(t *testing.T) {
	tests := []struct {
		content []byte
		want    fcgi.Values
	}{
		{nil, fcgi.Values{}},
		{params(fcgi.VarMpxsConns, "0"), fcgi.Values{MpxsKnown: true}},
		{params(fcgi.VarMpxsConns, "1", fcgi.VarMaxConns, "10", fcgi.VarMaxReqs, "50"), fcgi.Values{MaxConns: 10, MaxReqs: 50, Mpxs: true, MpxsKnown: true}},
		{params("X", "1", fcgi.VarMaxConns, "many", fcgi.VarMaxReqs, "-5"), fcgi.Values{}},
	}
	for _, tt := range tests {
		if got, err := fcgi.ParseValues(tt.content); got != tt.want || err != nil {
			t.Errorf("%q: %+v, %v", tt.content, got, err)
		}
	}
	if _, err := fcgi.ParseValues([]byte("\x7f\x7f")); err != fcgi.ErrPair {
		t.Error(err)
	}
}
