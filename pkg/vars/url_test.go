package vars_test

import (
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/vars"
)

func TestDecodedValuesAreEscapedInAURL(t *testing.T) {
	tests := []struct{ template, uri, args, want string }{
		{"/index.php?id=$uri", "/a/b", "", "/index.php?id=/a/b"},
		{"id=$uri&$args", "/w&do=admin", "x=%26", "id=/w%26do%3Dadmin&x=%26"},
		{"m=$uri", "/a# +%?", "", "m=/a%23%20%2B%25%3F"},
		{"https://h$uri", "/\xc3\xa9\\", "", "https://h/%C3%A9%5C"},
		{"$uri$uri", "/ ", "", "/%20/%20"},
		{"plain & text = kept", "/", "", "plain & text = kept"},
	}
	for _, tt := range tests {
		tpl, err := vars.Compile(tt.template)
		if err != nil {
			t.Fatal(err)
		}
		e := vars.Env{X: exchange.New(), URI: []byte(tt.uri), Args: []byte(tt.args)}
		if got := string(tpl.AppendURL(nil, &e)); got != tt.want {
			t.Errorf("%s with %q: %q, want %q", tt.template, tt.uri, got, tt.want)
		}
	}
}
