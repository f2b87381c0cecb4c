package config

import (
	"slices"
	"strings"
)

// HTTP3 is the table [http3].
type HTTP3 struct {
	MaxStreams int `toml:"max_streams" default:"100" min:"1" max:"10000" doc:"Most requests that a client may have under way at once on one connection."`
}

// HTTP3On returns the addresses that speak HTTP/3 as well, by UDP on the same
// port: with http3 those that speak TLS, unless they are unix sockets or named
// by systemd, or clients come through a proxy there, which UDP would pass by.
func (c *Config) HTTP3On() []string {
	var list []string
	if !c.HTTP.HTTP3 {
		return nil
	}
	for addr := range c.TLSOn() {
		if strings.HasPrefix(addr, unixPrefix) || strings.HasPrefix(addr, systemdPrefix) || len(c.ListenerOf(addr).ProxyProtocol) > 0 {
			continue
		}
		list = append(list, addr)
	}
	slices.Sort(list)
	return list
}
