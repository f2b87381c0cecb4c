package cgi_test

import (
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/cgi"
)

func TestAuthorizersGetNoParamOfAScript(t *testing.T) {
	compile := func(custom map[string]string) map[string]string {
		p, err := cgi.New(cgi.Config{Encode: pair, Omit: cgi.AuthorizerOmits(), Custom: custom})
		if err != nil {
			t.Fatal(err)
		}
		return decode(t, p.Append(nil, request("content-length: 5", "content-type: text/x", "accept: */*"), script(), new(cgi.Kept)))
	}
	got := compile(nil)
	for _, name := range []string{"CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME", "SCRIPT_FILENAME"} {
		if v, ok := got[name]; ok {
			t.Errorf("%s is sent: %q", name, v)
		}
	}
	for name, want := range map[string]string{
		"REQUEST_METHOD": "POST", "REQUEST_URI": "/index.php/b%20r?x=1&y=%2f", "DOCUMENT_URI": "/index.php/b r",
		"REMOTE_ADDR": "192.0.2.1", "CONTENT_TYPE": "text/x", "HTTP_ACCEPT": "*/*", "DOCUMENT_ROOT": "/app",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if got := compile(map[string]string{"SCRIPT_FILENAME": "/srv/check.php"}); got["SCRIPT_FILENAME"] != "/srv/check.php" {
		t.Errorf("a param that is asked for: %q", got["SCRIPT_FILENAME"])
	}
}

func TestVariablesOfTheGatewayAndOfInterpretersAreReserved(t *testing.T) {
	p, err := cgi.New(cgi.Config{Encode: pair, Software: "s"})
	if err != nil {
		t.Fatal(err)
	}
	e := request()
	e.X.Request.Conn.Scheme = "https" // for HTTPS
	names := decode(t, p.Append(nil, e, script(), new(cgi.Kept)))
	if len(names) < 25 {
		t.Fatalf("only %d standard params: %v", len(names), names)
	}
	for name := range names {
		for _, n := range []string{name, strings.ToLower(name)} {
			if cgi.Settable([]byte(n)) {
				t.Errorf("the standard param %s may be set", n)
			}
		}
	}
	for _, name := range []string{
		"PHP_VALUE", "PHP_ADMIN_VALUE", "php_value", "Php_Admin_Value", "PHPRC", "HTTP_PROXY", "http_Proxy", "LD_PRELOAD", "PATH",
		"FCGI_ROLE", "FCGI_DATA_LENGTH", "fcgi_x", "", "1A", "A-B", "A B", "A=B", "A\x00", "É", "Script-Filename",
		"FCGI_" + strings.Repeat("X", 100),
	} {
		if cgi.Settable([]byte(name)) {
			t.Errorf("%q may be set", name)
		}
	}
	for _, name := range []string{
		"REMOTE_USER", "AUTH_TYPE", "REMOTE_IDENT", "HTTP_X_USER", "HTTP_AUTHORIZATION", "a", "_x9", "PATH_INFO_2", "PATHS", "LDAP_DN",
		strings.Repeat("A", 200), "SCRIPT_FILENAME" + strings.Repeat("_", 100),
	} {
		if !cgi.Settable([]byte(name)) {
			t.Errorf("%q may not be set", name)
		}
	}
}
