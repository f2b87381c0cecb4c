package config

import (
	"slices"
	"testing"
)

func TestHTTP3IsSpokenWhereClientsComeThemselves(t *testing.T) {
	c := Default()
	if !c.HTTP.HTTP3 {
		t.Error("off by default")
	}
	c.Sites = []Site{
		{Listen: []string{":80"}, TLS: &SiteTLS{Listen: []string{":443", "unix:/run/x", "systemd:web", "10.0.0.1:443"}}},
		{Listen: []string{":8080"}, TLS: &SiteTLS{Listen: []string{":443", "[::1]:8443"}}},
		{Listen: []string{":81"}},
	}
	c.Listeners = map[string]Listener{"10.0.0.1:443": {ProxyProtocol: []string{"10.0.0.0/8"}}}
	if got, want := c.HTTP3On(), []string{":443", "[::1]:8443"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	c.HTTP.HTTP3 = false
	if got := c.HTTP3On(); got != nil {
		t.Errorf("switched off: %q", got)
	}
}
