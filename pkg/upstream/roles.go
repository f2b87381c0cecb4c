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
