package vars

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
)

// AppendDN appends a distinguished name as RFC 2253 writes it, the most specific
// part first, from its DER form. As with OpenSSL everything that is no printable
// ASCII is escaped, so that names of any alphabet are one line.
func AppendDN(dst, der []byte) []byte {
	var seq pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &seq); err != nil || len(rest) > 0 {
		return dst
	}
	for i := len(seq) - 1; i >= 0; i-- {
		for j, a := range seq[i] {
			switch {
			case j > 0:
				dst = append(dst, '+')
			case i < len(seq)-1:
				dst = append(dst, ',')
			}
			dst = appendAttribute(dst, a)
		}
	}
	return dst
}

func appendAttribute(dst []byte, a pkix.AttributeTypeAndValue) []byte {
	name := attributeName(a.Type)
	text, ok := a.Value.(string)
	if name != "" && ok {
		return appendDNText(append(append(dst, name...), '='), text)
	}
	if name == "" {
		name = a.Type.String()
	}
	dst = append(append(dst, name...), '=', '#')
	der, err := asn1.Marshal(a.Value)
	if err != nil {
		return dst
	}
	return hex.AppendEncode(dst, der)
}

// attributeName returns OpenSSL's short name of an attribute, or "".
func attributeName(id asn1.ObjectIdentifier) string {
	return map[string]string{
		"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L",
		"2.5.4.8": "ST", "2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title",
		"2.5.4.17": "postalCode", "2.5.4.42": "GN", "2.5.4.43": "initials", "2.5.4.97": "organizationIdentifier",
		"1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
	}[id.String()]
}

// appendDNText escapes as RFC 2253, 2.4 has it.
func appendDNText(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		switch {
		case c < ' ' || c >= 0x7f:
			dst = fmt.Appendf(dst, `\%02X`, c)
		case c == ',' || c == '+' || c == '"' || c == '\\' || c == '<' || c == '>' || c == ';',
			c == '#' && i == 0, c == ' ' && (i == 0 || i == len(s)-1):
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
