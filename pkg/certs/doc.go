// Package certs has the certificates of all sites: from files, which it reads
// again when they change, and from ACME (RFC 8555), where it also answers the
// CA's challenges. It chooses the certificate and the rules of each handshake by
// the name that the client asks for (SNI), keeps OCSP answers at hand, and
// verifies the certificates of clients.
//
// A Store lives as long as the process. A configuration becomes a Set, which is
// prepared beside the running one and then used: listeners keep the *tls.Config
// they have, and with it the keys of session tickets.
package certs
