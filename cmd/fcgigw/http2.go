package main

import (
	"net"

	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http2"
	"github.com/fcgigw/fcgigw/pkg/server"
)

// newHTTP2 makes sessions of the connections that speak HTTP/2.
func (a *app) newHTTP2(cfg *config.Config) {
	a.http2 = http2.New(http2Config(cfg), a.gateway, a.sweeper, http2.Events{
		Refused: a.gateway.Refused,
		Panic:   a.gateway.Panic,
		Ended: func(info *exchange.ConnInfo, code http2.ErrCode, reason string, closed int) {
			a.log.Info("closed HTTP/2 connections for what their clients did", zap.ByteString("client", info.PeerAddr),
				zap.Uint32("code", uint32(code)), zap.String("reason", reason), zap.Int("closed", closed))
		},
	})
	a.server.SetSessions(func(nc net.Conn, first []byte, info *exchange.ConnInfo) server.Session {
		return a.http2.Session(nc, first, info)
	})
}

func http2Config(cfg *config.Config) http2.Config {
	s, h := serverConfig(cfg), &cfg.HTTP2
	return http2.Config{
		Limits: s.Limits, HeaderTimeout: s.HeaderTimeout, KeepaliveTimeout: s.KeepaliveTimeout,
		BodyTimeout: s.BodyTimeout, SendTimeout: s.SendTimeout,
		MinBodyRate: s.MinBodyRate, MinSendRate: s.MinSendRate,
		KeepaliveRequests: s.KeepaliveRequests, ServerHeader: s.ServerHeader,
		MaxStreams: h.MaxStreams, StreamWindow: int(h.StreamWindow),
		ConnWindow: int(h.ConnectionWindow), WriteBuffer: int(h.WriteBuffer),
	}
}
