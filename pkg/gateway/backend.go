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
func (g *Gateway) startBackend(ctx context.Context, name string, cfg config.Backend) (*backend, error) {
	b := &backend{name: name, cfg: cfg}
	uc := upstreamConfig(name, &cfg)
	if cfg.Workers != nil {
		pool, err := worker.Start(ctx, g.workerConfig(name, cfg.Workers))
		if err != nil {
			return nil, err
		}
		b.pool = pool
		uc.Servers = []upstream.Address{{Network: "unix", Addr: pool.Addr()}}
		uc.MaxConns = pool.Count() // the cap is the number of workers, and we know it
		uc.Multiplex = upstream.Off
		uc.Recycles = cfg.Workers.MaxRequests > 0
	}
	up, err := upstream.New(uc, g.opt.Sweeper, g.upstreamEvents())
	if err != nil {
		if b.pool != nil {
			_ = b.pool.Stop(ctx)
		}
		return nil, err
	}
	b.up = up
	return b, nil
}

func upstreamConfig(name string, c *config.Backend) upstream.Config {
	uc := upstream.Config{
		Name: name, MaxConns: c.MaxConns, KeepConn: mode(c.KeepConn), Multiplex: mode(c.Multiplex),
		Streams: c.Streams, Queue: c.Queue,
		QueueTimeout:   time.Duration(c.QueueTimeout),
		ConnectTimeout: time.Duration(c.ConnectTimeout),
		SendTimeout:    time.Duration(c.SendTimeout),
		ReadTimeout:    time.Duration(c.ReadTimeout),
		RequestTimeout: time.Duration(c.RequestTimeout),
		IdleTimeout:    time.Duration(c.IdleTimeout),
		MaxRequests:    c.MaxRequests, MaxLifetime: time.Duration(c.MaxLifetime),
		MaxResponseHeader: int(c.MaxResponseHeader),
		Tries:             c.Tries, RetryTimeout: time.Duration(c.RetryTimeout),
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

func (g *Gateway) upstreamEvents() upstream.Events {
	return upstream.Events{
		ServerDown: func(backend, server string, err error) {
			g.log.Warn("server refuses connections", zap.String("backend", backend),
				zap.String("server", server), zap.Error(err), zap.String("hint", dialHint(err)))
		},
		ServerUp: func(backend, server string) {
			g.log.Info("server accepts connections again", zap.String("backend", backend), zap.String("server", server))
		},
		Multiplex: func(backend, server string, on bool) {
			g.log.Debug("asked server for multiplexing", zap.String("backend", backend),
				zap.String("server", server), zap.Bool("answer", on))
		},
	}
}
