package gateway

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/fcgigw/fcgigw/pkg/compress"
	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/docroot"
	"github.com/fcgigw/fcgigw/pkg/proxy"
	"github.com/fcgigw/fcgigw/pkg/router"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/pkg/worker"
)

// generation is one configuration, running.
type generation struct {
	cfg      *config.Config
	dry      bool // made by Check: nothing is opened
	proxy    *proxy.Proxy
	listens  map[string]*hosts // by listen address as configured
	altSvc   map[string][]byte // value of Alt-Svc, likewise; nothing where HTTP/3 is not spoken
	acme     bool              // a CA may ask for challenges
	roots    map[rootKey]*docroot.Root
	backends map[string]*backend

	compress  *compress.Compressor // nil: no location compresses
	origins   origins
	proxySeen atomic.Bool // a proxy that is not believed was reported

	refs    [stripes]refs // exchanges under way
	retired atomic.Bool
	once    sync.Once
	release func() // closes what no later generation uses; set by retire
}

// stripes is how many counters share the count of exchanges: one would move from
// processor to processor with every request.
const stripes = 16

type refs struct {
	n atomic.Int64
	_ [56]byte // the rest of a cache line
}

// hosts finds the site of a host on one listen address.
type hosts struct {
	table *router.Hosts[*site]
	first *site // for hosts nobody names: the default site, or the first
}

type rootKey struct {
	path     string
	symlinks string
}

// backend is a running backend and, if the gateway runs it, its workers.
type backend struct {
	name  string
	cfg   config.Backend
	limit limit
	up    *upstream.Backend
	pool  *worker.Pool // nil: servers of somebody else

	// users counts the generations that are not closed and have this backend:
	// an exchange may be in an older one than the last that uses it.
	users atomic.Int32
}

// same reports whether a backend of cfg and lim would be the same as b.
func (b *backend) same(cfg *config.Backend, lim limit) bool {
	if b.limit != lim {
		return false
	}
	x, y := b.cfg, *cfg
	x.Pos, y.Pos = config.Pos{}, config.Pos{}
	if x.Workers != nil && y.Workers != nil {
		wx, wy := *x.Workers, *y.Workers
		wx.Pos, wy.Pos = config.Pos{}, config.Pos{}
		x.Workers, y.Workers = &wx, &wy
	}
	return reflect.DeepEqual(x, y)
}

// close ends the connections, then the workers, which do not end gracefully
// while they hold one. A request still under way is waited for until ctx ends.
func (b *backend) close(ctx context.Context) error {
	closed := make(chan struct{})
	go func() { // ends with the last request of the backend
		b.up.Close()
		close(closed)
	}()
	var err error
	select {
	case <-closed:
	case <-ctx.Done():
		err = fmt.Errorf("backend %s: requests under way: %w", b.name, context.Cause(ctx))
	}
	if b.pool == nil {
		return err
	}
	return errors.Join(err, b.pool.Stop(ctx))
}

// look has the backends that old did not have report servers that do not
// answer, and open their first connections.
func (g *generation) look(old *generation) {
	for name, b := range g.backends {
		if old != nil && old.backends[name] == b {
			continue
		}
		if b.pool == nil {
			b.up.Look()
		}
		b.up.Warm()
	}
}

// enter takes part in the generation; false means that it is being closed. key,
// the same for leave, spreads the count.
func (g *generation) enter(key uint64) bool {
	g.refs[key%stripes].n.Add(1)
	if g.retired.Load() {
		g.leave(key)
		return false
	}
	return true
}

func (g *generation) leave(key uint64) {
	if g.refs[key%stripes].n.Add(-1) == 0 && g.retired.Load() {
		g.closeIfLeft()
	}
}

// closeIfLeft closes a retired generation that nobody is in any more. No
// exchange enters it for good, so one counter after the other can be looked at;
// whoever leaves last sees them all at zero.
func (g *generation) closeIfLeft() {
	for i := range g.refs {
		if g.refs[i].n.Load() != 0 {
			return
		}
	}
	g.once.Do(func() { go g.release() }) // ends when the old backends are closed
}

// hold makes g a user of its backends. What it took over is held by the current
// generation until g has replaced it.
func (g *generation) hold() {
	for _, b := range g.backends {
		b.users.Add(1)
	}
}

// retire makes the last exchange of g close what no other generation uses.
func (g *generation) retire() {
	g.release = func() {
		for _, b := range g.backends {
			if b.users.Add(-1) == 0 {
				_ = b.close(context.Background())
			}
		}
		g.closeRoots()
	}
	g.retired.Store(true)
	g.closeIfLeft()
}

func (g *generation) closeRoots() {
	for _, r := range g.roots {
		r.Close()
	}
}

// close ends everything; used for the last generation.
func (g *generation) close(ctx context.Context) error {
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	for _, b := range g.backends {
		wg.Go(func() { // ends with the backend's processes or ctx
			if err := b.close(ctx); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	g.closeRoots()
	return errors.Join(errs...)
}
