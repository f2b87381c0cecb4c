package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/http3"
	"github.com/fcgigw/fcgigw/pkg/listen"
)

// quicFront is HTTP/3 of a running gateway.
type quicFront struct {
	server  *http3.Server
	sockets map[string]net.PacketConn // by address as configured
	warned  bool                      // of small buffers, which all sockets have alike
	told    map[string]bool           // addresses that systemd opened for TCP only
}

func (a *app) newQUIC(cfg *config.Config) {
	ev := a.serverEvents()
	a.quic = &quicFront{
		server: http3.New(http3Config(cfg), a.gateway, http3.Events{
			Refused: ev.Refused, Panic: ev.Panic, Full: ev.Full,
		}),
		sockets: make(map[string]net.PacketConn), told: make(map[string]bool),
	}
}

// http3On returns the addresses of cfg that speak HTTP/3: not those that systemd
// has opened for TCP only, whose UDP port the gateway may have no right to.
func (a *app) http3On(cfg *config.Config) []string {
	return slices.DeleteFunc(cfg.HTTP3On(), a.inherited.StreamOnly)
}

// tellStreamOnly says once where there is no HTTP/3 for want of a socket.
func (a *app) tellStreamOnly(cfg *config.Config) {
	for _, addr := range cfg.HTTP3On() {
		if !a.inherited.StreamOnly(addr) || a.quic.told[addr] {
			continue
		}
		a.quic.told[addr] = true
		a.log.Info("no HTTP/3 on an address that systemd has opened for TCP only", zap.String("listen", addr),
			zap.String("hint", "ListenDatagram= with the same port in the .socket unit, or http3 = false in [http]"))
	}
}

// openQUIC opens the UDP sockets of cfg that are not open yet: all or none.
func (a *app) openQUIC(ctx context.Context, cfg *config.Config) (map[string]net.PacketConn, error) {
	opened := make(map[string]net.PacketConn)
	a.tellStreamOnly(cfg)
	for _, addr := range a.http3On(cfg) {
		if a.quic.sockets[addr] != nil {
			continue
		}
		pc, err := listen.Packet(ctx, addr, a.listenOptions(cfg, addr))
		if err != nil {
			closeSockets(opened)
			return nil, fmt.Errorf("%w; HTTP/3 needs it, and http3 = false in [http] does without", err)
		}
		opened[addr] = pc
		a.growBuffers(pc)
	}
	return opened, nil
}

// growBuffers makes room for bursts, and says so once where it cannot.
func (a *app) growBuffers(pc *net.UDPConn) {
	// quic-go looks at the same thing and would say it in words of its own.
	_ = os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true")
	size, err := http3.GrowBuffers(pc)
	if a.quic.warned || err == nil && size >= http3.WantBuffer {
		return
	}
	a.quic.warned = true
	a.log.Warn("the buffers of UDP sockets are small; HTTP/3 will be slow under load", zap.Int("bytes", size), zap.Error(err),
		zap.String("hint", fmt.Sprintf("sysctl -w net.core.rmem_max=%[1]d net.core.wmem_max=%[1]d", http3.WantBuffer)))
}

func (a *app) serveQUIC(opened map[string]net.PacketConn) {
	for addr, pc := range opened {
		a.quic.sockets[addr] = pc
		l := http3.Listener{Name: addr, TLS: a.certs.TLS(addr)}
		a.serving.Go(func() { // ends when the listener is closed and its connections have ended
			if err := a.quic.server.Serve(pc, l); err != nil {
				a.log.Error("HTTP/3 listener ended", zap.String("listen", addr), zap.Error(err))
			}
		})
	}
}

// closeUnusedQUIC closes the sockets that cfg does not have. Clients on them are
// told to go when their requests have ended.
func (a *app) closeUnusedQUIC(cfg *config.Config) {
	used := a.http3On(cfg)
	for addr, pc := range a.quic.sockets {
		if !slices.Contains(used, addr) {
			a.quic.server.CloseListener(pc)
			delete(a.quic.sockets, addr)
		}
	}
}

// shutdown drains the listeners of all protocols.
func (a *app) shutdown(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- a.quic.server.Shutdown(ctx) }() // ends soon after ctx at the latest
	err := a.server.Shutdown(ctx)
	return errors.Join(err, <-ended)
}

// connections returns the number of open client connections.
func (a *app) connections() int { return a.server.Connections() + a.quic.server.Connections() }

func closeSockets(list map[string]net.PacketConn) {
	for _, pc := range list {
		pc.Close()
	}
}

func http3Config(cfg *config.Config) http3.Config {
	s := serverConfig(cfg)
	return http3.Config{
		Limits: s.Limits, HeaderTimeout: s.HeaderTimeout, KeepaliveTimeout: s.KeepaliveTimeout,
		BodyTimeout: s.BodyTimeout, SendTimeout: s.SendTimeout,
		MinBodyRate: s.MinBodyRate, MinSendRate: s.MinSendRate,
		KeepaliveRequests: s.KeepaliveRequests, MaxConnections: s.MaxConnections,
		MaxStreams: cfg.HTTP3.MaxStreams, ServerHeader: s.ServerHeader,
	}
}
