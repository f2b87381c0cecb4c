package http2

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

func TestFramesAreWhatXNetReads(t *testing.T) {
	rows := []struct {
		b    []byte
		want string
	}{
		{appendReset(nil, 7, Cancel), "[FrameHeader RST_STREAM stream=7 len=4]"},
		{appendWindowUpdate(nil, 3, 1<<31-1), "[FrameHeader WINDOW_UPDATE stream=3 len=4]"},
		{appendPing(nil, flagAck, []byte("12345678")), "[FrameHeader PING flags=ACK len=8]"},
		{appendGoAway(nil, 5, EnhanceYourCalm, "why"), "[FrameHeader GOAWAY len=11]"},
		{appendSettings(nil, setting{settingWindow, 1}, setting{settingMaxStreams, 2}), "[FrameHeader SETTINGS len=12]"},
		{appendSettingsAck(nil), "[FrameHeader SETTINGS flags=ACK len=0]"},
	}
	for _, row := range rows {
		f, err := http2.NewFramer(nil, bytes.NewReader(row.b)).ReadFrame()
		if err != nil || f.Header().String() != row.want {
			t.Errorf("%v, %v, want %s", f, err, row.want)
		}
		if _, size, err := parseFrame(row.b); err != nil || size != len(row.b) {
			t.Errorf("%s: %d, %v", row.want, size, err)
		}
	}
}

func TestPaddingAndPriorityAreTakenOff(t *testing.T) {
	rows := []struct {
		flags   uint8
		payload string
		block   string
		parent  uint32
		code    ErrCode
	}{
		{0, "abc", "abc", 0, NoError},
		{0, "", "", 0, NoError},
		{flagPadded, "\x00abc", "abc", 0, NoError},
		{flagPadded, "\x02abcde", "abc", 0, NoError},
		{flagPadded, "\x03abc", "", 0, NoError},
		{flagPadded, "\x04abc", "", 0, ProtocolError},
		{flagPadded, "\xff", "", 0, ProtocolError},
		{flagPadded, "", "", 0, FrameSizeError},
		{flagPriority, "\x80\x00\x00\x07\x10abc", "abc", 7, NoError},
		{flagPriority, "\x00\x00\x00\x07", "", 0, FrameSizeError},
		{flagPriority | flagPadded, "\x01\x00\x00\x00\x03\x10ab.", "ab", 3, NoError},
		{flagPriority | flagPadded, "\x05\x00\x00\x00\x03\x10ab", "", 0, FrameSizeError},
	}
	for _, row := range rows {
		f := frame{kind: frameHeaders, flags: row.flags, stream: 1, payload: []byte(row.payload)}
		block, parent, err := f.headerBlock()
		bad, ok := errors.AsType[*connError](err)
		if !ok && row.code != NoError || ok && bad.code != row.code {
			t.Errorf("%q: %v, want code %d", row.payload, err, row.code)
		}
		if err == nil && (string(block) != row.block || parent != row.parent) {
			t.Errorf("%q: %q, %d", row.payload, block, parent)
		}
	}
}

func TestFramesAreTakenWhole(t *testing.T) {
	b := append(appendPing(nil, 0, []byte("12345678")), "rest"...)
	for n := range 17 {
		if _, size, err := parseFrame(b[:n]); size != 0 || err != nil {
			t.Errorf("%d bytes: %d, %v", n, size, err)
		}
	}
	f, size, err := parseFrame(b)
	if size != 17 || err != nil || string(f.payload) != "12345678" || cap(f.payload) != 8 {
		t.Errorf("%+v, %d, %v", f, size, err)
	}
	if _, _, err := parseFrame(appendFrameHead(nil, maxFrame+1, frameData, 0, 1)); err == nil {
		t.Error("frame too large")
	}
}

func FuzzParseFrame(f *testing.F) {
	f.Add(appendPing(nil, 0, []byte("12345678")))
	f.Add(appendFrameHead(nil, 0, frameHeaders, 0xff, 1))
	f.Add(append(appendFrameHead(nil, 6, frameHeaders, flagPadded|flagPriority, 1), "\x00\x00\x00\x00\x01\x10"...))
	f.Add(appendFrameHead(nil, maxFrame+1, frameData, 0, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, size, err := parseFrame(b)
		if err != nil || size == 0 {
			return
		}
		if size > len(b) || len(fr.payload) != size-frameHead || fr.stream > lastStreamID {
			t.Fatalf("%+v of %d", fr, size)
		}
		if block, _, err := fr.headerBlock(); err == nil && len(block) > len(fr.payload) {
			t.Fatalf("block of %d", len(block))
		}
		again := append(appendFrameHead(nil, len(fr.payload), fr.kind, fr.flags, fr.stream), fr.payload...)
		b = bytes.Clone(b[:size])
		b[5] &= 0x7f // the reserved bit is ignored
		if !bytes.Equal(again, b) {
			t.Fatalf("%x, was %x", again, b)
		}
	})
}

// decoded returns a block as a client reads it.
func decoded(t *testing.T, b []byte) map[string]string {
	t.Helper()
	fields, err := hpack.NewDecoder(0, nil).DecodeFull(b)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	m := make(map[string]string)
	for _, f := range fields {
		m[f.Name] += f.Value + "|"
	}
	return m
}

func TestResponsesAreEncodedForAnyDecoder(t *testing.T) {
	for status := 100; status < 600; status++ {
		if got := decoded(t, appendStatus(nil, status)); len(got) != 1 || len(got[":status"]) != 4 {
			t.Errorf("%d: %v", status, got)
		}
	}
	long := string(bytes.Repeat([]byte("v"), 20000))
	var h exchange.Header
	for _, f := range [][2]string{
		{"Content-Type", "text/html"},
		{"Set-Cookie", "a=b"},
		{"Set-Cookie", "c=d"},
		{"X-Long", long},
		{"X-Empty", ""},
		{"X-Spaces", " \tx y\t"},
		{"Connection", "close"},
		{"Keep-Alive", "x"},
		{"Upgrade", "x"},
		{"Transfer-Encoding", "chunked"},
		{"Content-Length", "5"},
		{"Trailer", "x"},
		{"Proxy-Connection", "x"},
		{"DATE", "today"},
		{"X-Non-Ascii", "\xff\xfe"},
		{"WWW-Authenticate", "Basic"},
	} {
		h.AddString(f[0], f[1])
	}
	b, seen, err := appendFields(nil, &h)
	if err != nil || !seen.date || seen.server {
		t.Fatalf("%+v, %v", seen, err)
	}
	got := decoded(t, b)
	want := map[string]string{
		"content-type": "text/html|", "set-cookie": "a=b|c=d|", "x-long": long + "|", "x-empty": "|",
		"x-spaces": "x y|", "date": "today|", "x-non-ascii": "\xff\xfe|", "www-authenticate": "Basic|",
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %q, want %q", k, got[k], v)
		}
	}
}

func TestEveryKnownNameHasItsIndex(t *testing.T) {
	dec := hpack.NewDecoder(0, nil)
	for i := 1; i <= 61; i++ {
		fields, err := dec.DecodeFull(appendLiteral(nil, fieldOther, uint8(i), nil, []byte("x")))
		if err != nil {
			t.Fatal(err)
		}
		name := fields[0].Name
		if got, kind := fieldIndex([]byte(name)); got != 0 && int(got) != i && kind != fieldFraming {
			t.Errorf("%s is %d, not %d", name, i, got)
		}
	}
}

func TestFieldsThatMustNotBeSentAreErrors(t *testing.T) {
	for _, row := range [][2]string{{"", "x"}, {"a b", "x"}, {":status", "200"}, {"a", "x\ny"}, {"a", "\x00"}, {"a", "\r"}, {"\xff", "x"}} {
		var h exchange.Header
		h.AddString(row[0], row[1])
		if _, _, err := appendFields(nil, &h); !errors.Is(err, http1.ErrField) {
			t.Errorf("%q: %v", row, err)
		}
	}
}

func FuzzAppendLiteral(f *testing.F) {
	f.Add([]byte("x-name"), []byte("value"), uint8(0))
	f.Add([]byte("x"), bytes.Repeat([]byte("v"), 127), uint8(15))
	f.Add([]byte("x"), bytes.Repeat([]byte("v"), 255), uint8(61))
	f.Fuzz(func(t *testing.T, name, value []byte, index uint8) {
		if index > 61 || len(name) == 0 {
			return
		}
		fields, err := hpack.NewDecoder(0, nil).DecodeFull(appendLiteral(nil, fieldOther, index, name, value))
		if err != nil || len(fields) != 1 {
			t.Fatalf("%v, %v", fields, err)
		}
		if index == 0 && fields[0].Name != string(name) || fields[0].Value != string(octets.Trim(value)) {
			t.Fatalf("%v", fields)
		}
	})
}

func TestBudgetsRefill(t *testing.T) {
	var b budget
	now := int64(1e18)
	for i := range 10 {
		if !b.spend(now, 10, 100) {
			t.Fatalf("spent after %d", i)
		}
	}
	if b.spend(now, 10, 100) {
		t.Error("more than there was")
	}
	if !b.spend(now+20e6, 10, 100) {
		t.Error("not refilled by time")
	}
	b.earn(5)
	for i := range 5 {
		if !b.spend(now+20e6, 10, 100) {
			t.Errorf("not refilled by use: %d", i)
		}
	}
	b.earn(1000)
	if b.used != 0 {
		t.Errorf("%d used", b.used)
	}
}
