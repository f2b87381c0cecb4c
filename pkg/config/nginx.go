package config

import "strings"

// nginxHint says what to write for nginx's directive of that name, or "".
func nginxHint(key string) string {
	return map[string]string{
		"access_log":                    `"access" in [log], which is for all sites; a log for each is not supported yet`,
		"client_body_buffer_size":       `"request_buffer" in [backend.NAME]`,
		"client_body_temp_path":         `"temp_dir" in [gateway]`,
		"client_body_timeout":           `"body_timeout" in [http]`,
		"client_header_timeout":         `"header_timeout" in [http]`,
		"client_max_body_size":          `"max_body" in [[site]] or [[site.location]]`,
		"default_server":                `"default = true" in [[site]]`,
		"disable_symlinks":              `"symlinks" in [[site]] or [[site.location]]`,
		"error_log":                     `"output" and "level" in [log]`,
		"fastcgi_buffer_size":           `"max_response_header" in [backend.NAME]`,
		"fastcgi_buffers":               `"response_buffer" in [backend.NAME]`,
		"fastcgi_connect_timeout":       `"connect_timeout" in [backend.NAME]`,
		"fastcgi_hide_header":           `an empty value in the table "headers" in [[site]] or [[site.location]]`,
		"fastcgi_ignore_client_abort":   `"ignore_client_abort" in [[site.location]]`,
		"fastcgi_intercept_errors":      `"intercept_errors" in [[site.location]]`,
		"fastcgi_keep_conn":             `"keep_conn" in [backend.NAME]`,
		"fastcgi_max_temp_file_size":    `"response_temp" in [backend.NAME]`,
		"fastcgi_next_upstream":         `"retry" in [backend.NAME]`,
		"fastcgi_next_upstream_timeout": `"retry_timeout" in [backend.NAME]`,
		"fastcgi_next_upstream_tries":   `"tries" in [backend.NAME]`,
		"fastcgi_param":                 `the table "params" in [[site]] or [[site.location]]`,
		"fastcgi_pass":                  `"backend" in [[site.location]] and "servers" in [backend.NAME]`,
		"fastcgi_read_timeout":          `"read_timeout" in [backend.NAME]`,
		"fastcgi_send_timeout":          `"send_timeout" in [backend.NAME]`,
		"fastcgi_split_path_info":       `"split_path" in [[site.location]]`,
		"add_header":                    `the table "headers" in [[site]] or [[site.location]]`,
		"keepalive":                     `"max_conns" in [backend.NAME], the number of workers: with it connections are kept ("keep_conn")`,
		"brotli":                        `"compression" in [[site]] or [[site.location]], and [compression]`,
		"brotli_static":                 `"precompressed" in [[site]] or [[site.location]]`,
		"brotli_types":                  `"types" in [compression]`,
		"default_type":                  "nothing: files get the type of their ending, or application/octet-stream",
		"early_hints":                   `"early_hints" in [[site.location]], a list of Link values`,
		"gzip":                          `"compression" in [[site]] or [[site.location]], and [compression]`,
		"gzip_comp_level":               `"level" in [compression]`,
		"gzip_min_length":               `"min_size" in [compression]`,
		"gzip_buffers":                  "nothing: they need no tuning",
		"gzip_disable":                  "nothing: clients that say they take gzip do",
		"gzip_http_version":             "nothing: the version makes no difference",
		"gzip_proxied":                  "nothing: what comes by a proxy is compressed too",
		"gzip_static":                   `"precompressed" in [[site]] or [[site.location]]`,
		"gzip_types":                    `"types" in [compression]`,
		"gzip_vary":                     "nothing: it is always on",
		"large_client_header_buffers":   `"max_header_line" and "max_header_bytes" in [http]`,
		"location":                      `[[site.location]]`,
		"pid":                           `"pid_file" in [gateway]`,
		"server":                        `[[site]], or "servers" in [backend.NAME]`,
		"proxy_buffer_size":             `"max_response_header" in [backend.NAME]`,
		"proxy_buffers":                 `"response_buffer" in [backend.NAME]`,
		"proxy_connect_timeout":         `"connect_timeout" in [backend.NAME]`,
		"proxy_hide_header":             `an empty value in the table "headers" in [[site]] or [[site.location]]`,
		"proxy_http_version":            "nothing: it is 1.1",
		"proxy_ignore_client_abort":     `"ignore_client_abort" in [[site.location]]`,
		"proxy_intercept_errors":        `"intercept_errors" in [[site.location]]`,
		"proxy_next_upstream":           `"retry" in [backend.NAME]`,
		"proxy_next_upstream_tries":     `"tries" in [backend.NAME]`,
		"proxy_pass":                    `"backend" in [[site.location]], and protocol = "http" and "servers" in [backend.NAME]`,
		"proxy_read_timeout":            `"read_timeout" in [backend.NAME], and "tunnel_timeout" for WebSockets`,
		"proxy_send_timeout":            `"send_timeout" in [backend.NAME]`,
		"proxy_set_header":              `the table "request_headers" in [[site.location]]; Host and X-Forwarded-* are sent without it`,
		"server_name":                   `"hosts" in [[site]]`,
		"server_names":                  `"hosts" in [[site]]`,
		"server_tokens":                 `"server_header" in [http]`,
		"underscores_in_headers":        `"underscore_headers" in [http]`,
		"open_file_cache":               "nothing: what is known of a file is kept for a second",
		"sendfile":                      "nothing: it is always on",
		"set_real_ip_from":              `"trusted_proxies" in [http]`,
		"real_ip_header":                `"client_ip_header" in [http]`,
		"real_ip_recursive":             "nothing: it is always on",
		"proxy_protocol":                `"proxy_protocol" in [listener."ADDRESS"]`,
		"ssl_certificate":               `"certificate" in [site.tls]`,
		"ssl_certificate_key":           `"certificate_key" in [site.tls]`,
		"ssl_client_certificate":        `"client_ca" in [site.tls]`,
		"ssl_crl":                       `"client_crl" in [site.tls]`,
		"ssl_protocols":                 `"min_version" in [site.tls]`,
		"ssl_session_tickets":           `"session_tickets" in [tls]`,
		"ssl_stapling":                  `"ocsp_stapling" in [tls]`,
		"ssl_verify_client":             `"client_auth" in [site.tls]`,
		"ssl_conf_command":              "nothing: only good ciphers and versions are spoken",
		"ssl_dhparam":                   "nothing: keys are exchanged by elliptic curves",
		"ssl_ecdh_curve":                "nothing: the good ones are offered, X25519MLKEM768 among them",
		"ssl_stapling_verify":           "nothing: answers are always verified",
		"ssl_trusted_certificate":       `"client_ca" in [site.tls] for clients' certificates; stapling needs nothing: the issuers stand in "certificate"`,
		"ssl_verify_depth":              "nothing: a chain that leads to a CA in client_ca is good",
		"ssl_ciphers":                   "nothing: only good ones are spoken",
		"ssl_prefer_server_ciphers":     "nothing: the better one is chosen",
		"ssl_session_cache":             "nothing: sessions are resumed by tickets",
		"ssl_session_timeout":           "nothing: a ticket is good for as long as its key, a week at most",
		"http2":                         `"http2" in [http]`,
		"http2_max_concurrent_streams":  `"max_streams" in [http2]`,
		"http3_max_concurrent_streams":  `"max_streams" in [http3]`,
		"http3":                         `"http3" in [http]`,
		"quic":                          `"http3" in [http]`,
		"ssl":                           `a [site.tls] table`,
		"tcp_nodelay":                   "nothing: it is always on",
		"worker_processes":              "nothing: all processors are used",
		"upstream":                      `[backend.NAME]`,
		"worker_connections":            `"max_connections" in [gateway]`,
	}[key]
}

// notYet reports whether nginx has a directive of that name for which there is
// no counterpart, and what to do meanwhile, with its punctuation.
func notYet(key string) (advice string, ok bool) {
	const (
		closed = `; to close a path for all write return = "403"`
		moved  = `; "try_files", regular expressions with groups, and "return" may do`
		ask    = `; a FastCGI program can decide who may enter: "authorizer" (docs/roles.md)`
	)
	advice, ok = map[string]string{
		"allow": closed, "deny": closed, "satisfy": closed, "valid_referers": "",
		"auth_basic": ask, "auth_basic_user_file": ask, "auth_request": ask,
		"autoindex": "", "autoindex_format": "", "charset": "", "error_page": `; "intercept_errors" shows the gateway's own pages`,
		"geo": moved, "if": moved, "map": moved, "rewrite": moved, "set": moved, "split_clients": moved,
		"log_format":  "; the records are JSON with all fields (docs/logs.md)",
		"stub_status": "", "include": "; the configuration is one file",
	}[key]
	if ok {
		return advice, true
	}
	for _, family := range []struct{ prefix, advice string }{
		{"ssl_", "; see [site.tls] and [tls]"},
		{"http2_", "; see http2 in [http] and [http2]"},
		{"http3_", "; see http3 in [http] and [http3]"},
		{"gzip", "; see [compression]"},
		{"brotli", "; see [compression]"},
		{"limit_", ""},
		{"proxy_", ""},
		{"uwsgi_", "; backends speak FastCGI and HTTP only"},
		{"scgi_", "; backends speak FastCGI and HTTP only"},
		{"grpc_", "; backends speak FastCGI and HTTP only"},
		{"fastcgi_cache", ""},
		{"sub_filter", ""},
	} {
		if strings.HasPrefix(key, family.prefix) {
			return family.advice, true
		}
	}
	return "", false
}
