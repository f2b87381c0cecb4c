package docroot

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tree makes files and, for values that begin with "->", symlinks; names that
// end in a slash are directories. It returns the real path of the tree.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		plant(t, filepath.Join(top, name), content, strings.HasSuffix(name, "/"))
	}
	return top
}

func plant(t *testing.T, path, content string, dir bool) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	target, link := strings.CutPrefix(content, "->")
	switch {
	case err != nil:
	case dir:
		err = os.MkdirAll(path, 0o755)
	case link:
		err = os.Symlink(target, path)
	default:
		err = os.WriteFile(path, []byte(content), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// clock is a Root's clock that stands until it is moved.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() int64              { return c.ns.Load() }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func open(t *testing.T, path string, o Options, kernel2 bool) *Root {
	t.Helper()
	r, err := newRoot(path, o, kernel2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// eachKind runs f with openat2 and with what stands in for it.
func eachKind(t *testing.T, f func(t *testing.T, kernel2 bool)) {
	t.Run("openat2", func(t *testing.T) { f(t, true) })
	t.Run("fallback", func(t *testing.T) { f(t, false) })
}

func TestLookupAnswersByMode(t *testing.T) {
	top := tree(t, map[string]string{
		"out/secret":         "s",
		"out/dir/x":          "x",
		"www/a.php":          "abc",
		"www/sub/b":          "b",
		"www/sp ace/\xff\n?": "odd",
		"www/in":             "->sub/b",
		"www/indir":          "->sub",
		"www/up":             "->sub/../a.php",
		"www/abs":            "->@/www/a.php",
		"www/leak":           "->../out/secret",
		"www/leakdir":        "->../out/dir",
		"www/dangling":       "->nowhere",
		"www/loop":           "->loop",
		"www/chain":          "->in",
		"www/zz/":            "",
	})
	if err := os.Remove(filepath.Join(top, "www/abs")); err != nil {
		t.Fatal(err)
	}
	plant(t, filepath.Join(top, "www/abs"), "->"+top+"/www/a.php", false)
	if err := unix.Mkfifo(filepath.Join(top, "www/fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	plant(t, filepath.Join(top, "www/dev"), "->/dev/null", false)

	const no, bad = "!not exist", "!forbidden"
	for _, c := range []struct{ rel, beneath, follow string }{
		{"a.php", "www/a.php", "www/a.php"},
		{"/a.php", "www/a.php", "www/a.php"},
		{"///a.php", "www/a.php", "www/a.php"},
		{"sub//b", "www/sub/b", "www/sub/b"},
		{"sub/./b", "www/sub/b", "www/sub/b"},
		{"sp ace/\xff\n?", "www/sp ace/\xff\n?", "www/sp ace/\xff\n?"},
		{"", "www", "www"},
		{"/", "www", "www"},
		{".", "www", "www"},
		{"sub", "www/sub", "www/sub"},
		{"sub/", "www/sub", "www/sub"},
		{"zz/", "www/zz", "www/zz"},
		{"a.php/", no, no},
		{"a.php/b", no, no},
		{"in/", no, no},
		{"none", no, no},
		{"none/deep", no, no},
		{"a.php\x00.jpg", no, no},
		{strings.Repeat("n", 300), no, no},
		{strings.Repeat("n/", 3000), no, no},
		{"..", bad, bad},
		{"../out/secret", bad, bad},
		{"sub/../a.php", bad, bad},
		{"sub/..", bad, bad},
		{"..hidden", no, no},
		{"in", "www/sub/b", "www/sub/b"},
		{"chain", "www/sub/b", "www/sub/b"},
		{"indir/b", "www/sub/b", "www/sub/b"},
		{"indir", "www/sub", "www/sub"},
		{"up", "www/a.php", "www/a.php"},
		{"abs", bad, "www/a.php"},
		{"leak", bad, "out/secret"},
		{"leakdir/x", bad, "out/dir/x"},
		{"dangling", no, no},
		{"loop", bad, bad},
		{"fifo", bad, bad},
		{"dev", bad, bad},
	} {
		eachKind(t, func(t *testing.T, kernel2 bool) {
			for mode, want := range map[Symlinks]string{Beneath: c.beneath, Follow: c.follow, Owner: c.follow} {
				r := open(t, top+"/www", Options{Symlinks: mode}, kernel2)
				checkAnswer(t, r, c.rel, top, want)
			}
		})
	}
}

// checkAnswer compares Lookup, a second one from the cache, and Open.
func checkAnswer(t *testing.T, r *Root, rel, top, want string) {
	t.Helper()
	for range 2 {
		info, err := r.Lookup([]byte(rel))
		checkOne(t, r, rel, top, want, info, err)
	}
	f, info, err := r.Open([]byte(rel))
	checkOne(t, r, rel, top, want, info, err)
	if err == nil {
		_ = f.Close()
	}
}

func checkOne(t *testing.T, r *Root, rel, top, want string, info Info, err error) {
	t.Helper()
	wantErr := map[string]error{"!not exist": ErrNotExist, "!forbidden": ErrForbidden}[want]
	switch {
	case wantErr != nil && err != wantErr:
		t.Errorf("mode %d, %q: error %v, want %v", r.opt.Symlinks, rel, err, wantErr)
	case wantErr == nil && err != nil:
		t.Errorf("mode %d, %q: %v", r.opt.Symlinks, rel, err)
	case wantErr == nil && info.RealPath != top+"/"+want:
		t.Errorf("mode %d, %q: real path %q, want %q", r.opt.Symlinks, rel, info.RealPath, top+"/"+want)
	}
}

func TestInfoDescribesTheFile(t *testing.T) {
	top := tree(t, map[string]string{"a": "12345", "d/": ""})
	at := time.Unix(1700000000, 123456789)
	if err := os.Chtimes(top+"/a", at, at); err != nil {
		t.Fatal(err)
	}
	eachKind(t, func(t *testing.T, kernel2 bool) {
		r := open(t, top, Options{}, kernel2)
		i, err := r.Lookup([]byte("a"))
		if err != nil || i.Kind != File || i.Size != 5 || !i.ModTime.Equal(at) || i.Ino == 0 {
			t.Errorf("got %+v, %v", i, err)
		}
		d, err := r.Lookup([]byte("d"))
		if err != nil || d.Kind != Dir || d.SameFile(&i) {
			t.Errorf("got %+v, %v", d, err)
		}
		f, o, err := r.Open([]byte("a"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		body, err := io.ReadAll(f)
		if string(body) != "12345" || err != nil || !o.SameFile(&i) {
			t.Errorf("read %q, %v, %+v", body, err, o)
		}
	})
}

func TestErrorsMatchThoseOfFS(t *testing.T) {
	if !errors.Is(ErrNotExist, fs.ErrNotExist) || !errors.Is(ErrForbidden, fs.ErrPermission) {
		t.Error("sentinels do not match")
	}
	if err := classify(unix.EMFILE); lasting(err) || !errors.Is(err, unix.EMFILE) {
		t.Errorf("classify(EMFILE) = %v", err)
	}
}

func TestOwnerComparesLinkWithItsFinalTarget(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give files away")
	}
	top := tree(t, map[string]string{
		"out/mine":    "m",
		"out/yours":   "y",
		"out/via":     "->yours",
		"www/mine":    "->../out/mine",
		"www/yours":   "->../out/yours",
		"www/via":     "->../out/via",
		"www/dir":     "->../out",
		"www/outlink": "->" + "/etc/passwd",
	})
	const user = 12345
	for _, p := range []string{"out/mine", "www/mine", "www/yours", "www/via", "out/via", "www/dir", "www/outlink"} {
		if err := os.Lchown(filepath.Join(top, p), user, user); err != nil {
			t.Fatal(err)
		}
	}
	eachKind(t, func(t *testing.T, kernel2 bool) {
		r := open(t, top+"/www", Options{Symlinks: Owner}, kernel2)
		for rel, want := range map[string]error{
			"mine": nil, "yours": ErrForbidden, "via": ErrForbidden, "dir": ErrForbidden,
			"dir/mine": ErrForbidden, "outlink": ErrForbidden,
		} {
			if _, err := r.Lookup([]byte(rel)); err != want {
				t.Errorf("%s: %v, want %v", rel, err, want)
			}
		}
	})
}

func TestOpenNeverWaitsOnAFifoThatTookAFilesPlace(t *testing.T) {
	top := tree(t, map[string]string{"a": "a"})
	eachKind(t, func(t *testing.T, kernel2 bool) {
		for _, mode := range []Symlinks{Beneath, Owner, Follow} {
			plant(t, top+"/a", "a", false)
			var c clock
			r := open(t, top, Options{Symlinks: mode, Clock: c.now}, kernel2)
			if _, err := r.Lookup([]byte("a")); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Remove(top+"/a"), unix.Mkfifo(top+"/a", 0o644)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := r.Open([]byte("a")); err != ErrForbidden {
				t.Errorf("mode %d: error %v", mode, err)
			}
			if err := os.Remove(top + "/a"); err != nil {
				t.Fatal(err)
			}
		}
	})
}
