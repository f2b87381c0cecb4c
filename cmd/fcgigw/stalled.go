package main

import (
	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// stalledCut tells of a connection that was cut to get descriptors back.
func (a *app) stalledCut(info *exchange.ConnInfo, requests int) {
	a.log.Warn("out of file descriptors: cut the connection with most requests that wait for their client", zap.ByteString("client", info.PeerAddr),
		zap.Int("requests", requests), zap.String("hint", "raise LimitNOFILE (ulimit -n), or lower max_connections, and max_streams in [http2] and [http3]; min_send_rate in [http] ends clients that hardly read"))
}

// cutQUIC cuts the HTTP/3 connection with most responses that wait for their
// client, if they are more than atLeast.
func (a *app) cutQUIC(atLeast int) bool {
	info, responses := a.quic.server.CutStalled(atLeast)
	if info == nil {
		return false
	}
	a.stalledCut(info, responses)
	return true
}
