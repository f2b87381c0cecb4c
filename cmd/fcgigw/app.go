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

	"github.com/fcgigw/fcgigw/pkg/certs"
	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/gateway"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/http2"
	"github.com/fcgigw/fcgigw/pkg/listen"
	"github.com/fcgigw/fcgigw/pkg/observe"
	"github.com/fcgigw/fcgigw/pkg/processors"
	"github.com/fcgigw/fcgigw/pkg/server"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// app is a running gateway: the one place where the parts meet.
type app struct {
	cfg       *config.Config
	logs      *observe.Logs
	log       *zap.Logger
	sweeper   *sock.Sweeper
	governor  *processors.Governor
	ballast   []byte // see newBallast
	certs     *certs.Store
	gateway   *gateway.Gateway
	server    *server.Server
	http2     *http2.Server
	quic      *quicFront
	notify    *notifier               // nil: nobody wants to know
	inherited *listen.Inherited       // nil: systemd opened nothing
	listeners map[string]net.Listener // by address as configured
	serving   sync.WaitGroup          // one for each listener ever opened
}

// startApp builds everything and begins to serve. On error nothing is left.
func startApp(ctx context.Context, cfg *config.Config, allowRoot bool) (_ *app, err error) {
	a := &app{cfg: cfg, listeners: make(map[string]net.Listener), notify: newNotifier()}
	if a.logs, err = observe.Open(logConfig(cfg)); err != nil {
		a.notify.close()
		return nil, err
	}
	a.log = a.logs.Log()
	a.sweeper = sock.NewSweeper(0)
	a.ballast = newBallast()
	a.governor = processors.New()
	a.governor.Follow(cfg.Gateway.Processors == "auto")
	a.sweeper.Add(a.governor)
	a.certs = certs.New(a.log, certs.Options{})
	a.gateway = gateway.New(gateway.Options{
		Software: "fcgigw/" + buildVersion(), Logs: a.logs, Sweeper: a.sweeper, AllowRoot: allowRoot,
		Challenge: a.certs.Challenge, HTTP3: a.http3On,
	})
	a.server, err = server.New(serverConfig(cfg), a.gateway, a.sweeper, a.serverEvents())
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	a.newHTTP2(cfg)
	a.newQUIC(cfg)
	var opened map[string]net.Listener
	var packets map[string]net.PacketConn
	if a.inherited, err = listen.Inherit(); err == nil {
		opened, err = a.openListeners(ctx, cfg)
	}
	if err == nil {
		packets, err = a.openQUIC(ctx, cfg)
	}
	var set *certs.Set
	if err == nil {
		set, err = a.prepareCerts(cfg, opened)
	}
	if err == nil {
		err = a.gateway.Load(ctx, cfg)
	}
	if err == nil {
		err = writePID(cfg.Gateway.PIDFile)
	}
	if err != nil {
		closeAll(opened)
		closeSockets(packets)
		a.certs.Drop(set)
		return nil, errors.Join(err, a.close())
	}
	a.certs.Use(set)
	a.serve(cfg, opened)
	a.serveQUIC(packets)
	a.log.Info("ready", append(a.gateway.Summary(), zap.Strings("listen", keys(a.listeners)),
		zap.String("version", buildVersion()), zap.Int("pid", os.Getpid()))...)
	a.notify.serving(cfg, keys(a.listeners))
	a.notify.watch(a.sweeper)
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
		Burst:   a.governor.Raise,
		Full: func(listen string, turnedAway int) {
			a.log.Warn("too many connections; new ones were closed", zap.String("listen", listen),
				zap.Int("closed", turnedAway), zap.String("hint", "raise gateway.max_connections, or lower http.header_timeout and keepalive_timeout"))
		},
		AcceptError: func(listen string, err error) {
			a.log.Error("cannot accept a connection", zap.String("listen", listen), zap.Error(err),
				zap.String("hint", "out of file descriptors? raise LimitNOFILE, or lower max_connections"))
		},
		Stalled:      a.stalledCut,
		CutElsewhere: a.cutQUIC,
		TLSError: func(listen string, err error, failed int) {
			a.log.Info("TLS handshake failed", zap.String("listen", listen), zap.Error(err), zap.Int("failed", failed))
		},
		ProxyError: func(listen string, err error, failed int) {
			if errors.Is(err, server.ErrProxyUnexpected) {
				a.log.Warn("a PROXY header where none is expected; the request was refused", zap.String("listen", listen), zap.Int("refused", failed),
					zap.String("hint", fmt.Sprintf("if a proxy of yours sends it: proxy_protocol = [\"its address\"] in [listener.%q], and a restart", listen)))
				return
			}
			a.log.Warn("closed a connection without a good PROXY header", zap.String("listen", listen), zap.Error(err),
				zap.Int("closed", failed), zap.String("hint", "proxy_protocol of this address lists the sources that must send one"))
		},
	}
}

// reload reads the configuration again. With any mistake the running one stays.
func (a *app) reload(ctx context.Context, path string) {
	a.notify.reloading()
	cfg, err := config.Load(path, os.LookupEnv)
	if err == nil {
		err = a.apply(ctx, cfg)
	}
	if err != nil {
		a.notify.refused(err)
		a.log.Error("reload refused; the running configuration stays", zap.String("file", path), zap.Error(err))
		return
	}
	for _, w := range cfg.Warnings {
		a.log.Warn("configuration", zap.Error(w))
	}
	a.notify.serving(cfg, keys(a.listeners))
	a.log.Info("reloaded", append(a.gateway.Summary(), zap.Strings("listen", keys(a.listeners)))...)
}

func (a *app) apply(ctx context.Context, cfg *config.Config) error {
	if err := sameKinds(a.cfg, cfg); err != nil {
		return err
	}
	var packets map[string]net.PacketConn
	var set *certs.Set
	opened, err := a.openListeners(ctx, cfg)
	if err == nil {
		packets, err = a.openQUIC(ctx, cfg)
	}
	if err == nil {
		set, err = a.prepareCerts(cfg, opened)
	}
	if err == nil {
		err = a.gateway.Load(ctx, cfg)
	}
	if err != nil {
		closeAll(opened)
		closeSockets(packets)
		a.certs.Drop(set)
		return err
	}
	a.certs.Use(set)
	a.server.Configure(serverConfig(cfg))
	a.http2.Configure(http2Config(cfg))
	a.quic.server.Configure(http3Config(cfg))
	a.governor.Follow(cfg.Gateway.Processors == "auto")
	a.warnListeners(cfg)
	a.serve(cfg, opened)
	a.serveQUIC(packets)
	a.closeUnused(cfg)
	a.closeUnusedQUIC(cfg)
	if cfg.Log != a.cfg.Log || cfg.Gateway.PIDFile != a.cfg.Gateway.PIDFile {
		a.log.Warn("changes to [log] and to gateway.pid_file take effect at the next start")
		cfg.Log, cfg.Gateway.PIDFile = a.cfg.Log, a.cfg.Gateway.PIDFile
	}
	a.cfg = cfg
	return nil
}

// drain stops accepting, lets requests end within ctx and closes everything.
// The error says that requests were cut.
func (a *app) drain(ctx context.Context) error {
	err := a.shutdown(ctx)
	a.http2.Close()
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
	a.certs.Close()
	// Whatever ran for a request has ended by now; more than a handful is a leak.
	a.log.Info("stopped", zap.Int("goroutines", runtime.NumGoroutine()))
	return errors.Join(err, a.close())
}

// stopGrace bounds the end of worker processes after the drain.
const stopGrace = 10 * time.Second

// close ends what does not need a drain.
func (a *app) close() error {
	a.certs.Close()
	if a.http2 != nil {
		a.http2.Close()
	}
	if a.sweeper != nil {
		a.sweeper.Close()
	}
	a.inherited.Close()
	a.notify.close()
	return a.logs.Close()
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
		MinBodyRate: int64(h.MinBodyRate), MinSendRate: int64(h.MinSendRate),
		KeepaliveRequests: h.KeepaliveRequests, MaxConnections: cfg.Gateway.MaxConnections,
		ServerHeader: h.ServerHeader, HTTP2: h.HTTP2,
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
