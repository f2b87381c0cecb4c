package gateway_test

import "testing"

const sites = `
[[site]]
listen = [":80", ":81"]
hosts = ["example.org", "*.example.org"]
  [[site.location]]
  match = "/"
  return = "200 first $host"
[[site]]
listen = [":80"]
hosts = ["api.example.org", '~^v(?<major>\d+)\.test$']
  [[site.location]]
  match = "/"
  return = "200 second $major"
[[site]]
listen = [":80"]
default = true
  [[site.location]]
  match = "/"
  return = "200 default"
[[site]]
listen = [":82"]
hosts = ["a"]
  [[site.location]]
  match = "/"
  return = "200 a"
[[site]]
listen = [":82"]
hosts = ["b"]
  [[site.location]]
  match = "/"
  return = "200 b"
`

func TestTheSiteIsChosenByAddressAndHost(t *testing.T) {
	r := start(t, sites, nil, nil)
	tests := []struct{ listen, host, want string }{
		{":80", "example.org", "first example.org"},
		{":80", "EXAMPLE.org:8080", "first example.org"},
		{":80", "example.org.", "first example.org"},
		{":80", "deep.www.example.org", "first deep.www.example.org"},
		{":80", "api.example.org", "second "},
		{":80", "v7.test", "second 7"},
		{":80", "vx.test", "default"},
		{":80", "elsewhere", "default"},
		{":81", "example.org", "first example.org"},
		{":81", "elsewhere", "first elsewhere"}, // the only one there
		{":82", "b", "b"},
		{":82", "elsewhere", "a"}, // the one written first
	}
	for _, tt := range tests {
		if got := r.raw(tt.listen, "GET / HTTP/1.1\r\nHost: "+tt.host+"\r\n\r\n"); got.body != tt.want {
			t.Errorf("%s on %s: got %d %q, want %q", tt.host, tt.listen, got.StatusCode, got.body, tt.want)
		}
	}
	if got := r.raw(":80", "GET / HTTP/1.0\r\n\r\n"); got.body != "default" {
		t.Errorf("no host: got %q", got.body)
	}
}

func TestASiteWithoutLocationsServesItsFiles(t *testing.T) {
	r := start(t, "[[site]]\nlisten = [\":80\"]\nroot = \"{dir}/www\"\n",
		[]string{"a.txt", "index.html", "x.php", ".env", "sub/index.php"}, nil)
	for target, want := range map[string]int{
		"/a.txt": 200, "/": 200, "/x.php": 404, "/.env": 404, "/sub/": 404, "/none": 404, "/sub": 301,
	} {
		if got := r.get(target); got.StatusCode != want {
			t.Errorf("%s: got %d, want %d", target, got.StatusCode, want)
		}
	}
}
