package gateway_test

import (
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/gateway"
)

func TestCheckFindsWhatLoadWouldRefuse(t *testing.T) {
	const site = "[[site]]\nlisten = [\":80\"]\nroot = \"/does/not/exist\"\n"
	tests := []struct {
		name, text string
		want       string // in the error; empty: none
	}{
		{"good", site + "[backend.b]\nservers = [\"unix:/none\"]\n[[site.location]]\nmatch = \"/\"\nbackend = \"b\"\n", ""},
		{"files only", site, ""},
		{"groups", site + "[[site.location]]\nmatch = '~ ^/(?<name>.)'\nreturn = \"200 $name $1\"\n", ""},
		{"return", site + "[[site.location]]\nmatch = \"/\"\nreturn = \"200 $nonsense\"\n", "$nonsense"},
		{"try_files", site + "[[site.location]]\nmatch = \"/\"\ntry_files = [\"$urri\", \"=404\"]\n", "$urri"},
		{"headers", site + "headers = { A = \"$nonsense\" }\n[[site.location]]\nmatch = \"/\"\n", "$nonsense"},
		{"headers of a site without locations", site + "headers = { A = \"$nonsense\" }\n", "$nonsense"},
		{"params", site + "[backend.b]\nservers = [\"unix:/none\"]\n[[site.location]]\nmatch = \"/\"\nbackend = \"b\"\nparams = { A = \"$nonsense\" }\n", "$nonsense"},
		{"authorizer", site + "[backend.b]\nservers = [\"unix:/none\"]\n[[site.location]]\nmatch = '~ ^/(?<name>.)'\nauthorizer = \"b\"\nauthorizer_params = { A = \"$name\" }\n", ""},
		{"authorizer_params", site + "[backend.b]\nservers = [\"unix:/none\"]\n[[site.location]]\nmatch = \"/\"\nauthorizer = \"b\"\nauthorizer_params = { A = \"$nonsense\" }\n", "authorizer: "},
		{"authorizer of a site without locations", site + "authorizer = \"b\"\nauthorizer_params = { A = \"$nonsense\" }\n[backend.b]\nservers = [\"unix:/none\"]\n", "$nonsense"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := config.Parse("c.toml", []byte(tt.text), nil)
			if err != nil {
				t.Fatal(err)
			}
			err = gateway.Check(cfg)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "c.toml:")):
				t.Errorf("got %v, want %q with a position", err, tt.want)
			}
		})
	}
}
