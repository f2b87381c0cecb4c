package observe

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestATornLineSpoilsNoOther(t *testing.T) {
	full := errors.New("full")
	rows := []struct {
		write string
		n     int // of it, with what mends
		err   error
		sent  string
		want  change
	}{
		{"a\nb\n", 4, nil, "a\nb\n", change{}},
		{"c\ndddd\ne\n", 4, full, "c\ndd", change{err: full}},
		{"f\ng\n", 0, full, "", change{}},
		{"h\n", 1, full, "\n", change{}},
		{"i\n", 1, full, "i", change{}},
		{"j\nk\n", 5, nil, "\nj\nk\n", change{lost: 6}},
		{"l\n", 2, nil, "l\n", change{}},
		{"m\n", 0, full, "", change{err: full}},
		{"n\n", 2, nil, "n\n", change{lost: 1}},
	}
	var s fullness
	for _, row := range rows {
		b := s.mend([]byte(row.write))
		got := s.wrote(b, row.n, row.err)
		if got != row.want || row.sent != string(b[:row.n]) {
			t.Errorf("%q: %q written, %+v, want %+v", row.write, b[:row.n], got, row.want)
		}
	}
}

func TestAFullDiskIsToldOnceAndItsEndAsWell(t *testing.T) {
	dir := t.TempDir()
	access, main := filepath.Join(dir, "access"), filepath.Join(dir, "error")
	if err := os.Symlink("/dev/full", access); err != nil {
		t.Fatal(err)
	}
	l, err := Open(Config{Output: main, Access: access})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		l.Access(request(), 200)
		_ = l.Reopen() // flushes
	}
	if err := os.Remove(access); err != nil {
		t.Fatal(err)
	}
	_ = l.Reopen()
	for range 2 {
		l.Access(request(), 200)
		_ = l.Reopen()
	}
	_ = l.Reopen() // the error log's news may have come after its turn
	if err := l.Close(); err == nil {
		t.Error("Close does not say that records were lost")
	}
	list := lines(t, main)
	if len(list) != 2 {
		t.Fatalf("the error log has %q", list)
	}
	if m := record(t, list[0]); m["file"] != access || m["level"] != "error" || !strings.Contains(list[0], "no space left") {
		t.Errorf("it begins: %s", list[0])
	}
	if m := record(t, list[1]); m["file"] != access || m["lost"] != 3.0 {
		t.Errorf("it ends: %s", list[1])
	}
}

func TestAFullDiskOfTheErrorLogIsToldOnStderr(t *testing.T) {
	dir := t.TempDir()
	main, console := filepath.Join(dir, "error"), filepath.Join(dir, "stderr")
	if err := os.Symlink("/dev/full", main); err != nil {
		t.Fatal(err)
	}
	stderr, err := os.Create(console)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	defer func(f *os.File) { os.Stderr = f }(os.Stderr)
	os.Stderr = stderr
	l, err := Open(Config{Output: main})
	if err != nil {
		t.Fatal(err)
	}
	l.Log().Error("lost")
	_ = l.Reopen()
	l.Log().Error("lost")
	_ = l.Reopen()
	if err := os.Remove(main); err != nil {
		t.Fatal(err)
	}
	_ = l.Reopen()
	l.Log().Error("kept")
	_ = l.Reopen()
	_ = l.Close()
	if list := lines(t, console); len(list) != 2 || record(t, list[1])["lost"] != 2.0 {
		t.Errorf("stderr has %q", list)
	}
	if list := lines(t, main); len(list) != 2 || record(t, list[0])["msg"] != "kept" || record(t, list[1])["lost"] != 2.0 {
		t.Errorf("the log has %q", list)
	}
}
