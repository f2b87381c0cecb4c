package certs

import "crypto/tls"

// Version returns the number of a version of TLS that the configuration names,
// "1.2" or "1.3".
func Version(name string) uint16 {
	if name == "1.3" {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}
