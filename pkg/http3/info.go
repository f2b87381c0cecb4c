package http3

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/quic-go/quic-go"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// connIDs keeps the numbers of our connections apart from those of TCP.
const connIDs = 1 << 40

func connInfo(qc *quic.Conn, id uint64, listen string) exchange.ConnInfo {
	state := qc.ConnectionState().TLS
	info := exchange.ConnInfo{ID: id, Scheme: "https", Listen: listen, TLS: &state}
	info.Peer, info.PeerAddr, info.PeerPort = addrText(qc.RemoteAddr())
	info.Local, info.LocalAddr, info.LocalPort = addrText(qc.LocalAddr())
	return info
}

// addrText gives an address its texts.
func addrText(a net.Addr) (ap netip.AddrPort, addr, port []byte) {
	udp, ok := a.(*net.UDPAddr)
	if !ok {
		return ap, nil, nil
	}
	ap = udp.AddrPort()
	ap = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	return ap, []byte(ap.Addr().WithZone("").String()), strconv.AppendUint(nil, uint64(ap.Port()), 10)
}
