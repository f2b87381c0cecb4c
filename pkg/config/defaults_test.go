package config

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
)

// wantDefaults holds the default of every key, by hand.
func wantDefaults() map[string]string {
	want := wantSiteDefaults()
	maps.Copy(want, wantBackendDefaults())
	maps.Copy(want, map[string]string{
		"[gateway] drain_timeout":   "30s",
		"[gateway] temp_dir":        "",
		"[gateway] temp_limit":      "4GiB",
		"[gateway] max_connections": "20000",
		"[gateway] pid_file":        "",
		"[gateway] processors":      "auto",

		"[log] level":        "info",
		"[log] format":       "auto",
		"[log] output":       "stderr",
		"[log] access":       "stdout",
		"[log] stderr_lines": "50",
		"[log] stderr_bytes": "16KiB",

		"[compression] encodings":    "[zstd gzip br]",
		"[compression] types":        "[text/* application/javascript application/x-javascript application/json application/xml application/*+json application/*+xml application/wasm application/yaml application/toml application/sql application/vnd.ms-fontobject font/ttf font/otf font/collection image/svg+xml image/x-icon image/bmp]",
		"[compression] min_size":     "256",
		"[compression] level":        "fast",
		"[compression] max_encoders": "256",

		"[tls] session_tickets": "true",
		"[tls] ocsp_stapling":   "true",

		"[acme] email":      "",
		"[acme] directory":  "https://acme-v02.api.letsencrypt.org/directory",
		"[acme] storage":    "",
		"[acme] ca_root":    "",
		"[acme] challenges": "[http-01 tls-alpn-01]",

		"[http3] max_streams": "100",

		"[http] http3":              "true",
		"[http] header_timeout":     "15s",
		"[http] keepalive_timeout":  "1m15s",
		"[http] keepalive_requests": "0",
		"[http] body_timeout":       "1m",
		"[http] send_timeout":       "1m",
		"[http] max_request_line":   "8KiB",
		"[http] max_header_line":    "16KiB",
		"[http] max_header_bytes":   "64KiB",
		"[http] max_headers":        "100",
		"[http] max_trailer_bytes":  "8KiB",
		"[http] underscore_headers": "[]",
		"[http] backlog":            "4096",
		"[http] server_header":      "fcgigw",
		"[http2] write_buffer":      "64KiB",
		"[http2] connection_window": "1MiB",
		"[http2] stream_window":     "256KiB",
		"[http2] max_streams":       "128",
		"[http] http2":              "true",
		"[http] min_send_rate":      "240",
		"[http] min_body_rate":      "240",
		"[http] trusted_proxies":    "[]",
		"[http] client_ip_header":   "X-Forwarded-For",
		"[http] forwarded_host":     "false",
		"[http] traceparent":        "start",

		"[listener.NAME] proxy_protocol": "[]",
		"[listener.NAME] mode":           "0660",
		"[listener.NAME] user":           "",
		"[listener.NAME] group":          "",
		"[listener.NAME] backlog":        "0",
		"[listener.NAME] reuseport":      "false",
	})
	return want
}

func wantSiteDefaults() map[string]string {
	return map[string]string{
		"[[site]] name":     "",
		"[[site]] listen":   "[:8080]",
		"[[site]] hosts":    "[]",
		"[[site]] default":  "false",
		"[[site]] root":     "",
		"[[site]] index":    "[index.php index.html]",
		"[[site]] max_body": "64MiB",
		"[[site]] dotfiles": "deny",
		"[[site]] symlinks": "beneath",
		"[[site]] scripts":  "[/index.php]",
		"[[site]] params":   "map[]",
		"[[site]] headers":  "map[]",

		"[[site]] compression":   "off",
		"[[site]] precompressed": "[]",

		"[[site]] authorizer":        "",
		"[[site]] authorizer_params": "map[]",

		"[site.tls] listen":          "[:443]",
		"[site.tls] certificate":     "",
		"[site.tls] certificate_key": "",
		"[site.tls] acme":            "false",
		"[site.tls] redirect":        "true",
		"[site.tls] hsts":            "0",
		"[site.tls] min_version":     "1.2",
		"[site.tls] client_auth":     "off",
		"[site.tls] client_ca":       "",
		"[site.tls] client_crl":      "",

		"[[site.location]] match":               "",
		"[[site.location]] backend":             "",
		"[[site.location]] role":                "responder",
		"[[site.location]] authorizer":          "",
		"[[site.location]] authorizer_params":   "map[]",
		"[[site.location]] root":                "",
		"[[site.location]] alias":               "",
		"[[site.location]] index":               "[index.php index.html]",
		"[[site.location]] try_files":           "[]",
		"[[site.location]] return":              "",
		"[[site.location]] internal":            "false",
		"[[site.location]] max_body":            "64MiB",
		"[[site.location]] dotfiles":            "deny",
		"[[site.location]] symlinks":            "beneath",
		"[[site.location]] scripts":             "[/index.php]",
		"[[site.location]] split_path":          "[.php]",
		"[[site.location]] params":              "map[]",
		"[[site.location]] headers":             "map[]",
		"[[site.location]] intercept_errors":    "false",
		"[[site.location]] ignore_client_abort": "false",
		"[[site.location]] upgrade":             "[websocket]",
		"[[site.location]] strip_prefix":        "",
		"[[site.location]] request_headers":     "map[]",
		"[[site.location]] deny_source":         "[.php* .phtml .phar .inc .phps]",
		"[[site.location]] expires":             "0",
		"[[site.location]] compression":         "off",
		"[[site.location]] precompressed":       "[]",
		"[[site.location]] early_hints":         "[]",
	}
}

func wantBackendDefaults() map[string]string {
	return map[string]string{
		"[backend.NAME] protocol":            "fastcgi",
		"[backend.NAME] servers":             "[]",
		"[backend.NAME] remote_root":         "",
		"[backend.NAME] check_files":         "true",
		"[backend.NAME] max_conns":           "0",
		"[backend.NAME] keep_conn":           "auto",
		"[backend.NAME] multiplex":           "auto",
		"[backend.NAME] streams":             "32",
		"[backend.NAME] queue":               "1024",
		"[backend.NAME] queue_timeout":       "30s",
		"[backend.NAME] connect_timeout":     "5s",
		"[backend.NAME] send_timeout":        "1m",
		"[backend.NAME] read_timeout":        "1m",
		"[backend.NAME] request_timeout":     "0",
		"[backend.NAME] idle_timeout":        "1s",
		"[backend.NAME] php_fpm_config":      "",
		"[backend.NAME] min_idle":            "0",
		"[backend.NAME] warm_up":             "0",
		"[backend.NAME] max_requests":        "0",
		"[backend.NAME] max_lifetime":        "0",
		"[backend.NAME] request_buffer":      "64KiB",
		"[backend.NAME] response_buffer":     "256KiB",
		"[backend.NAME] response_temp":       "1GiB",
		"[backend.NAME] max_response_header": "64KiB",
		"[backend.NAME] retry":               "[refused closed stale overloaded]",
		"[backend.NAME] tries":               "3",
		"[backend.NAME] retry_timeout":       "10s",
		"[backend.NAME] max_tunnels":         "1024",
		"[backend.NAME] tunnel_timeout":      "1h",

		"[backend.NAME.workers] binary":       "",
		"[backend.NAME.workers] count":        "0",
		"[backend.NAME.workers] user":         "",
		"[backend.NAME.workers] group":        "",
		"[backend.NAME.workers] ini":          "map[]",
		"[backend.NAME.workers] max_requests": "0",
		"[backend.NAME.workers] env":          "map[]",
	}
}

// defaultStructs returns the default of each table by its header.
func defaultStructs() map[string]reflect.Value {
	c := Default()
	return map[string]reflect.Value{
		"[gateway]":              reflect.ValueOf(c.Gateway),
		"[log]":                  reflect.ValueOf(c.Log),
		"[http]":                 reflect.ValueOf(c.HTTP),
		"[http2]":                reflect.ValueOf(c.HTTP2),
		"[http3]":                reflect.ValueOf(c.HTTP3),
		"[tls]":                  reflect.ValueOf(c.TLS),
		"[acme]":                 reflect.ValueOf(c.ACME),
		"[compression]":          reflect.ValueOf(c.Compression),
		"[site.tls]":             reflect.ValueOf(DefaultTLS()),
		"[listener.NAME]":        reflect.ValueOf(DefaultListener()),
		"[[site]]":               reflect.ValueOf(DefaultSite()),
		"[[site.location]]":      reflect.ValueOf(DefaultLocation()),
		"[backend.NAME]":         reflect.ValueOf(DefaultBackend()),
		"[backend.NAME.workers]": reflect.ValueOf(DefaultWorkers()),
	}
}

func TestEveryKeyHasTheStatedDefault(t *testing.T) {
	want, structs := wantDefaults(), defaultStructs()
	for _, tb := range tables(reflect.TypeFor[Config](), "") {
		v, ok := structs[tb.header]
		if !ok {
			t.Errorf("%s has no default in this test", tb.header)
			continue
		}
		for _, f := range fieldsOf(tb.typ) {
			name := tb.header + " " + f.name
			w, ok := want[name]
			if delete(want, name); isTable(f.typ) {
				continue
			}
			if got := fmt.Sprint(v.Field(f.index)); !ok || got != w {
				t.Errorf("%s = %q, want %q (stated: %t)", name, got, w, ok)
			}
		}
	}
	for name := range want {
		t.Errorf("%s is stated here but does not exist", name)
	}
}

func TestEmptyTablesMeanTheDefaults(t *testing.T) {
	const text = "[gateway]\n[log]\n[http]\n[[site]]\nroot = \"/srv\"\n[[site.location]]\nmatch = \"/\"\nbackend = \"a\"\n[backend.a]\n[backend.a.workers]\n"
	c, err := Parse("t.toml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := Default()
	b := c.Backends["a"]
	w, s, l := *b.Workers, c.Sites[0], c.Sites[0].Locations[0]
	wantBackend, wantSite, wantLocation := DefaultBackend(), DefaultSite(), DefaultLocation()
	wantBackend.Workers, wantBackend.Pos, w.Pos = b.Workers, b.Pos, Pos{}
	wantSite.Pos, wantSite.Name, wantSite.Root, wantSite.Locations = s.Pos, "default", "/srv", s.Locations
	wantLocation.Pos, wantLocation.Match, wantLocation.Backend, wantLocation.Root = l.Pos, "/", "a", "/srv"
	for _, p := range [][2]any{
		{c.Gateway, d.Gateway},
		{c.Log, d.Log},
		{c.HTTP, d.HTTP},
		{b, wantBackend},
		{w, DefaultWorkers()},
		{s, wantSite},
		{l, wantLocation},
	} {
		if !reflect.DeepEqual(p[0], p[1]) {
			t.Errorf("got  %+v\nwant %+v", p[0], p[1])
		}
	}
}

func TestAnEmptyFileMeansDefault(t *testing.T) {
	c, err := Parse("t.toml", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := Default()
	c.Warnings, c.marks, d.marks = nil, nil, nil
	if !reflect.DeepEqual(c, d) {
		t.Errorf("got  %+v\nwant %+v", c, d)
	}
}

func TestDefaultsAreNotShared(t *testing.T) {
	a, b := DefaultSite(), DefaultSite()
	a.Index[0] = "changed"
	if b.Index[0] != "index.php" {
		t.Error("two sites share the list of index files")
	}
}

func TestEveryKeyIsDocumentedAndItsTagsParse(t *testing.T) {
	for _, tb := range tables(reflect.TypeFor[Config](), "") {
		if tb.doc == "" {
			t.Errorf("%s has no doc tag", tb.header)
		}
		for _, f := range fieldsOf(tb.typ) {
			name := tb.header + " " + f.name
			if !strings.HasSuffix(f.doc, ".") || len(f.doc) < 10 {
				t.Errorf("%s: doc %q is not a sentence", name, f.doc)
			}
			if !isBare(f.name) || strings.ToLower(f.name) != f.name {
				t.Errorf("%s is not a lower-case bare key", name)
			}
			_ = checkFormat(f.format, "x") // panics on an unknown format
			_ = checkFormat(f.keys, "x")
			if !isTable(f.typ) {
				tagInts(t, name, f)
			}
		}
	}
}

// tagInts checks that the default of a number lies within its bounds.
func tagInts(t *testing.T, name string, f field) {
	v := reflect.New(f.typ).Elem()
	if v.Kind() != reflect.Int && v.Kind() != reflect.Int64 {
		if f.min+f.max != "" {
			t.Errorf("%s: bounds on a %s", name, v.Type())
		}
		return
	}
	v.SetInt(tagInt(f.typ, f.def, f))
	if err := checkRange(v, f); err != nil && !f.inherit {
		t.Errorf("%s: the default %v", name, err)
	}
}

func TestInheritedKeysExistOnTheSiteWithTheSameType(t *testing.T) {
	site := map[string]field{}
	for _, f := range fieldsOf(reflect.TypeFor[Site]()) {
		site[f.name] = f
	}
	n := 0
	for _, f := range fieldsOf(reflect.TypeFor[Location]()) {
		s, ok := site[f.name]
		if ok && !f.inherit {
			t.Errorf("%s exists on site and location but is not inherited", f.name)
		}
		if !f.inherit {
			continue
		}
		n++
		if s.typ != f.typ || s.format != f.format || s.keys != f.keys || strings.Join(s.enum, "|") != strings.Join(f.enum, "|") || f.def != "" {
			t.Errorf("%s differs between site and location", f.name)
		}
	}
	if n == 0 {
		t.Error("nothing is inherited")
	}
}
