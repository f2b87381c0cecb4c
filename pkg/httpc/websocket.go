package httpc

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
)

// WebSocketKeyLen is the length of a Sec-WebSocket-Key.
const WebSocketKeyLen = 24

// AppendWebSocketKey appends a new Sec-WebSocket-Key (RFC 6455 section 4.1), for
// a request that has none because it came by extended CONNECT (RFC 8441 section
// 5).
func AppendWebSocketKey(dst []byte) []byte {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return base64.StdEncoding.AppendEncode(dst, nonce[:])
}

// WebSocketAccept returns what a server answers key with in Sec-WebSocket-Accept
// (RFC 6455 section 4.2.2).
func WebSocketAccept(key []byte) string {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	sum := sha1.Sum(append(append([]byte(nil), key...), guid...))
	return base64.StdEncoding.EncodeToString(sum[:])
}
