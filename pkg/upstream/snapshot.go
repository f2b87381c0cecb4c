package upstream

import (
	"time"

	"github.com/fcgigw/fcgigw/pkg/pool"
)

// Source is where the number of connections to a server comes from.
type Source uint8

// The sources.
const (
	Assumed    Source = iota // nobody knows it; a bound all the same
	Configured               // the configuration says so
	Supervised               // the gateway runs the workers
	PoolFile                 // pm.max_children in php-fpm's own configuration
	Answered                 // the server said so: FCGI_MAX_CONNS, FCGI_MAX_REQS
)

// String returns the name of what says the number.
func (s Source) String() string {
	switch s {
	case Configured:
		return "max_conns"
	case Supervised:
		return "workers"
	case PoolFile:
		return "php_fpm_config"
	case Answered:
		return "FCGI_MAX_CONNS"
	}
	return "assumed"
}

// ServerStat is a snapshot of one server of a backend.
type ServerStat struct {
	Name   string        // its address as the configuration writes it
	Up     bool          // the last dial did not fail
	Away   time.Duration // for how long dials have failed; 0 when Up
	Source Source        // where Pool.MaxConns comes from
	// Multiplex is On or Off when it is known, by the configuration or from the
	// server, whether requests share connections; else Auto.
	Multiplex Mode
	// Pool is what its connections do. A server that turns out to multiplex
	// gets a new pool, whose counts begin with it.
	Pool pool.Stat
}

// Snapshot returns the state of every server, in the order of the
// configuration. It costs a look at each slot and may be called at any time,
// also from an Events func and behind Close.
func (b *Backend) Snapshot() []ServerStat {
	list := make([]ServerStat, len(b.servers))
	for i, s := range b.servers {
		list[i] = s.snapshot()
	}
	return list
}

func (s *server) snapshot() ServerStat {
	st := ServerStat{
		Name: s.name, Away: s.away(), Source: s.source(),
		Multiplex: Auto, Pool: s.slots.Load().Stat(),
	}
	st.Up = s.down.Load() == 0
	switch s.probe.Load() {
	case probedSingle:
		st.Multiplex = Off
	case probedShared:
		st.Multiplex = On
	}
	return st
}

func (s *server) source() Source { return Source(s.from.Load()) }
