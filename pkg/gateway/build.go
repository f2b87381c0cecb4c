package gateway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/docroot"
	"github.com/fcgigw/fcgigw/pkg/proxy"
	"github.com/fcgigw/fcgigw/pkg/router"
	"github.com/fcgigw/fcgigw/pkg/spool"
)

// build makes a generation of cfg. What is the same in old is taken over. On
// error everything made here is closed again.
func (g *Gateway) build(ctx context.Context, cfg *config.Config, old *generation) (*generation, error) {
	gen := &generation{
		cfg: cfg,
		proxy: proxy.New(spool.New(spool.Config{
			Dir: cfg.Gateway.TempDir, Limit: int64(cfg.Gateway.TempLimit),
		})),
		listens:  make(map[string]*hosts),
		altSvc:   altServices(g.http3On(cfg)),
		roots:    make(map[rootKey]*docroot.Root),
		backends: make(map[string]*backend),
	}
	err := tempDir(cfg)
	if err == nil {
		gen.origins, err = newOrigins(cfg)
	}
	if err == nil {
		err = g.buildBackends(ctx, gen, old)
	}
	if err == nil {
		err = g.buildSites(gen)
	}
	if err != nil {
		gen.abandon(old)
		return nil, err
	}
	return gen, nil
}

// Check reports what Load would refuse about the text of cfg: patterns, hosts,
// variables. It looks at no file and opens no socket.
func Check(cfg *config.Config) error {
	g := &Gateway{}
	gen := &generation{
		cfg: cfg, dry: true,
		listens: make(map[string]*hosts), backends: make(map[string]*backend),
	}
	for name, b := range cfg.Backends {
		gen.backends[name] = &backend{cfg: b}
	}
	return g.buildSites(gen)
}

// tempDir checks that bodies can be kept where the configuration says.
func tempDir(cfg *config.Config) error {
	dir := cfg.Gateway.TempDir
	if dir == "" {
		return nil
	}
	f, err := os.CreateTemp(dir, "fcgigw-*")
	if err != nil {
		return config.NewError(cfg.At("gateway.temp_dir"), fmt.Sprintf("temp_dir: %v", err))
	}
	f.Close()
	return os.Remove(f.Name())
}

// abandon closes a half-built generation but for what belongs to old.
func (g *generation) abandon(old *generation) {
	for name, b := range g.backends {
		if old == nil || old.backends[name] != b {
			_ = b.close(context.Background())
		}
	}
	g.closeRoots()
}

func (g *Gateway) buildBackends(ctx context.Context, gen, old *generation) error {
	var errs []error
	for name, cfg := range gen.cfg.Backends {
		lim, err := limitOf(gen.cfg, &cfg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if old != nil {
			if b := old.backends[name]; b != nil && b.same(&cfg, lim) {
				gen.backends[name] = b
				continue
			}
		}
		b, err := g.startBackend(ctx, name, cfg, lim)
		if err != nil {
			errs = append(errs, config.NewError(cfg.Pos, fmt.Sprintf("backend %q: %v", name, err)))
			continue
		}
		gen.backends[name] = b
	}
	return errors.Join(errs...)
}

// buildSites compiles every site and files it under its listen addresses.
func (g *Gateway) buildSites(gen *generation) error {
	entries := make(map[string][]router.HostEntry[*site])
	firsts := make(map[string]*fallback)
	var errs []error
	for i := range gen.cfg.Sites {
		cfg := &gen.cfg.Sites[i]
		s, err := g.buildSite(gen, cfg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		hosts, err := hostEntries(cfg, s)
		errs = append(errs, err)
		for _, addr := range cfg.Addresses() {
			entries[addr] = append(entries[addr], hosts...)
			if f := (fallback{s, cfg.FallbackRank()}); firsts[addr] == nil || f.rank > firsts[addr].rank {
				firsts[addr] = &f
			}
		}
	}
	for addr, list := range entries {
		table, err := router.NewHosts(list)
		errs = append(errs, err)
		gen.listens[addr] = &hosts{table: table, first: firsts[addr].site}
	}
	return errors.Join(errs...)
}

// fallback is the site for hosts that no site names.
type fallback struct {
	site *site
	rank int
}

func hostEntries(cfg *config.Site, s *site) ([]router.HostEntry[*site], error) {
	var list []router.HostEntry[*site]
	var errs []error
	for _, h := range cfg.Hosts {
		p, err := router.ParseHost(h)
		if err != nil {
			errs = append(errs, config.NewError(cfg.Pos, err.Error()))
			continue
		}
		list = append(list, router.HostEntry[*site]{Host: p, Value: s, Pos: cfg.Pos.String()})
	}
	return list, errors.Join(errs...)
}

// root returns the open document root for path, shared by its locations.
func (g *Gateway) root(gen *generation, path, symlinks string) (*docroot.Root, error) {
	key := rootKey{path, symlinks}
	if r := gen.roots[key]; r != nil {
		return r, nil
	}
	r, err := docroot.New(path, docroot.Options{
		Symlinks: symlinkMode(symlinks), Valid: fileValid, Clock: g.opt.Sweeper.Now,
	})
	if err != nil {
		return nil, err
	}
	gen.roots[key] = r
	return r, nil
}

// fileValid is how long an answer about a file is believed.
const fileValid = time.Second

func symlinkMode(s string) docroot.Symlinks {
	switch s {
	case "owner":
		return docroot.Owner
	case "follow":
		return docroot.Follow
	}
	return docroot.Beneath
}

// Summary returns what a log line about the loaded configuration says.
func (g *Gateway) Summary() []zap.Field {
	gen := g.enter(0)
	if gen == nil {
		return nil
	}
	defer gen.leave(0)
	return []zap.Field{
		zap.Int("sites", len(gen.cfg.Sites)), zap.Int("backends", len(gen.backends)),
	}
}
