package http2

// fieldKind sorts response fields by what the encoder does with them.
type fieldKind uint8

const (
	fieldOther   fieldKind = iota
	fieldFraming           // of an HTTP/1 connection, or the sink's business: left out
	fieldDate
	fieldServer
	fieldSecret // never to be indexed by anyone
)

// fieldIndex returns where the static table has a name (RFC 7541 appendix A; 0:
// nowhere) and what kind of field it is. name is in lower case.
func fieldIndex(name []byte) (uint8, fieldKind) {
	switch string(name) {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding",
		"upgrade", "trailer", "content-length", "te":
		return 0, fieldFraming
	case "date":
		return indexDate, fieldDate
	case "server":
		return indexServer, fieldServer
	case "set-cookie":
		return 55, fieldSecret
	}
	return commonIndex(name), fieldOther
}

func commonIndex(name []byte) uint8 {
	switch string(name) {
	case "accept-ranges":
		return 18
	case "access-control-allow-origin":
		return 20
	case "age":
		return 21
	case "allow":
		return 22
	case "cache-control":
		return 24
	case "content-disposition":
		return 25
	case "content-encoding":
		return 26
	case "content-language":
		return 27
	case "content-location":
		return 29
	case "content-range":
		return 30
	case "content-type":
		return 31
	case "etag":
		return 34
	case "expires":
		return 36
	case "last-modified":
		return 44
	case "link":
		return 45
	case "location":
		return 46
	case "refresh":
		return 52
	case "retry-after":
		return 53
	case "strict-transport-security":
		return 56
	case "vary":
		return 59
	case "via":
		return 60
	case "www-authenticate":
		return 61
	}
	return 0
}
