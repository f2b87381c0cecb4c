package docroot

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnswersAreRememberedForAsLongAsValid(t *testing.T) {
	top := tree(t, map[string]string{"a": "1"})
	var c clock
	r := open(t, top, Options{Valid: time.Second, Clock: c.now}, true)
	look := func(rel string) error { _, err := r.Lookup([]byte(rel)); return err }
	if look("a") != nil || look("new") != ErrNotExist {
		t.Fatal("wrong first answers")
	}
	plant(t, top+"/new", "x", false)
	if err := os.Remove(top + "/a"); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Second - 1)
	if look("a") != nil || look("new") != ErrNotExist {
		t.Error("answers were not remembered")
	}
	if _, _, err := r.Open([]byte("a")); err != ErrNotExist {
		t.Errorf("Open of a removed file: %v", err)
	}
	c.advance(1)
	if look("a") != ErrNotExist || look("new") != nil {
		t.Error("answers outlived Valid")
	}
}

func TestNegativeValidRemembersNothing(t *testing.T) {
	top := tree(t, nil)
	r := open(t, top, Options{Valid: -1}, true)
	if _, err := r.Lookup([]byte("a")); err != ErrNotExist {
		t.Fatal(err)
	}
	plant(t, top+"/a", "x", false)
	if _, err := r.Lookup([]byte("a")); err != nil {
		t.Error(err)
	}
}

func TestNewRefusesWhatIsNoDirectory(t *testing.T) {
	top := tree(t, map[string]string{"file": "x"})
	for _, p := range []string{top + "/file", top + "/none"} {
		if r, err := New(p, Options{}); err == nil {
			t.Errorf("New(%s) worked: %v", p, r.Close())
		}
	}
}

func TestCloseEndsTheRoot(t *testing.T) {
	r := open(t, tree(t, map[string]string{"a": "x"}), Options{}, true)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := r.Lookup([]byte("a"))
	_, _, err2 := r.Open([]byte("a"))
	if err != ErrClosed || err2 != ErrClosed || r.Close() != ErrClosed || r.RealRoot() != "" {
		t.Errorf("after Close: %v, %v, %q", err, err2, r.RealRoot())
	}
}

func TestRootOfTheFileSystemWorks(t *testing.T) {
	r := open(t, "/", Options{}, true)
	i, err := r.Lookup([]byte("/proc/self/"))
	if err != nil && err != ErrForbidden {
		t.Error(err)
	}
	if i, err = r.Lookup([]byte("/tmp")); err != nil || i.RealPath != "/tmp" || r.RealRoot() != "/" {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestUnreadableFileIsDescribedButNotOpened(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	top := tree(t, map[string]string{"a": "x"})
	if err := os.Chmod(top+"/a", 0); err != nil {
		t.Fatal(err)
	}
	eachKind(t, func(t *testing.T, kernel2 bool) {
		r := open(t, top, Options{}, kernel2)
		i, err := r.Lookup([]byte("a"))
		if err != nil || i.RealPath != top+"/a" {
			t.Errorf("%+v, %v", i, err)
		}
		if _, _, err := r.Open([]byte("a")); err != ErrForbidden {
			t.Error(err)
		}
	})
}

func TestHitAllocatesNothing(t *testing.T) {
	r := open(t, tree(t, map[string]string{"index.php": "x"}), Options{}, true)
	hit, miss := []byte("/index.php"), []byte("/none")
	n := testing.AllocsPerRun(200, func() {
		i, err := r.Lookup(hit)
		_, err2 := r.Lookup(miss)
		if err != nil || err2 != ErrNotExist || i.Kind != File {
			t.Fatal(err, err2)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCleanKeepsBeneath(f *testing.F) {
	for _, s := range []string{"", "/", "a", "../a", "a/..", "a/../b", "./a", "a//b/", "..a", "/..", "a/.../b", "\x00", "a/."} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, rel []byte) {
		name, err := clean(rel)
		if err != nil {
			return
		}
		if name == "" || name[0] == '/' || bytes.Contains([]byte("/"+name+"/"), []byte("/../")) || strings.Contains(name, "//") {
			t.Errorf("clean(%q) = %q", rel, name)
		}
		if want := filepath.Clean("/" + string(rel)); filepath.Clean("/"+name) != want {
			t.Errorf("clean(%q) = %q, which is not %q", rel, name, want)
		}
	})
}

func BenchmarkLookupHit(b *testing.B) {
	top := b.TempDir()
	if err := os.WriteFile(top+"/index.php", nil, 0o644); err != nil {
		b.Fatal(err)
	}
	r, err := New(top, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	rel := []byte("/index.php")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Lookup(rel); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookupMiss(b *testing.B) {
	r, err := New(b.TempDir(), Options{Valid: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for b.Loop() {
		if _, err := r.Lookup([]byte("/none/deep")); err != ErrNotExist {
			b.Fatal(err)
		}
	}
}
