package static

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func big(n int) string { return strings.Repeat("abcdefghij", n/10) }

func TestLargeFileIsCopiedInBoundedPieces(t *testing.T) {
	body := big(200000)
	s := newSite(t, map[string]string{"a": body})
	if err := s.do("GET /a"); err != nil {
		t.Fatal(err)
	}
	s.want(200, body)
	if s.k.writes != 4 || s.k.head.ContentLength != 200000 {
		t.Errorf("%d writes, length %d", s.k.writes, s.k.head.ContentLength)
	}
}

func TestSinkWithSendfileGetsLargeFilesAndLargeRanges(t *testing.T) {
	body := big(200000)
	s := newSite(t, map[string]string{"a": body, "small": "x", "empty": ""})
	for _, c := range []struct {
		path, fields string
		sent         []int64
		body         string
	}{
		{"/a", "", []int64{200000}, body},
		{"/a", "range: bytes=10-100009", []int64{100000}, body[10:100010]},
		{"/a", "range: bytes=10-19", nil, body[10:20]},
		{"/small", "", nil, "x"},
		{"/empty", "", nil, ""},
	} {
		k := &fileSink{sink: sink{t: t}}
		if err := s.doTo(k, "GET "+c.path, c.fields); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(k.sent, c.sent) || k.body.String() != c.body || !k.done {
			t.Errorf("%s %s: sent %v, %d bytes, done %v", c.path, c.fields, k.sent, k.body.Len(), k.done)
		}
	}
}

func TestPartsOfAMultipartBodyUseSendfileToo(t *testing.T) {
	s := newSite(t, map[string]string{"a": big(300000)})
	k := &fileSink{sink: sink{t: t}}
	if err := s.doTo(k, "GET /a", "range: bytes=0-99999,150000-299999"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(k.sent, []int64{100000, 150000}) || k.head.ContentLength != int64(k.body.Len()) || !k.done {
		t.Errorf("sent %v, length %d of %d", k.sent, k.body.Len(), k.head.ContentLength)
	}
}

func TestFileThatShrinksIsNeverPassedOffAsComplete(t *testing.T) {
	s := newSite(t, nil)
	shrink := func() {
		if err := os.Truncate(s.dir+"/a", 100); err != nil {
			t.Error(err)
		}
	}
	for _, fields := range []string{"", "range: bytes=0-149999", "range: bytes=0-69999,80000-"} {
		s.plant("a", big(200000))
		k := &sink{t: t, onWrite: shrink}
		err := s.doTo(k, "GET /a", fields)
		checkCut(t, k, err)

		s.plant("a", big(200000))
		fk := &fileSink{sink: sink{t: t, onWrite: shrink}}
		err = s.doTo(fk, "GET /a", fields)
		checkCut(t, &fk.sink, err)
	}
}

func checkCut(t *testing.T, k *sink, err error) {
	t.Helper()
	if !errors.Is(err, ErrShrunk) || !k.aborted || k.done || int64(k.body.Len()) >= k.head.ContentLength {
		t.Errorf("%v, aborted %v, done %v, %d of %d", err, k.aborted, k.done, k.body.Len(), k.head.ContentLength)
	}
}

func TestFileThatGrowsIsSentAsLongAsWasSaid(t *testing.T) {
	body := big(200000)
	s := newSite(t, map[string]string{"a": body})
	k := &sink{t: t, onWrite: func() {
		if err := os.Truncate(s.dir+"/a", 300000); err != nil {
			t.Error(err)
		}
	}}
	if err := s.doTo(k, "GET /a"); err != nil || k.body.String() != body || !k.done {
		t.Errorf("%v, %d bytes", err, k.body.Len())
	}
}

func TestErrorOfTheSinkAbortsAndIsReturned(t *testing.T) {
	s := newSite(t, map[string]string{"a": big(200000)})
	for _, fields := range []string{"", "range: bytes=0-9", "range: bytes=0-9,20-29", "range: bytes=500000-", "if-none-match: *"} {
		k := &sink{t: t, failFrom: 1}
		if err := s.doTo(k, "GET /a", fields); !errors.Is(err, errGone) || !k.aborted || k.done {
			t.Errorf("%q: %v, aborted %v", fields, err, k.aborted)
		}
	}
}

func TestNoDescriptorIsLeftOpen(t *testing.T) {
	s := newSite(t, map[string]string{"a": big(1000)})
	count := func() int {
		d, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(d)
	}
	before := count()
	for _, fields := range []string{"", "range: bytes=0-9", "range: bytes=0-9,20-29", "range: bytes=5000-", "if-none-match: *"} {
		if err := s.do("GET /a", fields); err != nil {
			t.Fatal(err)
		}
		_ = s.doTo(&sink{t: t, failFrom: 1}, "GET /a", fields)
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
