package octets

import (
	"bytes"
	"strings"
	"testing"
)

func TestEveryByteIsFoundOrPassedAtEveryPlace(t *testing.T) {
	for c := range 256 {
		for pos := range 20 {
			b := bytes.Repeat([]byte{'a'}, 21)
			b[pos] = byte(c)
			want := len(b)
			if c < ' ' || c == 0x7f {
				want = pos
			}
			if got := ControlIndex(b, 0); got != want {
				t.Fatalf("byte %#x at %d: %d", c, pos, got)
			}
			if got := ControlIndex(b, pos+1); got != len(b) {
				t.Fatalf("byte %#x at %d is found behind it: %d", c, pos, got)
			}
		}
	}
}

// Borrows in the eight-byte comparison must not hide or move a hit.
func TestControlBytesBesideEachOtherAreFoundInOrder(t *testing.T) {
	edge := []byte{0, 1, 0x1f, ' ', '!', 0x7e, 0x7f, 0x80, 0xff}
	for _, c1 := range edge {
		for _, c2 := range edge {
			b := []byte{'a', c1, c2, c1, 'b', c2, c2, c1, 'c'}
			want := 0
			for want < len(b) && b[want] >= ' ' && b[want] != 0x7f {
				want++
			}
			if got := ControlIndex(b, 0); got != want {
				t.Errorf("% x: %d, want %d", b, got, want)
			}
		}
	}
}

func TestTokensAreThoseOfTheGrammar(t *testing.T) {
	const tchar = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for c := range 256 {
		want := c < 0x80 && strings.IndexByte(tchar, byte(c)) >= 0
		if IsToken([]byte{byte(c)}) != want {
			t.Errorf("byte %#x: token %v", c, !want)
		}
		if v := Lower(byte(c)); want && byte(v) != strings.ToLower(string(rune(c)))[0] {
			t.Errorf("byte %#x: lower case %#x", c, v)
		}
	}
	if IsToken(nil) {
		t.Error("nothing is a token")
	}
}

func TestListsGiveTheirTokensOrNothing(t *testing.T) {
	for list, want := range map[string]string{
		"": "", " , ,\t": "", "a": "a", "a,b": "a b", ", a ,\tB-c ,,": "a B-c",
		"a b": "error", "a;b": "error", "\"a\"": "error", "a,\x00": "a error",
	} {
		var got []string
		for rest := []byte(list); ; {
			tok, more, ok := NextToken(rest)
			if !ok {
				got = append(got, "error")
			}
			if !ok || tok == nil {
				break
			}
			got = append(got, string(tok))
			rest = more
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: %q, want %q", list, s, want)
		}
	}
}

func TestNumbersAreDigitsThatFit(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "007": 7, "999999999999999999": 999999999999999999,
		"": -1, "1000000000000000000": -1, "+1": -1, "-1": -1, " 1": -1, "1 ": -1, "0x1": -1, "1_0": -1,
	} {
		n, ok := Number([]byte(text))
		if !ok {
			n = -1
		}
		if n != want {
			t.Errorf("%q: %d, want %d", text, n, want)
		}
	}
}

func TestValuesAndNamesAreHeldAgainstTheirBytes(t *testing.T) {
	for value, want := range map[string]bool{
		"": true, "a\tb": true, "\t": true, "\xff": true, "a\nb": false, "a long value with \x00": false, "\x7f": false,
	} {
		if IsValue([]byte(value)) != want {
			t.Errorf("value %q: %t", value, !want)
		}
	}
	for name, want := range map[string][2]bool{
		"a-9": {false, true}, "a_b": {true, true}, "Ab": {false, false}, "": {false, false}, ":a": {false, false},
	} {
		if strange, ok := LowerName(name); strange != want[0] || ok != want[1] {
			t.Errorf("name %q: %t, %t", name, strange, ok)
		}
	}
}
