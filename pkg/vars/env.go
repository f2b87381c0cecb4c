package vars

import (
	"crypto/x509"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// Captures gives the groups of a regular expression that matched.
type Captures interface {
	// Group returns group n, counted from 1, or nil.
	Group(n int) []byte
	// Named returns the group called name, or nil.
	Named(name string) []byte
}

// Env is what the variables of one request are taken from. Nothing in it is
// kept. Only X is required, with its Conn set.
type Env struct {
	X *exchange.Exchange

	URI  []byte // the path as it is now; nil: the request's
	Args []byte // the query as it is now; not taken from the request when nil

	Root     []byte // local document root
	RealRoot []byte // Root without symbolic links; nil: Root
	Filename []byte // local file of URI; nil: Root followed by URI

	ScriptName     []byte // nil: URI
	PathInfo       []byte
	ScriptFilename []byte // as the worker sees it
	DocumentRoot   []byte // as the worker sees it

	Site, Location string // as the configuration names them
	ServerName     string // the site's first plain host name, or ""

	// Captures are the groups of the location's regular expression and
	// HostCaptures those of the host's; either may be nil, but not a nil pointer.
	Captures, HostCaptures Captures

	// ClientCert is the certificate of the client, after its site has verified it.
	ClientCert *x509.Certificate

	Now time.Time // of the time variables; zero: the clock is read
}

// Path returns the path as it is now.
func (e *Env) Path() []byte {
	if e.URI == nil {
		return e.X.Request.Path
	}
	return e.URI
}

// Script returns ScriptName, or the path when there is none.
func (e *Env) Script() []byte {
	if e.ScriptName == nil {
		return e.Path()
	}
	return e.ScriptName
}

func (e *Env) now() time.Time {
	if e.Now.IsZero() {
		return time.Now()
	}
	return e.Now
}

// group returns a numbered group: the location's, or the host's where the
// location has no regular expression.
func (e *Env) group(n int) []byte {
	for _, c := range [...]Captures{e.Captures, e.HostCaptures} {
		if c == nil {
			continue
		}
		if g := c.Group(n); g != nil {
			return g
		}
		if c.Group(0) != nil {
			return nil
		}
	}
	return nil
}

func (e *Env) named(name string) []byte {
	for _, c := range [...]Captures{e.Captures, e.HostCaptures} {
		if c == nil {
			continue
		}
		if g := c.Named(name); g != nil {
			return g
		}
	}
	return nil
}
