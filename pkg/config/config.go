package config

// Config is one checked configuration. Load and Parse return it with defaults
// filled in and inheritance resolved. It is plain data: once returned, nothing
// in this package changes it.
type Config struct {
	Gateway     Gateway             `toml:"gateway" doc:"The process as a whole."`
	Log         Log                 `toml:"log" doc:"Where the error log and the access log go."`
	HTTP        HTTP                `toml:"http" doc:"What every listener allows a client."`
	HTTP2       HTTP2               `toml:"http2" doc:"Limits of HTTP/2; whether it is spoken says http2 in [http]. Timeouts and the limits of headers are those of [http]."`
	HTTP3       HTTP3               `toml:"http3" doc:"Limits of HTTP/3; whether it is spoken says http3 in [http]."`
	TLS         TLS                 `toml:"tls" doc:"What all addresses that speak TLS have in common."`
	ACME        ACME                `toml:"acme" doc:"The CA that the certificates of sites with \"acme = true\" come from."`
	Listeners   map[string]Listener `toml:"listener" doc:"Options of one address that sites listen on: NAME is the address as they write it, in quotes. A socket keeps the options that it was opened with: changed ones take effect at the next start." keyformat:"listen"`
	Compression Compression         `toml:"compression" doc:"How responses are compressed, where \"compression\" of a site or location says so."`
	Sites       []Site              `toml:"site" doc:"One site: addresses, host names, files. Write one [[site]] for each."`
	Backends    map[string]Backend  `toml:"backend" doc:"A group of servers that run scripts, named by locations." keyformat:"name"`

	// Warnings are remarks that do not stop the gateway, in file order.
	Warnings Errors `toml:"-"`

	marks *marks
}

// At returns the position of a key such as "site[0].root", or of the nearest
// table around it that the file does write. Without any, the start of the file.
func (c *Config) At(path string) Pos {
	return c.marks.at(path)
}

// Default returns what an empty file means.
func Default() *Config {
	c := withDefaults[Config]()
	c.marks = &marks{}
	return &c
}

// DefaultSite returns a site as an empty [[site]] table means it.
func DefaultSite() Site {
	return withDefaults[Site]()
}

// DefaultLocation returns a location that sets nothing, on a site that sets
// nothing.
func DefaultLocation() Location {
	l := withDefaults[Location]()
	s := DefaultSite()
	inherit(&l, &s, nil)
	return l
}

// DefaultBackend returns a backend as an empty [backend.NAME] table means it.
func DefaultBackend() Backend {
	return withDefaults[Backend]()
}

// DefaultWorkers returns what an empty [backend.NAME.workers] table means.
func DefaultWorkers() Workers {
	return withDefaults[Workers]()
}
