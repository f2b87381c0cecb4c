package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// FileError says which file cannot be used, and the configuration key that names
// it: "certificate", "certificate_key", "client_ca", "client_crl" or "ca_root".
type FileError struct {
	Key, Path string
	Err       error // why; an fs.PathError is taken apart
}

// Error returns "key: path: why".
func (e *FileError) Error() string {
	return e.Key + ": " + e.Path + ": " + e.Err.Error()
}

// Unwrap returns why.
func (e *FileError) Unwrap() error { return e.Err }

// fileError makes err one about the file at path, which it names once.
func fileError(key, path string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	return &FileError{Key: key, Path: path, Err: err}
}

// LoadPair reads a certificate with its chain and its key, which must belong
// together, from PEM files. The error is a *FileError.
func LoadPair(certFile, keyFile string) (*tls.Certificate, error) {
	certPEM, err := readFile(certFile)
	if err != nil {
		return nil, fileError("certificate", certFile, err)
	}
	keyPEM, err := readFile(keyFile)
	if err != nil {
		return nil, fileError("certificate_key", keyFile, err)
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, whyNoPair(certFile, keyFile, certPEM, keyPEM, err)
	}
	return &cert, nil
}

// whyNoPair finds out which of two files is the wrong one.
func whyNoPair(certFile, keyFile string, certPEM, keyPEM []byte, err error) error {
	list, bad := parseCertificates(certPEM)
	if bad != nil {
		if holdsKey(certPEM) {
			bad = errors.New("it holds a private key and no certificate; are the two files swapped?")
		}
		return fileError("certificate", certFile, bad)
	}
	switch {
	case isEncrypted(keyPEM):
		err = fmt.Errorf("the key is encrypted, and nobody is there to ask for the passphrase; write it without one: openssl pkey -in %s -out KEY", keyFile)
	case !holdsKey(keyPEM):
		err = errors.New("it holds no private key (PEM)")
	case ownsAnother(list, keyPEM):
		return fileError("certificate", certFile, errors.New("it begins with the certificate of an issuer; the site's own must come first, then those of its issuers"))
	case strings.Contains(err.Error(), "does not match"): // crypto/tls has no sentinel for it
		err = fmt.Errorf("the key is not that of the certificate in %s", certFile)
	}
	return fileError("certificate_key", keyFile, err)
}

// holdsKey reports whether a PEM file has a private key in it.
func holdsKey(data []byte) bool {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return true
		}
	}
	return false
}

// isEncrypted reports whether the first private key in a PEM file is encrypted,
// as PKCS #8 (RFC 5958) or in the older way of RFC 1421.
func isEncrypted(data []byte) bool {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")
		}
	}
	return false
}

// ownsAnother reports whether the key belongs to a certificate behind the first.
func ownsAnother(list []*x509.Certificate, keyPEM []byte) bool {
	for _, c := range list[1:] {
		one := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
		if _, err := tls.X509KeyPair(one, keyPEM); err == nil {
			return true
		}
	}
	return false
}
