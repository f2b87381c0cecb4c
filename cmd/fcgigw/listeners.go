package main

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/listen"
	"github.com/fcgigw/fcgigw/pkg/server"
)

// openListeners opens the addresses of cfg that are not open yet: all or none.
func (a *app) openListeners(ctx context.Context, cfg *config.Config) (map[string]net.Listener, error) {
	opened := make(map[string]net.Listener)
	for i := range cfg.Sites {
		for _, addr := range cfg.Sites[i].Addresses() {
			if a.listeners[addr] != nil || opened[addr] != nil {
				continue
			}
			ln, err := listen.Open(ctx, addr, a.listenOptions(cfg, addr))
			if err != nil {
				closeAll(opened)
				return nil, err
			}
			opened[addr] = ln
		}
	}
	return opened, nil
}

// listenOptions translates the table of an address.
func (a *app) listenOptions(cfg *config.Config, addr string) listen.Options {
	l := cfg.ListenerOf(addr)
	backlog := l.Backlog
	if backlog == 0 {
		backlog = cfg.HTTP.Backlog
	}
	mode, _ := strconv.ParseUint(l.Mode, 8, 32) // checked with the configuration
	return listen.Options{
		Backlog: backlog, Mode: uint32(mode), User: l.User, Group: l.Group,
		ReusePort: l.ReusePort, Inherited: a.inherited,
	}
}

// listenerOf says what the connections of an address are.
func (a *app) listenerOf(cfg *config.Config, addr string) server.Listener {
	l := server.Listener{Name: addr}
	if cfg.TLSOn()[addr] != nil {
		l.TLS = a.certs.TLS(addr)
	}
	for _, s := range cfg.ListenerOf(addr).ProxyProtocol {
		if s == "unix" {
			l.ProxyAll = true
		} else if n, err := network(s); err == nil { // checked with the configuration
			l.ProxyFrom = append(l.ProxyFrom, n)
		}
	}
	return l
}

// network reads an address as the network that holds nothing else.
func network(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Unmap().Prefix(addr.Unmap().BitLen())
	}
	return netip.ParsePrefix(s)
}

func (a *app) serve(cfg *config.Config, opened map[string]net.Listener) {
	for addr, ln := range opened {
		a.listeners[addr] = ln
		l := a.listenerOf(cfg, addr)
		a.serving.Go(func() { // ends when the listener is closed
			if err := a.server.Serve(ln, l); err != nil {
				a.log.Error("listener ended", zap.String("listen", addr), zap.Error(err))
			}
		})
	}
	for _, s := range a.inherited.Unused() {
		a.log.Warn("systemd has opened a socket that no site listens on; who connects to it waits for ever",
			zap.String("socket", s), zap.String("hint", `add its address, or "systemd:NAME", to a site's listen`))
	}
}

// closeUnused closes the listeners that no site of cfg has. Their connections
// go on.
func (a *app) closeUnused(cfg *config.Config) {
	used := usedBy(cfg)
	for addr, ln := range a.listeners {
		if !used[addr] {
			ln.Close()
			delete(a.listeners, addr)
		}
	}
}

// usedBy returns the addresses that sites of cfg listen on.
func usedBy(cfg *config.Config) map[string]bool {
	used := make(map[string]bool)
	for i := range cfg.Sites {
		for _, addr := range cfg.Sites[i].Addresses() {
			used[addr] = true
		}
	}
	return used
}

// warnListeners names the open addresses whose options are others in cfg: a
// socket is what it was when it was opened. It is called before the new ones of
// cfg are among them.
func (a *app) warnListeners(cfg *config.Config) {
	used := usedBy(cfg)
	for addr := range a.listeners {
		if !used[addr] {
			continue // it is closed
		}
		was, is := a.cfg.ListenerOf(addr), cfg.ListenerOf(addr)
		if !sameListener(&was, &is) || a.cfg.HTTP.Backlog != cfg.HTTP.Backlog && is.Backlog == 0 {
			a.log.Warn("changed options of an address take effect at the next start", zap.String("listen", addr))
		}
	}
}

func sameListener(x, y *config.Listener) bool {
	return slices.Equal(x.ProxyProtocol, y.ProxyProtocol) && x.Mode == y.Mode && x.User == y.User &&
		x.Group == y.Group && x.Backlog == y.Backlog && x.ReusePort == y.ReusePort
}

// owners looks up whom sockets are to be given to.
func (m *machine) owners() {
	for _, addr := range slices.Sorted(maps.Keys(m.cfg.Listeners)) {
		l := m.cfg.Listeners[addr]
		if _, err := listen.UserID(l.User); l.User != "" && err != nil {
			m.note(l.Pos.Path, "user", "%v", err)
		}
		if _, err := listen.GroupID(l.Group); l.Group != "" && err != nil {
			m.note(l.Pos.Path, "group", "%v", err)
		}
	}
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
	slices.Sort(list)
	return list
}
