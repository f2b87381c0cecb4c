package config

// Config is one checked configuration. Load and Parse return it with defaults
// filled in and inheritance resolved. It is plain data: once returned, nothing
// in this package changes it.
type Config struct {
	Gateway  Gateway            `toml:"gateway" doc:"The process as a whole."`
	Log      Log                `toml:"log" doc:"Where the error log and the access log go."`
	HTTP     HTTP               `toml:"http" doc:"What every listener allows a client."`
	Sites    []Site             `toml:"site" doc:"One site: addresses, host names, files. Write one [[site]] for each."`
	Backends map[string]Backend `toml:"backend" doc:"A group of servers that run scripts, named by locations." keyformat:"name"`

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
