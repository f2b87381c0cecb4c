// Package gateway makes running handlers of a checked configuration: it finds
// the site and the location of each exchange, follows the location's flow and
// answers from files, from a backend, or with an error page.
//
// Everything that belongs to one configuration is a generation. A reload builds
// the next one beside the running one and swaps; requests under way end in the
// generation they began in, and what did not change (backends with their kept
// connections, worker processes) is handed on.
package gateway

import (
	"context"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/observe"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/pkg/static"
)

// Options are what a gateway is built with besides its configuration.
type Options struct {
	Software string // SERVER_SOFTWARE of the applications
	Logs     *observe.Logs
	Sweeper  *sock.Sweeper // must outlive the gateway
	// AllowRoot lets supervised workers run as root.
	AllowRoot bool
	// Challenge answers a CA's http-01 challenge (certs.Store); nil: nobody does.
	Challenge func(host, path []byte) (answer string, ok bool)
	// HTTP3 returns the addresses of a configuration that speak HTTP/3, which is
	// then announced there; nil: config.Config.HTTP3On does.
	HTTP3 func(cfg *config.Config) []string
}

// Gateway answers exchanges (exchange.Handler).
type Gateway struct {
	opt   Options
	log   *zap.Logger
	files *static.Server

	current atomic.Pointer[generation]

	reload sync.Mutex // one Load at a time
}

// New returns a gateway without a configuration: Load gives it one.
func New(opt Options) *Gateway {
	return &Gateway{opt: opt, log: opt.Logs.Log(), files: static.New(static.Config{})}
}

// Load builds cfg and makes it current. With an error nothing has changed.
// Requests that began before end as they began; what only they need is closed
// behind the last of them.
func (g *Gateway) Load(ctx context.Context, cfg *config.Config) error {
	g.reload.Lock()
	defer g.reload.Unlock()
	old := g.current.Load()
	next, err := g.build(ctx, cfg, old)
	if err != nil {
		return err
	}
	next.hold()
	g.current.Store(next)
	next.look(old)
	if old != nil {
		old.retire()
	}
	return nil
}

// Close stops what the current configuration runs: backends first, so that
// workers hold no idle connection, then worker processes, within ctx. No
// exchange may be under way.
func (g *Gateway) Close(ctx context.Context) error {
	g.reload.Lock()
	defer g.reload.Unlock()
	gen := g.current.Swap(nil)
	if gen == nil {
		return nil
	}
	return gen.close(ctx)
}

// enter returns the current generation, which stays whole until leave.
func (g *Gateway) enter(key uint64) *generation {
	for {
		gen := g.current.Load()
		if gen == nil || gen.enter(key) {
			return gen
		}
	}
}

// Serve implements exchange.Handler.
func (g *Gateway) Serve(x *exchange.Exchange) {
	conn := x.Request.Conn // a trusted proxy may have us put another in its place
	key := conn.ID
	gen := g.enter(key)
	if gen == nil {
		x.Sink.Abort()
		return
	}
	defer func() {
		x.Request.Conn = conn
		gen.leave(key)
	}()
	v, ok := x.Kept.(*visit)
	if !ok || v.g != g {
		v = newVisit(g)
	}
	x.Kept = nil // should it panic
	v.begin(gen, x)
	v.finish(v.run())
	v.end()
	x.Kept = v
}

// Refused writes the access record of a request that was answered without a
// handler.
func (g *Gateway) Refused(x *exchange.Exchange, status int, reason string) {
	x.Trace.Err = refusal(reason)
	g.opt.Logs.Access(x, status)
}

type refusal string

func (r refusal) Error() string { return string(r) }

// Panic reports a handler's panic.
func (g *Gateway) Panic(x *exchange.Exchange, value any, stack []byte) {
	g.log.Error("a request made the gateway panic; please report this",
		zap.Any("panic", value), zap.ByteString("uri", x.Request.Target),
		zap.ByteString("id", x.Trace.ID()), zap.ByteString("stack", stack))
}
