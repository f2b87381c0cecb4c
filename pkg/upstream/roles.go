package upstream

import "github.com/fcgigw/fcgigw/pkg/fcgi"

// Role is what the application is asked to be (FastCGI section 6).
type Role = fcgi.Role

// The roles; the zero Role is RoleResponder.
const (
	RoleResponder  = fcgi.RoleResponder
	RoleAuthorizer = fcgi.RoleAuthorizer
	RoleFilter     = fcgi.RoleFilter
)

// keepFor reports whether a private connection may be kept behind a request in
// this role. A filter may answer before it has read its data, 304 for example,
// and what it leaves would be in the way of the next request: libfcgi and
// php-fpm take it for records.
func keepFor(r Role) bool { return r != RoleFilter }
