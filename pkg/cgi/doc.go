// Package cgi is the meaning that FastCGI, SCGI and uwsgi share: how a request
// becomes CGI/1.1 variables (RFC 3875 section 4) and how the head of a script's
// output becomes a response (section 6).
//
// # Variables
//
// One variable of each name is sent, whatever the client sends: its headers
// only ever become HTTP_*, never a bare name. The set is that which php-fpm's
// applications know from nginx:
//
//	GATEWAY_INTERFACE  CGI/1.1
//	SERVER_SOFTWARE    Config.Software
//	SERVER_PROTOCOL    HTTP/1.1, HTTP/2.0
//	SERVER_NAME        Config.ServerName, else the host asked for, else our address
//	SERVER_ADDR, SERVER_PORT  of the listener, never from Host
//	REQUEST_METHOD
//	REQUEST_SCHEME     http or https
//	HTTPS              "on" over TLS, else absent
//	REQUEST_URI        target as it came, in origin form
//	DOCUMENT_URI       the whole decoded path as it is now
//	QUERY_STRING       always present
//	DOCUMENT_ROOT, SCRIPT_FILENAME, SCRIPT_NAME
//	PATH_INFO          always present
//	PATH_TRANSLATED    only with a PATH_INFO
//	CONTENT_TYPE       always present
//	CONTENT_LENGTH     empty without a body, else its true length
//	REMOTE_ADDR, REMOTE_PORT
//	REDIRECT_STATUS    200
//	REQUEST_ID         the gateway's identifier of the request, HTTP_X_REQUEST_ID too
//	HTTP_TRACEPARENT   its place in a distributed trace, if it is in one
//	HTTP_HOST          host and port asked for; absolute form over Host
//	HTTP_*             the other headers, see below
//
// Headers of one name are joined with ", ", Cookie with "; ". Of two names that
// fold to the same variable the one written with '-' only is taken. Proxy,
// Content-Type, Content-Length, Host, X-Request-ID and traceparent are not
// copied; the last two are replaced by the gateway's own. REMOTE_USER and
// AUTH_TYPE are not set, since nobody has checked Authorization here;
// HTTP_AUTHORIZATION is. An authorizer (FastCGI section 6.3) may add variables,
// these among them: Settable.
//
// Where nginx differs: it passes Proxy as HTTP_PROXY, and sends a param twice
// that is set twice; its SERVER_NAME is empty without a server_name, and its
// HTTP_HOST is the Host line even when the target names another host.
//
// # Response head
//
// HeadParser is as lenient as scripts need and no more: lines end with LF or
// CRLF, no Status is 200, and 302 with a Location (a local redirect of RFC 3875
// section 6.2.2 goes to the client, as with nginx). Of several Location or
// Content-Type the first counts. Whatever could be read in two ways is an error,
// for a 502: a line without a colon, a continuation line, a control byte in a
// value, a second Status, a status outside 100 to 599, 101, a Content-Length that
// is no number or contradicts another. Connection, Keep-Alive, Proxy-Connection,
// Trailer, Transfer-Encoding and Upgrade are dropped; Content-Length becomes a
// number; X-Sendfile and X-Accel-* are set aside for the gateway. Every 1xx but
// 101 is an interim head, which another follows.
//
// Where nginx differs: it forwards lines without a colon and connection fields,
// takes any number as a status, and takes a 103 for the final response.
package cgi
