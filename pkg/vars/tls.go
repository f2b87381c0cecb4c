package vars

import (
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
)

// tlsTable has the variables of a connection over TLS, with nginx's names. All
// are empty on a plain one.
func tlsTable() map[string]variable {
	return map[string]variable{
		"ssl_protocol":            {value: ofTLS(AppendTLSVersion)},
		"ssl_cipher":              {value: ofTLS(AppendCipher)},
		"ssl_curve":               {value: ofTLS(func(dst []byte, s *tls.ConnectionState) []byte { return append(dst, s.CurveID.String()...) })},
		"ssl_alpn_protocol":       {value: ofTLS(func(dst []byte, s *tls.ConnectionState) []byte { return append(dst, s.NegotiatedProtocol...) })},
		"ssl_server_name":         {client: true, value: ofTLS(func(dst []byte, s *tls.ConnectionState) []byte { return append(dst, s.ServerName...) })},
		"ssl_session_reused":      {value: ofTLS(appendReused)},
		"ssl_client_verify":       {value: AppendClientVerify},
		"ssl_client_s_dn":         {client: true, value: ofClient(func(dst []byte, c *x509.Certificate) []byte { return AppendDN(dst, c.RawSubject) })},
		"ssl_client_i_dn":         {client: true, value: ofClient(func(dst []byte, c *x509.Certificate) []byte { return AppendDN(dst, c.RawIssuer) })},
		"ssl_client_serial":       {client: true, value: ofClient(AppendSerial)},
		"ssl_client_fingerprint":  {value: ofClient(AppendFingerprint)},
		"ssl_client_v_start":      {client: true, value: ofClient(func(dst []byte, c *x509.Certificate) []byte { return c.NotBefore.AppendFormat(dst, certTime) })},
		"ssl_client_v_end":        {client: true, value: ofClient(func(dst []byte, c *x509.Certificate) []byte { return c.NotAfter.AppendFormat(dst, certTime) })},
		"ssl_client_escaped_cert": {client: true, value: ofClient(appendEscapedCert)},
	}
}

// certTime is how OpenSSL writes the time of a certificate.
const certTime = "Jan _2 15:04:05 2006 GMT"

func ofTLS(f func([]byte, *tls.ConnectionState) []byte) appender {
	return func(dst []byte, e *Env, _ string) []byte {
		if s := e.X.Request.Conn.TLS; s != nil {
			return f(dst, s)
		}
		return dst
	}
}

func ofClient(f func([]byte, *x509.Certificate) []byte) appender {
	return func(dst []byte, e *Env, _ string) []byte {
		if e.ClientCert != nil {
			return f(dst, e.ClientCert)
		}
		return dst
	}
}

// AppendClientVerify appends what became of the client's certificate: "SUCCESS",
// "NONE" without one, nothing on a plain connection. A request whose certificate
// is not good never gets as far.
func AppendClientVerify(dst []byte, e *Env, _ string) []byte {
	switch {
	case e.ClientCert != nil:
		return append(dst, "SUCCESS"...)
	case e.X.Request.Conn.TLS != nil:
		return append(dst, "NONE"...)
	}
	return dst
}

// AppendTLSVersion appends the version as OpenSSL names it: "TLSv1.3".
func AppendTLSVersion(dst []byte, s *tls.ConnectionState) []byte {
	switch s.Version {
	case tls.VersionTLS13:
		return append(dst, "TLSv1.3"...)
	case tls.VersionTLS12:
		return append(dst, "TLSv1.2"...)
	}
	return append(dst, tls.VersionName(s.Version)...)
}

// AppendCipher appends the cipher suite as OpenSSL names it.
func AppendCipher(dst []byte, s *tls.ConnectionState) []byte {
	switch s.CipherSuite {
	case tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:
		return append(dst, "ECDHE-ECDSA-AES128-GCM-SHA256"...)
	case tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:
		return append(dst, "ECDHE-ECDSA-AES256-GCM-SHA384"...)
	case tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256:
		return append(dst, "ECDHE-ECDSA-CHACHA20-POLY1305"...)
	case tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA:
		return append(dst, "ECDHE-ECDSA-AES128-SHA"...)
	case tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:
		return append(dst, "ECDHE-ECDSA-AES256-SHA"...)
	case tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:
		return append(dst, "ECDHE-RSA-AES128-GCM-SHA256"...)
	case tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
		return append(dst, "ECDHE-RSA-AES256-GCM-SHA384"...)
	case tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:
		return append(dst, "ECDHE-RSA-CHACHA20-POLY1305"...)
	case tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA:
		return append(dst, "ECDHE-RSA-AES128-SHA"...)
	case tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA:
		return append(dst, "ECDHE-RSA-AES256-SHA"...)
	}
	return append(dst, tls.CipherSuiteName(s.CipherSuite)...) // the same in TLS 1.3
}

// appendReused appends "r" for a resumed session and "." for a new one.
func appendReused(dst []byte, s *tls.ConnectionState) []byte {
	if s.DidResume {
		return append(dst, 'r')
	}
	return append(dst, '.')
}

// AppendSerial appends a certificate's serial number in upper-case hex, two
// digits a byte.
func AppendSerial(dst []byte, c *x509.Certificate) []byte {
	b := c.SerialNumber.Bytes()
	if len(b) == 0 {
		b = []byte{0}
	}
	if c.SerialNumber.Sign() < 0 {
		dst = append(dst, '-')
	}
	for _, x := range b {
		dst = append(dst, upperHex[x>>4], upperHex[x&15])
	}
	return dst
}

// AppendFingerprint appends the SHA-1 of a certificate in lower-case hex. It
// names certificates that were verified otherwise; nothing rests on it.
func AppendFingerprint(dst []byte, c *x509.Certificate) []byte {
	sum := sha1.Sum(c.Raw)
	return hex.AppendEncode(dst, sum[:])
}

// appendEscapedCert appends the certificate as PEM, with what cannot stand in a
// header percent-encoded.
func appendEscapedCert(dst []byte, c *x509.Certificate) []byte {
	for _, b := range pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) {
		if nameByte(b) || b == '-' {
			dst = append(dst, b)
		} else {
			dst = append(dst, '%', upperHex[b>>4], upperHex[b&15])
		}
	}
	return dst
}
