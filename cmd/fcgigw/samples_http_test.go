package main

import (
	"fmt"
	"net"
	"net/http"
	"testing"
)

// httpSamples are those whose application speaks HTTP.
func httpSamples() []sample {
	return []sample{
		{
			file:    "http-backend.toml",
			replace: map[string]string{`":80"`: `"unix:{dir}/http"`, "/srv/app/public": "{dir}/www", "/run/app/app.sock": "{dir}/app"},
			app:     "{dir}/app",
			files:   map[string]string{"www/style.css": "css", "www/.env": "secret"},
			requests: []request{
				{"app.example.org", "/style.css", 200, "css"},
				{"app.example.org", "/", 200, "app.example.org asks for /"},
				{"app.example.org", "/users/a%2Fb?c=d", 200, "app.example.org asks for /users/a%2Fb?c=d"},
				{"app.example.org", "/.env", 404, ""},
			},
		},
	}
}

// serveApp serves HTTP on a unix socket until the test ends.
func serveApp(t *testing.T, socket string) {
	t.Helper()
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s asks for %s", r.Host, r.RequestURI)
	})}
	go s.Serve(ln) // ends with Close
	t.Cleanup(func() { s.Close() })
}
