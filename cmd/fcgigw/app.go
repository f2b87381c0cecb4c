package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/gateway"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/observe"
	"github.com/fcgigw/fcgigw/pkg/server"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// app is a running gateway: the one place where the parts meet.
type app struct {
	cfg       *config.Config
	logs      *observe.Logs
	log       *zap.Logger
	sweeper   *sock.Sweeper
	gateway   *gateway.Gateway
	server    *server.Server
	listeners map[string]net.Listener // by address as configured
	serving   sync.WaitGroup          // one for each listener ever opened
}

// startApp builds everything and begins to serve. On error nothing is left.
func startApp(ctx context.Context, cfg *config.Config, allowRoot bool) (_ *app, err error) {
	a := &app{cfg: cfg, listeners: make(map[string]net.Listener)}
	if a.logs, err = observe.Open(logConfig(cfg)); err != nil {
		return nil, err
	}
	a.log = a.logs.Log()
	a.sweeper = sock.NewSweeper(0)
	a.gateway = gateway.New(gateway.Options{
		Software: "fcgigw/" + buildVersion(), Logs: a.logs, Sweeper: a.sweeper, AllowRoot: allowRoot,
	})
	a.server, err = server.New(serverConfig(cfg), a.gateway, a.sweeper, a.serverEvents())
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	opened, err := a.openListeners(ctx, cfg)
	if err == nil {
		err = a.gateway.Load(ctx, cfg)
	}
	if err == nil {
		err = writePID(cfg.Gateway.PIDFile)
	}
	if err != nil {
		closeAll(opened)
		return nil, errors.Join(err, a.close())
	}
	a.serve(opened)
	a.log.Info("ready", append(a.gateway.Summary(), zap.Strings("listen", keys(a.listeners)),
		zap.String("version", buildVersion()), zap.Int("pid", os.Getpid()))...)
	if os.Geteuid() == 0 {
		a.log.Warn("the gateway itself keeps root's rights", zap.String("hint", rootHint))
	}
	return a, nil
}

const rootHint = "run it as an ordinary user: under systemd with User= and " +
	"AmbientCapabilities=CAP_NET_BIND_SERVICE, or after setcap cap_net_bind_service=+ep on the binary"

func (a *app) serverEvents() server.Events {
	return server.Events{
		Refused: a.gateway.Refused,
		Panic:   a.gateway.Panic,
		Full: func(listen string, turnedAway int) {
			a.log.Warn("too many connections; new ones were closed", zap.String("listen", listen),
				zap.Int("closed", turnedAway), zap.String("hint", "raise gateway.max_connections, or lower http.header_timeout and keepalive_timeout"))
		},
		AcceptError: func(listen string, err error) {
			a.log.Error("cannot accept a connection", zap.String("listen", listen), zap.Error(err),
				zap.String("hint", "out of file descriptors? raise LimitNOFILE, or lower max_connections"))
		},
	}
}

// openListeners opens the addresses of cfg that are not open yet: all or none.
func (a *app) openListeners(ctx context.Context, cfg *config.Config) (map[string]net.Listener, error) {
	opened := make(map[string]net.Listener)
	for i := range cfg.Sites {
		for _, addr := range cfg.Sites[i].Listen {
			if a.listeners[addr] != nil || opened[addr] != nil {
				continue
			}
			ln, err := server.Listen(ctx, addr, cfg.HTTP.Backlog)
			if err != nil {
				closeAll(opened)
				return nil, err
			}
			opened[addr] = ln
		}
	}
	return opened, nil
}

func (a *app) serve(opened map[string]net.Listener) {
	for addr, ln := range opened {
		a.listeners[addr] = ln
		a.serving.Go(func() { // ends when the listener is closed
			if err := a.server.Serve(ln, addr); err != nil {
				a.log.Error("listener ended", zap.String("listen", addr), zap.Error(err))
			}
		})
	}
}

// reload reads the configuration again. With any mistake the running one stays.
func (a *app) reload(ctx context.Context, path string) {
	cfg, err := config.Load(path, os.LookupEnv)
	if err == nil {
		err = a.apply(ctx, cfg)
	}
	if err != nil {
		a.log.Error("reload refused; the running configuration stays", zap.String("file", path), zap.Error(err))
		return
	}
	for _, w := range cfg.Warnings {
		a.log.Warn("configuration", zap.Error(w))
	}
	a.log.Info("reloaded", append(a.gateway.Summary(), zap.Strings("listen", keys(a.listeners)))...)
}

func (a *app) apply(ctx context.Context, cfg *config.Config) error {
	opened, err := a.openListeners(ctx, cfg)
	if err != nil {
		return err
	}
	if err := a.gateway.Load(ctx, cfg); err != nil {
		closeAll(opened)
		return err
	}
	a.server.Configure(serverConfig(cfg))
	a.serve(opened)
	a.closeUnused(cfg)
	if cfg.Log != a.cfg.Log || cfg.Gateway.PIDFile != a.cfg.Gateway.PIDFile {
		a.log.Warn("changes to [log] and to gateway.pid_file take effect at the next start")
		cfg.Log, cfg.Gateway.PIDFile = a.cfg.Log, a.cfg.Gateway.PIDFile
	}
	a.cfg = cfg
	return nil
}

// closeUnused closes the listeners that no site of cfg has. Their connections
// go on.
func (a *app) closeUnused(cfg *config.Config) {
	used := make(map[string]bool)
	for i := range cfg.Sites {
		for _, addr := range cfg.Sites[i].Listen {
			used[addr] = true
		}
	}
	for addr, ln := range a.listeners {
		if !used[addr] {
			ln.Close()
			delete(a.listeners, addr)
		}
	}
}

// drain stops accepting, lets requests end within ctx and closes everything.
// The error says that requests were cut.
func (a *app) drain(ctx context.Context) error {
	err := a.server.Shutdown(ctx)
	var c *cut
	if err != nil && errors.As(context.Cause(ctx), &c) && c.connections > 0 {
		a.log.Warn(c.why, zap.Int("connections", c.connections))
	}
	removePID(a.cfg.Gateway.PIDFile)
	stop, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	if closeErr := a.gateway.Close(stop); closeErr != nil {
		a.log.Warn("stopping the workers", zap.Error(closeErr))
	}
	a.serving.Wait()
	// Whatever ran for a request has ended by now; more than a handful is a leak.
	a.log.Info("stopped", zap.Int("goroutines", runtime.NumGoroutine()))
	return errors.Join(err, a.close())
}

// stopGrace bounds the end of worker processes after the drain.
const stopGrace = 10 * time.Second

// close ends what does not need a drain.
func (a *app) close() error {
	if a.sweeper != nil {
		a.sweeper.Close()
	}
	return a.logs.Close()
}

func closeAll(lns map[string]net.Listener) {
	for _, ln := range lns {
		ln.Close()
	}
}

func keys(m map[string]net.Listener) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}

func logConfig(cfg *config.Config) observe.Config {
	l := &cfg.Log
	return observe.Config{Level: l.Level, Format: l.Format, Output: l.Output, Access: l.Access}
}

func serverConfig(cfg *config.Config) server.Config {
	h := &cfg.HTTP
	return server.Config{
		Limits: http1.Limits{
			MaxRequestLine: int(h.MaxRequestLine), MaxHeaderLine: int(h.MaxHeaderLine),
			MaxHeaderBytes: int(h.MaxHeaderBytes), MaxHeaders: h.MaxHeaders,
			MaxTrailerBytes: int(h.MaxTrailerBytes), AllowNames: lowered(h.UnderscoreHeaders),
		},
		HeaderTimeout: time.Duration(h.HeaderTimeout), KeepaliveTimeout: time.Duration(h.KeepaliveTimeout),
		BodyTimeout: time.Duration(h.BodyTimeout), SendTimeout: time.Duration(h.SendTimeout),
		KeepaliveRequests: h.KeepaliveRequests, MaxConnections: cfg.Gateway.MaxConnections,
		ServerHeader: h.ServerHeader,
	}
}

func writePID(path string) error {
	if path == "" {
		return nil
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return fmt.Errorf("pid_file: %w", err)
	}
	return nil
}

func removePID(path string) {
	if path != "" {
		_ = os.Remove(path) // it is of no use to anyone; a failure does no harm
	}
}
