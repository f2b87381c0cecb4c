package cgi

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fcgigw/fcgigw/pkg/vars"
)

// Errors of New.
var (
	// ErrParamName: the name of a custom param is not that of a variable.
	ErrParamName = errors.New("bad param name")
	// ErrClientSetting: a param that php-fpm takes as its configuration would
	// get text of the client's choice.
	ErrClientSetting = errors.New("client data in a PHP setting")
)

// Encoder appends one pair to dst in the form of its protocol. It must not keep
// name or value.
type Encoder func(dst, name, value []byte) []byte

// Config is what the params of one location are compiled from.
type Config struct {
	Software   string // SERVER_SOFTWARE
	ServerName string // the site's first plain host name, or "" for the host asked for
	// Custom maps names to templates of package vars. They replace params of the
	// same name; an empty template sends an empty value.
	Custom map[string]string
	// Groups are the names of the groups that templates may use.
	Groups []string
}

// Script is what a location's path led to, as the worker sees it.
type Script struct {
	Filename       []byte // SCRIPT_FILENAME
	Name           []byte // SCRIPT_NAME
	PathInfo       []byte // PATH_INFO
	PathTranslated []byte // PATH_TRANSLATED; sent only with a PathInfo
	DocumentRoot   []byte // DOCUMENT_ROOT
	// BodyLen is the true number of body bytes the worker will be sent, however
	// the client framed them. Below zero is unknown: no length is sent.
	BodyLen int64
}

// Params makes the variables of a location's requests. It is immutable and may
// be used by any number of goroutines.
type Params struct {
	standard   []standardParam
	custom     []customParam
	serverName []byte
	// headers are the custom names that begin with HTTP_: they win over the
	// client's headers.
	headers map[string]struct{}
}

type customParam struct {
	name     []byte
	fixed    []byte
	template *vars.Template // nil: fixed is the value
}

// New compiles cfg. Errors name the param and wrap ErrParamName,
// ErrClientSetting or those of vars.Compile.
func New(cfg Config) (*Params, error) {
	p := &Params{serverName: []byte(cfg.ServerName), headers: make(map[string]struct{})}
	for name, text := range cfg.Custom {
		c, err := newCustomParam(name, text, cfg.Groups)
		if err != nil {
			return nil, fmt.Errorf("cgi: param %q: %w", name, err)
		}
		p.custom = append(p.custom, c)
		if strings.HasPrefix(name, "HTTP_") {
			p.headers[name] = struct{}{}
		}
	}
	slices.SortFunc(p.custom, func(a, b customParam) int { return strings.Compare(string(a.name), string(b.name)) })
	for _, s := range standardParams(cfg.Software) {
		if _, replaced := cfg.Custom[string(s.name)]; !replaced {
			p.standard = append(p.standard, s)
		}
	}
	return p, nil
}

func newCustomParam(name, text string, groups []string) (customParam, error) {
	if !validName(name) {
		return customParam{}, ErrParamName
	}
	t, err := vars.Compile(text, groups...)
	if err != nil {
		return customParam{}, err
	}
	if v, found := t.ClientVariable(); found && (name == "PHP_VALUE" || name == "PHP_ADMIN_VALUE") {
		return customParam{}, fmt.Errorf("%w: $%s", ErrClientSetting, v)
	}
	c := customParam{name: []byte(name)}
	if s, constant := t.Constant(); constant {
		c.fixed = []byte(s)
	} else {
		c.template = t
	}
	return c, nil
}

// validName reports whether s matches [A-Za-z_][A-Za-z0-9_]*.
func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// Append appends all variables of one request, each encoded by enc, to dst and
// returns it. Scratch space comes from e.X.Alloc; in steady state nothing else
// is allocated. e.X.Request must come from a listener: names of headers in
// lower case, Host and Authority checked.
func (p *Params) Append(dst []byte, enc Encoder, e *vars.Env, s *Script) []byte {
	for i := range p.standard {
		sp := &p.standard[i]
		if v, ok := p.value(sp, e, s); ok {
			dst = enc(dst, sp.name, v)
		}
	}
	dst = p.appendHeaders(dst, enc, &e.X.Request.Header, e.X)
	return p.appendCustom(dst, enc, e)
}

// scratchSize holds most expanded templates without a second allocation.
const scratchSize = 256

func (p *Params) appendCustom(dst []byte, enc Encoder, e *vars.Env) []byte {
	var scratch []byte
	for i := range p.custom {
		c := &p.custom[i]
		if c.template == nil {
			dst = enc(dst, c.name, c.fixed)
			continue
		}
		if scratch == nil {
			scratch = e.X.Alloc(scratchSize)
		}
		scratch = c.template.Append(scratch[:0], e)
		dst = enc(dst, c.name, scratch)
	}
	return dst
}
