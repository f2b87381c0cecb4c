package http1

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
			if got := controlIndex(b, 0); got != want {
				t.Fatalf("byte %#x at %d: %d", c, pos, got)
			}
			if got := controlIndex(b, pos+1); got != len(b) {
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
			if got := controlIndex(b, 0); got != want {
				t.Errorf("% x: %d, want %d", b, got, want)
			}
		}
	}
}

func TestTokensAreThoseOfTheGrammar(t *testing.T) {
	const tchar = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for c := range 256 {
		want := c < 0x80 && strings.IndexByte(tchar, byte(c)) >= 0
		if isToken([]byte{byte(c)}) != want {
			t.Errorf("byte %#x: token %v", c, !want)
		}
		if v := nameByte[c]; want && byte(v) != strings.ToLower(string(rune(c)))[0] {
			t.Errorf("byte %#x: lower case %#x", c, v)
		}
	}
	if isToken(nil) {
		t.Error("nothing is a token")
	}
}
