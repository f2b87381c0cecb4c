package docroot

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// release points the symlink top/current at release n in one step.
func release(top string, n int) error {
	tmp := top + "/next"
	if err := os.Symlink(fmt.Sprintf("rel%d", n), tmp); err != nil {
		return err
	}
	return os.Rename(tmp, top+"/current")
}

func releases(t *testing.T) string {
	t.Helper()
	top := tree(t, map[string]string{"rel0/a": "0", "rel1/a": "1", "rel1/only": "x"})
	if err := release(top, 0); err != nil {
		t.Fatal(err)
	}
	return top
}

func TestSwappedRootIsSeenAfterValidAndForgetsOldAnswers(t *testing.T) {
	top := releases(t)
	eachKind(t, func(t *testing.T, kernel2 bool) {
		if err := release(top, 0); err != nil {
			t.Fatal(err)
		}
		var c clock
		r := open(t, top+"/current", Options{Clock: c.now}, kernel2)
		if i, err := r.Lookup([]byte("a")); err != nil || i.RealPath != top+"/rel0/a" {
			t.Fatalf("%+v, %v", i, err)
		}
		c.advance(time.Second / 2)
		if _, err := r.Lookup([]byte("only")); err != ErrNotExist {
			t.Fatal(err)
		}
		if err := release(top, 1); err != nil {
			t.Fatal(err)
		}
		if r.RealRoot() != top+"/rel0" {
			t.Error("the swap was seen before Valid was over")
		}
		c.advance(time.Second / 2)
		if i, err := r.Lookup([]byte("a")); err != nil || i.RealPath != top+"/rel1/a" {
			t.Errorf("%+v, %v", i, err)
		}
		if _, err := r.Lookup([]byte("only")); err != nil {
			t.Errorf("the old release's answer survived: %v", err)
		}
		if r.RealRoot() != top+"/rel1" {
			t.Error(r.RealRoot())
		}
	})
}

func TestRenamedRootChangesRealPaths(t *testing.T) {
	top := tree(t, map[string]string{"rel0/a": "0"})
	var c clock
	plant(t, top+"/current", "->rel0", false)
	r := open(t, top+"/current", Options{Clock: c.now}, true)
	for _, err := range []error{
		os.Rename(top+"/rel0", top+"/moved"), os.Remove(top + "/current"), os.Symlink("moved", top+"/current"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c.advance(time.Second)
	if i, err := r.Lookup([]byte("a")); err != nil || i.RealPath != top+"/moved/a" {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestRootThatIsGoneForAMomentIsForgiven(t *testing.T) {
	top := releases(t)
	var c clock
	r := open(t, top+"/current", Options{Clock: c.now}, true)
	if err := os.Remove(top + "/current"); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Second)
	if _, err := r.Lookup([]byte("a")); err != nil {
		t.Errorf("first failure: %v", err)
	}
	c.advance(time.Second)
	if _, err := r.Lookup([]byte("a")); err != ErrNoRoot {
		t.Errorf("second failure: %v", err)
	}
	if err := release(top, 1); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Second)
	if i, err := r.Lookup([]byte("a")); err != nil || i.RealPath != top+"/rel1/a" {
		t.Errorf("after return: %+v, %v", i, err)
	}
}

// A lookup that took the old directory just before a swap closed it must be
// able to tell, to be repeated on the new one.
func TestDirectoryClosedUnderALookupIsToldFromAnAnswer(t *testing.T) {
	top := tree(t, map[string]string{"a": "a"})
	eachKind(t, func(t *testing.T, kernel2 bool) {
		p, err := newPin(top, &Options{}, kernel2)
		if err != nil {
			t.Fatal(err)
		}
		p.close()
		if _, err := p.stat("a"); !errors.Is(err, os.ErrClosed) {
			t.Errorf("stat: %v", err)
		}
		if _, _, err := p.open("a"); !errors.Is(err, os.ErrClosed) {
			t.Errorf("open: %v", err)
		}
	})
}

// While the root is swapped as fast as it goes and nothing is remembered, every
// answer is of one release and no descriptor is lost.
func TestSwapsWhileServingLoseNothing(t *testing.T) {
	top := releases(t)
	eachKind(t, func(t *testing.T, kernel2 bool) {
		before := openFDs(t)
		r, err := newRoot(top+"/current", Options{Valid: -1}, kernel2)
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var swapper, readers sync.WaitGroup
		// Ends when stop is closed.
		swapper.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					if err := release(top, n%2); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
		for range 4 {
			// Ends after its rounds.
			readers.Go(func() { serveRounds(t, r, 300) })
		}
		readers.Wait()
		close(stop)
		swapper.Wait()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if after := openFDs(t); after != before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
}

func serveRounds(t *testing.T, r *Root, rounds int) {
	for range rounds {
		i, err := r.Lookup([]byte("a"))
		if err != nil || !strings.HasSuffix(i.RealPath, "/a") {
			t.Errorf("Lookup: %+v, %v", i, err)
			return
		}
		f, i, err := r.Open([]byte("a"))
		if err != nil {
			t.Errorf("Open: %v", err)
			return
		}
		body, err := io.ReadAll(f)
		_ = f.Close()
		if want := "rel" + string(body) + "/a"; err != nil || !strings.HasSuffix(i.RealPath, want) {
			t.Errorf("%q has the content %q, %v", i.RealPath, body, err)
			return
		}
	}
}

// A symlink inside the root that flips between inside and outside must never
// yield the outside file (the attack on check-then-open).
func TestFlippingSymlinkNeverLeaksOut(t *testing.T) {
	top := tree(t, map[string]string{"out/f": "secret", "www/in/f": "public", "www/d": "->in"})
	eachKind(t, func(t *testing.T, kernel2 bool) {
		r := open(t, top+"/www", Options{Valid: -1}, kernel2)
		stop := make(chan struct{})
		var flipper sync.WaitGroup
		// Ends when stop is closed.
		flipper.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					_ = os.Symlink([]string{"in", "../out"}[n%2], top+"/www/t")
					_ = os.Rename(top+"/www/t", top+"/www/d")
				}
			}
		})
		served := 0
		for round := 0; round < 500 || served == 0 && round < 1_000_000; round++ {
			f, _, err := r.Open([]byte("d/f"))
			if err != nil {
				continue
			}
			served++
			body, _ := io.ReadAll(f)
			_ = f.Close()
			if string(body) != "public" {
				t.Fatalf("served %q", body)
			}
		}
		close(stop)
		flipper.Wait()
		if served == 0 {
			t.Error("nothing was served at all")
		}
	})
}

func TestNoDescriptorLeaksOnAnyPath(t *testing.T) {
	top := tree(t, map[string]string{"a": "a", "d/b": "b", "l": "->d/b", "out": "->/etc/passwd", "loop": "->loop"})
	eachKind(t, func(t *testing.T, kernel2 bool) {
		for _, mode := range []Symlinks{Beneath, Owner, Follow} {
			before := openFDs(t)
			r, err := newRoot(top, Options{Symlinks: mode, Valid: -1}, kernel2)
			if err != nil {
				t.Fatal(err)
			}
			for _, rel := range []string{"a", "d", "d/b", "l", "l/", "out", "loop", "none", "..", "a/"} {
				_, _ = r.Lookup([]byte(rel))
				if f, _, err := r.Open([]byte(rel)); err == nil {
					_ = f.Close()
				}
			}
			_ = r.Close()
			if after := openFDs(t); after != before {
				t.Errorf("mode %d: %d descriptors before, %d after", mode, before, after)
			}
		}
	})
}

// openFDs counts the descriptors of this process that lead into files; those of
// the runtime's poller are as many before as after.
func openFDs(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}
