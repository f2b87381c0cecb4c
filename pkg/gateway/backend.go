package gateway

import (
	"context"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/pkg/worker"
)

// startBackend opens one backend, its worker processes first if it has any.
func (g *Gateway) startBackend(ctx context.Context, name string, cfg config.Backend, lim limit) (*backend, error) {
	b := &backend{name: name, cfg: cfg, limit: lim}
	uc := upstreamConfig(name, &cfg)
	uc.MaxConns, uc.MaxConnsFrom, uc.Recycles = lim.workers, lim.from, lim.recycles
	if cfg.Workers != nil {
		pool, err := worker.Start(ctx, g.workerConfig(name, cfg.Workers))
		if err != nil {
			return nil, err
		}
		b.pool = pool
		uc.Servers = []upstream.Address{{Network: "unix", Addr: pool.Addr()}}
		uc.MaxConns, uc.MaxConnsFrom = pool.Count(), upstream.Supervised // the cap is the number of workers, and we know it
		uc.Multiplex = upstream.Off
		uc.Recycles = cfg.Workers.MaxRequests > 0
	}
	up, err := upstream.New(uc, g.opt.Sweeper, g.upstreamEvents(b))
	if err != nil {
		if b.pool != nil {
			_ = b.pool.Stop(ctx)
		}
		return nil, err
	}
	b.up = up
	g.logLimit(name, &cfg, &uc, lim)
	return b, nil
}

func upstreamConfig(name string, c *config.Backend) upstream.Config {
	uc := upstream.Config{
		Name: name, KeepConn: mode(c.KeepConn), Multiplex: mode(c.Multiplex),
		Streams: c.Streams, Queue: c.Queue,
		QueueTimeout:   time.Duration(c.QueueTimeout),
		ConnectTimeout: time.Duration(c.ConnectTimeout),
		SendTimeout:    time.Duration(c.SendTimeout),
		ReadTimeout:    time.Duration(c.ReadTimeout),
		RequestTimeout: time.Duration(c.RequestTimeout),
		IdleTimeout:    time.Duration(c.IdleTimeout),
		MaxRequests:    c.MaxRequests, MaxLifetime: time.Duration(c.MaxLifetime),
		MinIdle: c.MinIdle, WarmUp: c.WarmUp,
		MaxResponseHeader: int(c.MaxResponseHeader),
		Tries:             c.Tries, RetryTimeout: time.Duration(c.RetryTimeout),
	}
	if c.Protocol == protocolHTTP {
		uc.Protocol = upstream.HTTP
		uc.MaxTunnels, uc.TunnelTimeout = c.MaxTunnels, time.Duration(c.TunnelTimeout)
	}
	for _, name := range c.Retry {
		uc.Retry |= upstream.RetryNamed(name)
	}
	for _, s := range c.Servers {
		uc.Servers = append(uc.Servers, address(s))
	}
	return uc
}

func mode(s string) upstream.Mode {
	switch s {
	case "on":
		return upstream.On
	case "off":
		return upstream.Off
	}
	return upstream.Auto
}

func address(s string) upstream.Address {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		return upstream.Address{Network: "unix", Addr: path}
	}
	return upstream.Address{Network: "tcp", Addr: s}
}

func (g *Gateway) workerConfig(name string, w *config.Workers) worker.Config {
	log := g.log.With(zap.String("backend", name))
	return worker.Config{
		Name: name, Binary: w.Binary, Count: w.Count, User: w.User, Group: w.Group,
		INI: w.INI, Env: w.Env, MaxRequests: w.MaxRequests, AllowRoot: g.opt.AllowRoot,
		Events: workerEvents(log),
	}
}

func workerEvents(log *zap.Logger) worker.Events {
	return worker.Events{
		Line: func(l worker.Line) {
			switch l.Level {
			case "warning", "error", "alert":
				log.Warn("php-fpm: " + l.Text)
			default:
				log.Debug("php-fpm: " + l.Text)
			}
		},
		Started: func(pid int, took time.Duration) {
			log.Info("php-fpm is up", zap.Int("pid", pid), zap.Duration("took", took))
		},
		Died: func(err error, retry time.Duration) {
			log.Error("php-fpm ended; it is started again", zap.Error(err), zap.Duration("in", retry))
		},
		Stopped: func() { log.Info("php-fpm has stopped") },
	}
}

// upstreamEvents are those of b, whose up is set before any of them comes.
func (g *Gateway) upstreamEvents(b *backend) upstream.Events {
	return upstream.Events{
		ServerDown: func(backend, server string, err error) {
			g.log.Warn("server refuses connections", append([]zap.Field{
				zap.String("backend", backend),
				zap.String("server", server), zap.Error(err), zap.String("hint", b.dialHint(err)),
			}, b.poolFields(server)...)...)
		},
		ServerUp: func(backend, server string) {
			g.log.Info("server accepts connections again", append([]zap.Field{
				zap.String("backend", backend), zap.String("server", server),
			}, b.poolFields(server)...)...)
		},
		Multiplex: func(backend, server string, on bool) {
			g.log.Debug("asked server for multiplexing", zap.String("backend", backend),
				zap.String("server", server), zap.Bool("answer", on))
		},
		Unshared: func(backend, server string, err error) {
			g.log.Warn("server does not multiplex; every request has a connection of its own from now on",
				zap.String("backend", backend), zap.String("server", server), zap.Error(err))
		},
		Learned: func(backend, server string, conns int) {
			g.log.Info("number of connections learned", zap.String("backend", backend),
				zap.String("server", server), zap.Int("connections", conns), zap.Stringer("from", upstream.Answered))
		},
	}
}
