package cgi

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/fcgigw/fcgigw/pkg/exchange"
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

// Encoder appends room for a pair with a name and a value of these lengths to
// dst, in the form of its protocol. It returns the longer dst and the places in
// it that name and value are to be written to.
type Encoder func(dst []byte, name, value int) (out, nameAt, valueAt []byte)

// Config is what the params of one location are compiled from.
type Config struct {
	Encode     Encoder // required
	Software   string  // SERVER_SOFTWARE
	ServerName string  // the site's first plain host name, or "" for the host asked for
	// Custom maps names to templates of package vars. They replace params of the
	// same name; an empty template sends an empty value.
	Custom map[string]string
	// Omit names standard params that are not sent, unless Custom has them.
	Omit []string
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
	encode   Encoder
	standard []standardParam // that differ from request to request
	lasting  []standardParam // that are the same for all requests of a connection
	fixed    []byte          // the pairs that are the same for all requests
	custom   []customParam   // whose templates are expanded for each request

	serverName     []byte
	ctype, clength bool // CONTENT_TYPE and CONTENT_LENGTH are not replaced
	// headers are the custom names that begin with HTTP_: they win over the
	// client's headers.
	headers map[string]struct{}
}

type customParam struct {
	name     []byte
	template *vars.Template
}

// New compiles cfg. Errors name the param and wrap ErrParamName,
// ErrClientSetting or those of vars.Compile.
func New(cfg Config) (*Params, error) {
	p := &Params{encode: cfg.Encode, serverName: []byte(cfg.ServerName), headers: make(map[string]struct{})}
	for _, name := range slices.Sorted(maps.Keys(cfg.Custom)) {
		if err := p.addCustom(name, cfg.Custom[name], cfg.Groups); err != nil {
			return nil, fmt.Errorf("cgi: param %q: %w", name, err)
		}
	}
	for _, s := range standardParams(cfg.Software) {
		_, replaced := cfg.Custom[string(s.name)]
		if !replaced && !slices.Contains(cfg.Omit, string(s.name)) {
			p.addStandard(s)
		}
	}
	return p, nil
}

func (p *Params) addCustom(name, text string, groups []string) error {
	if !validName(name) {
		return ErrParamName
	}
	t, err := vars.Compile(text, groups...)
	if err != nil {
		return err
	}
	if v, found := t.ClientVariable(); found && (name == "PHP_VALUE" || name == "PHP_ADMIN_VALUE") {
		return fmt.Errorf("%w: $%s", ErrClientSetting, v)
	}
	if strings.HasPrefix(name, "HTTP_") {
		p.headers[name] = struct{}{}
	}
	if s, constant := t.Constant(); constant {
		p.fixed = p.pair(p.fixed, []byte(name), []byte(s))
		return nil
	}
	p.custom = append(p.custom, customParam{[]byte(name), t})
	return nil
}

// addStandard sorts s by how long its value lasts.
func (p *Params) addStandard(s standardParam) {
	switch {
	case s.from == fromFixed:
		p.fixed = p.pair(p.fixed, s.name, s.fixed)
	case s.from == fromContentType:
		p.ctype = true
	case s.from == fromContentLength:
		p.clength = true
	case s.from.lasts(), s.from == fromServerName && len(p.serverName) > 0:
		p.lasting = append(p.lasting, s)
	default:
		p.standard = append(p.standard, s)
	}
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

// Kept holds pairs that are the same for all requests of a connection, so that
// they are encoded once. The zero value is empty; it belongs to one goroutine at
// a time.
type Kept struct {
	params       *Params
	conn         *exchange.ConnInfo
	id           uint64 // of conn, whose memory may be used again
	major, minor uint8
	peer         netip.AddrPort // that a proxy named, which may be another one for each request
	scheme       string
	pairs        []byte
}

// Append appends all variables of one request, encoded, to dst and returns it.
// Scratch space comes from e.X.Alloc; in steady state nothing else is allocated.
// e.X.Request must come from a listener: names of headers in lower case, Host
// and Authority checked. kept is what an earlier call left, of this connection
// or another.
func (p *Params) Append(dst []byte, e *vars.Env, s *Script, kept *Kept) []byte {
	dst = append(dst, p.lastingPairs(e, kept)...)
	for i := range p.standard {
		sp := &p.standard[i]
		if v, ok := p.value(sp, e, s); ok {
			dst = p.pair(dst, sp.name, v)
		}
	}
	dst = p.appendHeaders(dst, e.X, s.BodyLen)
	return p.appendCustom(dst, e)
}

func (p *Params) pair(dst, name, value []byte) []byte {
	dst, n, v := p.encode(dst, len(name), len(value))
	copy(n, name)
	copy(v, value)
	return dst
}

func (p *Params) lastingPairs(e *vars.Env, kept *Kept) []byte {
	r := &e.X.Request
	if kept.params == p && kept.conn == r.Conn && kept.id == r.Conn.ID && kept.major == r.Major && kept.minor == r.Minor &&
		(r.Conn.Via == nil || kept.peer == r.Conn.Peer && kept.scheme == r.Conn.Scheme) {
		return kept.pairs
	}
	pairs := append(kept.pairs[:0], p.fixed...)
	for i := range p.lasting {
		if v, ok := p.lastingValue(p.lasting[i].from, e); ok {
			pairs = p.pair(pairs, p.lasting[i].name, v)
		}
	}
	*kept = Kept{p, r.Conn, r.Conn.ID, r.Major, r.Minor, r.Conn.Peer, r.Conn.Scheme, pairs}
	return pairs
}

// scratchSize holds most expanded templates without a second allocation.
const scratchSize = 256

func (p *Params) appendCustom(dst []byte, e *vars.Env) []byte {
	var scratch []byte
	for i := range p.custom {
		if scratch == nil {
			scratch = e.X.Alloc(scratchSize)
		}
		scratch = p.custom[i].template.Append(scratch[:0], e)
		dst = p.pair(dst, p.custom[i].name, scratch)
	}
	return dst
}
