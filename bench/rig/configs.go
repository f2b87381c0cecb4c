package rig

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// stockParams are the params of Debian's /etc/nginx/fastcgi.conf, written out
// so that the benchmark does not depend on the file being there.
const stockParams = `
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param SCRIPT_NAME $fastcgi_script_name;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param DOCUMENT_URI $document_uri;
      fastcgi_param DOCUMENT_ROOT $document_root;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      fastcgi_param REQUEST_SCHEME $scheme;
      fastcgi_param HTTPS $https if_not_empty;
      fastcgi_param GATEWAY_INTERFACE CGI/1.1;
      fastcgi_param SERVER_SOFTWARE nginx/$nginx_version;
      fastcgi_param REMOTE_ADDR $remote_addr;
      fastcgi_param REMOTE_PORT $remote_port;
      fastcgi_param REMOTE_USER $remote_user;
      fastcgi_param SERVER_ADDR $server_addr;
      fastcgi_param SERVER_PORT $server_port;
      fastcgi_param SERVER_NAME $server_name;
      fastcgi_param REDIRECT_STATUS 200;`

// nginxConf is nginx as its documentation tunes it: no access log, sendfile,
// enough connections, keep-alive limits out of the way, backend connections
// kept where that is asked for.
func nginxConf(s Setup, addr string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `daemon off;
worker_processes %d;
worker_rlimit_nofile %d;
pid nginx.pid;
error_log stderr warn;
events { worker_connections %d; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  types { text/plain txt; }
  client_body_temp_path tmp_body;
  proxy_temp_path tmp_proxy;
  fastcgi_temp_path tmp_fastcgi;
  uwsgi_temp_path tmp_uwsgi;
  scgi_temp_path tmp_scgi;
`, s.Workers, max(16384, 2*s.Clients), max(4096, 2*s.Clients))
	if s.Backend.Socket != "" {
		fmt.Fprintf(&b, "  upstream app {\n    server unix:%s;\n", s.Backend.Socket)
		if s.Backend.Keep {
			fmt.Fprintf(&b, "    keepalive %d;\n    keepalive_requests 100000000;\n", s.Backend.Conns)
		}
		b.WriteString("  }\n")
	}
	fmt.Fprintf(&b, "  server {\n    listen %s backlog=4096;\n    root %s;\n    location / { }\n", addr, s.Root)
	if s.Backend.Socket != "" {
		fmt.Fprintf(&b, "    location ~ \\.php$ {\n      fastcgi_pass app;\n      fastcgi_keep_conn %s;%s\n    }\n", onOff(s.Backend.Keep), stockParams)
	}
	b.WriteString("  }\n}\n")
	return b.String()
}

// caddyfile passes the same requests straight to the responder, without the
// file lookups that php_fastcgi adds.
func caddyfile(s Setup, addr string) string {
	host, port, _ := strings.Cut(addr, ":")
	var b strings.Builder
	fmt.Fprintf(&b, `{
	admin off
	auto_https off
	persist_config off
	log {
		level ERROR
	}
}
http://:%s {
	bind %s
	root * %s
`, port, host, s.Root)
	if s.Backend.Socket != "" {
		fmt.Fprintf(&b, "\t@php path *.php\n\treverse_proxy @php unix/%s {\n\t\ttransport fastcgi {\n\t\t\tsplit .php\n\t\t}\n\t}\n", s.Backend.Socket)
	}
	b.WriteString("\tfile_server\n}\n")
	return b.String()
}

// fcgigwTOML is fcgigw with its defaults, but for the access log.
func fcgigwTOML(s Setup, addr string) string {
	var b strings.Builder
	if s.TempDir != "" {
		fmt.Fprintf(&b, "[gateway]\ntemp_dir = %q\n\n", s.TempDir)
	}
	access := cmp.Or(s.AccessLog, "off")
	fmt.Fprintf(&b, `[log]
level = "warn"
access = %q

[[site]]
listen = [%q]
root = %q
scripts = %s
`, access, addr, s.Root, tomlArray(append([]string{"/index.php"}, s.Scripts...)))
	if s.Backend.Socket != "" {
		b.WriteString("\n[[site.location]]\nmatch = '~ \\.php$'\nbackend = \"app\"\n")
	}
	b.WriteString("\n[[site.location]]\nmatch = \"/\"\n")
	if s.Backend.Socket != "" {
		fmt.Fprintf(&b, "\n[backend.app]\nservers = [%q]\nmax_conns = %d\nmultiplex = %q\n", s.Backend.server(), s.Backend.Conns, s.Backend.multiplex())
		if s.Backend.Multiplex {
			b.WriteString("streams = 64\n")
		}
		if s.BackendLines != "" {
			b.WriteString(s.BackendLines + "\n")
		}
	}
	return b.String()
}

// tomlArray writes strings without quotes or controls in them, which %q and
// TOML write alike.
func tomlArray(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strconv.Quote(v)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// server is the responder's address as fcgigw writes it.
func (b Backend) server() string {
	if filepath.IsAbs(b.Socket) {
		return "unix:" + b.Socket
	}
	return b.Socket
}

// multiplex is the value of fcgigw's key of that name.
func (b Backend) multiplex() string {
	if b.Ask {
		return "auto"
	}
	return onOff(b.Multiplex)
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}
