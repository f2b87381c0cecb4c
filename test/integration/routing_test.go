package integration

import "testing"

// routed are two sites on one address, the first for any host.
const routed = `
[[site]]
listen = ["{listen}"]
root = "{root}"

  [[site.location]]
  match = "/"

  [[site.location]]
  match = '~ ^/c/(.*)$'
  return = "302 /$1"

  [[site.location]]
  match = "/old"
  return = "301 https://$host$request_uri"

  [[site.location]]
  match = "/internal"
  internal = true
  return = "200 internal"

  [[site.location]]
  match = "/try"
  try_files = ["$uri", "@named"]

  [[site.location]]
  match = "@named"
  return = "418 named"

[[site]]
listen = ["{listen}"]
hosts = ["a.test", "*.b.test"]

  [[site.location]]
  match = "/"
  return = "200 $host"
`

// routedSite runs a gateway of these sites.
func routedSite(t *testing.T) *gateway {
	t.Helper()
	s := &site{root: docroot(t, "dir/index.html", "x", "evil.test/index.html", "x"), server: "127.0.0.1:1"}
	g := newGateway(t, s)
	g.write(s.fill(routed))
	g.run()
	return g
}

func TestNoPathMakesARedirectLeaveTheSite(t *testing.T) {
	g := routedSite(t)
	tests := []struct{ path, location string }{
		{"/dir", "/dir/"},
		{"//evil.test", "/evil.test/"},
		{"/%2fevil.test", "/evil.test/"},
		{"/dir/..//evil.test", "/evil.test/"},
		{"/c/x", "/x"},
		{"/c//evil.test", "/evil.test"},
		{"/c/%2fevil.test", "/evil.test"},
		{"/c/%5cevil.test", "/%5Cevil.test"},
		{"/c/%22%3c", "/%22%3C"},
		{"/old/a?b", "https://ex.test/old/a?b"},
	}
	for _, tt := range tests {
		if got := g.get(tt.path).Header.Get("Location"); got != tt.location {
			t.Errorf("%s leads to %q, want %q", tt.path, got, tt.location)
		}
	}
}

func TestLocationsOfTheInsideAreClosedToClients(t *testing.T) {
	g := routedSite(t)
	for _, path := range []string{"/internal", "/internal/x", "/@named"} {
		if a := g.get(path); a.StatusCode != 404 {
			t.Errorf("%s: %d, want 404", path, a.StatusCode)
		}
	}
	g.get("/try/x").expect(t, 418, "named")
}

func TestTheHostDecidesAboutTheSite(t *testing.T) {
	g := routedSite(t)
	tests := []struct{ host, body string }{
		{"a.test", "a.test"},
		{"A.TEST", "a.test"},
		{"a.test.", "a.test"},
		{"a.test:80", "a.test"},
		{"x.b.test", "x.b.test"},
		{"x.y.b.test", "x.y.b.test"},
	}
	for _, tt := range tests {
		g.request("GET / HTTP/1.1\r\nHost: "+tt.host+"\r\nConnection: close\r\n\r\n").expect(t, 200, tt.body)
	}
	for _, other := range []string{"b.test", "other", "[::1]", "1.2.3.4", "xa.test"} {
		if a := g.request("GET /try/x HTTP/1.1\r\nHost: " + other + "\r\nConnection: close\r\n\r\n"); a.StatusCode != 418 {
			t.Errorf("%s: %d, want the first site", other, a.StatusCode)
		}
	}
}
