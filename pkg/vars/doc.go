// Package vars expands the $variables of the configuration, with nginx's names
// and meanings. A template is compiled when the configuration is loaded, where
// an unknown name is an error, and appended to a buffer without allocation for
// each request.
//
// "$name" and "${name}" stand for a variable; names are case-insensitive and
// consist of letters, digits and '_'. "$1" to "$9" are one digit, so "$10" is
// "$1" and a zero. A '$' that no name follows is itself; there is no other
// escape. A variable without a value is empty.
//
// The path as it is now (it changes with try_files, index and error pages):
//
//	$uri, $document_uri   decoded path
//	$args, $query_string  query, as the client sent it, without '?'
//	$is_args              "?" when $args is not empty
//	$arg_NAME             first argument NAME (in any case), not decoded
//
// The request as it came:
//
//	$request_uri          target with its query, undecoded
//	$request_method       method
//	$request_id           identifier of the request
//	$trace_id             identifier of the distributed trace that it is part of
//	$server_protocol      "HTTP/1.1", "HTTP/2.0"
//	$host                 host asked for, lower case, no port; else $server_name
//	$http_host            the same with its port, as sent; absolute form over Host
//	$http_NAME            header NAME, '-' written '_'; several joined by ", "
//	$cookie_NAME          cookie NAME (in any case)
//	$content_length       size of the body when it was announced
//	$content_type         header Content-Type
//
// The connection:
//
//	$scheme               "http" or "https"
//	$https                "on" over TLS, else empty
//	$remote_addr          client's address; $remote_port its port, empty if a proxy
//	                      does not say it
//	$realip_remote_addr   address of the other end of the socket: the client, or a
//	                      trusted proxy; $realip_remote_port its port
//	$server_addr          our address; $server_port our port: never the client's words
//	$connection           number of the connection
//
// TLS, empty on a plain connection:
//
//	$ssl_protocol         "TLSv1.3"; $ssl_cipher, $ssl_curve what was agreed on
//	$ssl_alpn_protocol    "h2", "http/1.1"; $ssl_server_name host of the handshake
//	$ssl_session_reused   "r" for a resumed session, else "."
//	$ssl_client_verify    "SUCCESS" with a certificate, else "NONE"
//	$ssl_client_s_dn      its subject, $ssl_client_i_dn its issuer (RFC 2253)
//	$ssl_client_serial, $ssl_client_fingerprint (SHA-1), $ssl_client_v_start,
//	$ssl_client_v_end, $ssl_client_escaped_cert (PEM): more of it
//
// The configuration:
//
//	$server_name          the site's first plain host name, may be empty
//	$site, $location      the site's name; the location's pattern
//	$hostname, $pid       of this machine and process, fixed when compiled
//	$1..$9                groups of the location's regular expression
//	$NAME                 named groups of the location's or the host's
//
// Files:
//
//	$document_root        local document root; $realpath_root without symlinks
//	$request_filename     local file of $uri
//	$fastcgi_script_name  script's path; $fastcgi_path_info what follows it
//	$script_filename      script's file as the worker sees it
//	$remote_root          document root as the worker sees it
//
// The response, of use once it has begun:
//
//	$status                  status code
//	$body_bytes_sent         body bytes handed to the client
//	$sent_http_NAME          response header NAME
//	$request_time            seconds since the request came, milliseconds
//	$upstream_response_time  seconds the backend took; empty without one
//
// Time: $time_iso8601, $time_local, and $msec (seconds since 1970, with
// milliseconds).
//
// Where nginx differs: its $http_host is the Host line even when the target
// names another host, and it refuses a '$' without a name.
package vars
