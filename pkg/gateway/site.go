package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/compress"
	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/docroot"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/proxy"
	"github.com/fcgigw/fcgigw/pkg/router"
	"github.com/fcgigw/fcgigw/pkg/static"
	"github.com/fcgigw/fcgigw/pkg/vars"
)

// site is one [[site]], compiled.
type site struct {
	name       string
	serverName string
	groups     []string // of its hosts' regular expressions
	locations  *router.Locations[*location]
	tls        *siteTLS // nil: plain only
}

// location is one [[site.location]], compiled.
type location struct {
	cfg   *config.Location
	name  string // its pattern, for logs
	root  *docroot.Root
	strip int    // bytes of the path that an alias replaces
	base  []byte // the root's path as configured

	index   [][]byte
	try     []tryStep
	ret     *fixed
	headers []headerRule
	warned  atomic.Int64 // when a file was last reported as passed over; sweeper time
	files   static.Options
	early   *exchange.Header // of a 103 before the backend is asked; nil: none

	compress *compress.Compressor // nil: the answers go as they are

	authorizer *authorizer // asked before anything answers; nil: nobody is

	backend *backend // nil: files
	filter  bool     // the backend is a filter
	forward *forward // the backend speaks HTTP; nil: FastCGI
	proxy   proxy.Config
	scripts scriptSet
	params  *cgi.Params
	remote  []byte // the root as the workers see it; nil: as we do
}

// headerRule sets a response header, or removes it when value is nil.
type headerRule struct {
	name    []byte
	value   *vars.Template
	caching bool // not for our own error pages
}

func (g *Gateway) buildSite(gen *generation, cfg *config.Site) (*site, error) {
	s := &site{name: siteName(cfg), serverName: plainHost(cfg.Hosts), groups: hostGroups(cfg.Hosts)}
	var entries []router.Entry[*location]
	var errs []error
	list := cfg.Locations
	if len(list) == 0 {
		list = []config.Location{wholeSite(cfg)}
	}
	for i := range list {
		lc := &list[i]
		p, err := router.ParsePattern(lc.Match)
		if err != nil {
			errs = append(errs, config.NewError(lc.Pos, err.Error()))
			continue
		}
		l, err := g.buildLocation(gen, s, lc, p)
		if err != nil {
			errs = append(errs, place(lc.Pos, err))
			continue
		}
		entries = append(entries, router.Entry[*location]{Pattern: p, Value: l, Pos: lc.Pos.String()})
	}
	locations, err := router.New(entries)
	s.locations = locations
	errs = append(errs, err)
	s.tls, err = buildTLS(gen, cfg.TLS)
	return s, errors.Join(append(errs, err)...)
}

// wholeSite is the location of a site that has none: its files.
func wholeSite(cfg *config.Site) config.Location {
	return config.Location{
		Pos: cfg.Pos, Match: "/", Root: cfg.Root, Index: cfg.Index, Dotfiles: cfg.Dotfiles,
		Symlinks: cfg.Symlinks, Headers: cfg.Headers, DenySource: static.DefaultDeny(),
		Params: cfg.Params, Authorizer: cfg.Authorizer, AuthorizerParams: cfg.AuthorizerParams,
		Compression: cfg.Compression, Precompressed: cfg.Precompressed,
	}
}

func siteName(cfg *config.Site) string {
	switch {
	case cfg.Name != "":
		return cfg.Name
	case len(cfg.Hosts) > 0:
		return cfg.Hosts[0]
	}
	return "default"
}

// hostGroups returns the names that the hosts' regular expressions capture.
func hostGroups(hosts []string) (names []string) {
	for _, h := range hosts {
		if p, err := router.ParseHost(h); err == nil { // an error is reported with the host
			names = append(names, p.CaptureNames()...)
		}
	}
	return names
}

// plainHost returns the first host that is a name and no pattern.
func plainHost(hosts []string) string {
	for _, h := range hosts {
		if !strings.ContainsAny(h, "*~") {
			return strings.TrimPrefix(h, ".")
		}
	}
	return ""
}

func (g *Gateway) buildLocation(gen *generation, s *site, cfg *config.Location, p router.Pattern) (*location, error) {
	l := &location{cfg: cfg, name: cfg.Match}
	groups := append(p.CaptureNames(), s.groups...)
	steps := []func() error{
		func() error { return g.buildFiles(gen, l, p) },
		func() (err error) { l.try, err = compileTry(cfg.TryFiles, groups); return err },
		func() (err error) { l.ret, err = compileReturn(cfg.Return, groups); return err },
		func() (err error) { l.headers, err = compileHeaders(cfg, groups); return err },
		func() error { return g.buildAuthorizer(gen, s, l, groups) },
		func() error { return g.buildProxy(gen, s, l, groups) },
		func() error { return buildCompression(gen, l) },
	}
	buildEarlyHints(l)
	var errs []error
	for _, step := range steps {
		errs = append(errs, step())
	}
	return l, errors.Join(errs...)
}

func (g *Gateway) buildFiles(gen *generation, l *location, p router.Pattern) error {
	cfg := l.cfg
	for _, name := range cfg.Index {
		l.index = append(l.index, []byte(name))
	}
	path := cfg.Root
	if cfg.Alias != "" {
		path = strings.TrimSuffix(cfg.Alias, "/")
		l.strip = len(strings.TrimSuffix(p.Text(), "/"))
	}
	deny, err := static.NewDeny(cfg.DenySource)
	if err != nil {
		return err
	}
	l.files = static.Options{Expires: time.Duration(cfg.Expires), Deny: deny}
	l.base = []byte(path)
	blind := cfg.Backend != "" && !looksForFiles(cfg, gen.cfg.Backends[cfg.Backend])
	if path == "" || blind {
		return nil // nothing local is looked at
	}
	if gen.dry {
		return nil
	}
	if l.root, err = g.root(gen, path, cfg.Symlinks); err != nil {
		return config.NewError(gen.cfg.At(rootKeyOf(cfg)), rootError(path, err))
	}
	return nil
}

// looksForFiles reports whether a location with a backend has any use for its
// root.
func looksForFiles(cfg *config.Location, b config.Backend) bool {
	if b.Protocol == protocolHTTP {
		return len(cfg.TryFiles) > 0
	}
	return b.CheckFiles || cfg.Alias != "" || cfg.Role == roleFilter
}

// rootKeyOf returns the key that a location's directory was written with.
func rootKeyOf(cfg *config.Location) string {
	if cfg.Alias != "" {
		return cfg.Pos.Path + ".alias"
	}
	return cfg.Pos.Path + ".root"
}

// rootError names the directory, whatever the system call was about.
func rootError(path string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("root %s: no such directory", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("root %s: no permission; every directory on its path must be open to the gateway's user", path)
	}
	return fmt.Sprintf("root %s: %v", path, err)
}

// place gives err a position unless it has one of its own.
func place(at config.Pos, err error) error {
	var own config.Error
	if errors.As(err, &own) {
		return err
	}
	return config.NewError(at, err.Error())
}

// compileHeaders compiles the location's headers, in the order of their names.
// A Cache-Control that does not say for how long gets the max-age of expires.
func compileHeaders(cfg *config.Location, groups []string) ([]headerRule, error) {
	var rules []headerRule
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(cfg.Headers)) {
		value := cfg.Headers[name]
		control := strings.EqualFold(name, "Cache-Control")
		if control && value != "" && cfg.Expires > 0 && !strings.Contains(value, "max-age") {
			value += ", max-age=" + strconv.Itoa(int(time.Duration(cfg.Expires).Seconds()))
		}
		rule := headerRule{name: []byte(name), caching: control || strings.EqualFold(name, "Expires")}
		if value != "" {
			t, err := vars.Compile(value, groups...)
			if err != nil {
				errs = append(errs, fmt.Errorf("headers.%s: %w", name, err))
			}
			rule.value = t
		}
		rules = append(rules, rule)
	}
	return rules, errors.Join(errs...)
}

func (g *Gateway) buildProxy(gen *generation, s *site, l *location, groups []string) error {
	cfg := l.cfg
	if cfg.Backend == "" {
		return nil
	}
	b := gen.backends[cfg.Backend]
	if b == nil {
		return fmt.Errorf("no backend %q", cfg.Backend)
	}
	l.backend, l.filter = b, cfg.Role == roleFilter
	l.proxy = proxyConfig(gen, cfg.Backend)
	l.proxy.MaxBody, l.proxy.Intercept = int64(cfg.MaxBody), cfg.InterceptErrors
	l.proxy.IgnoreAbort = cfg.IgnoreClientAbort
	var err error
	if l.forward, err = buildForward(s, cfg, &b.cfg, groups); l.forward != nil {
		return err
	}
	l.remote = remoteRoot(gen, cfg.Backend)
	l.scripts = compileScripts(cfg.Scripts, cfg.SplitPath)
	l.params, err = cgi.New(cgi.Config{
		Encode: fcgi.OpenPair, Software: g.opt.Software, ServerName: s.serverName, Custom: cfg.Params, Groups: groups,
	})
	return err
}

// remoteRoot is the document root as the workers of a backend see it; nil: as we
// do.
func remoteRoot(gen *generation, backend string) []byte {
	r := gen.cfg.Backends[backend].RemoteRoot
	if r == "" {
		return nil
	}
	return []byte(strings.TrimSuffix(r, "/"))
}

// roleFilter is the configuration's word for a filter.
const roleFilter = "filter"

// proxyConfig is what requests to a backend, which exists, have in common.
func proxyConfig(gen *generation, name string) proxy.Config {
	bc, lc := gen.cfg.Backends[name], gen.cfg.Log
	return proxy.Config{
		Backend:       gen.backends[name].up,
		RequestBuffer: int64(bc.RequestBuffer), ResponseBuffer: int64(bc.ResponseBuffer),
		ResponseTemp: int64(bc.ResponseTemp),
		StderrLines:  lc.StderrLines, StderrBytes: int(lc.StderrBytes),
	}
}
