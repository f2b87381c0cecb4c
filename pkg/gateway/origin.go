package gateway

import (
	"fmt"

	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/forwarded"
)

// origins is what a generation believes of the way that requests come.
type origins struct {
	policy *forwarded.Policy // nil: nobody is believed
	always bool              // the policy has to see every request
	traces bool              // requests that are in no trace begin one
}

func newOrigins(cfg *config.Config) (origins, error) {
	h := &cfg.HTTP
	p, err := forwarded.New(forwarded.Config{
		Proxies: h.TrustedProxies, Header: h.ClientIPHeader, Host: h.ForwardedHost,
	})
	if err != nil {
		return origins{}, config.NewError(cfg.At("http.trusted_proxies"), fmt.Sprintf("trusted_proxies: %v", err))
	}
	return origins{policy: p, always: p.Named(), traces: h.Traceparent == "start"}, nil
}

// name gives the request its identifier and its place in a trace, and finds out
// who it is from. What the client says of all that goes off the request.
func (v *visit) name() {
	x, o := v.x, &v.gen.origins
	id := newID(x)
	x.Trace.SetID(id)
	if o.traces {
		// The identifier is random enough for both; a trace of ours is one to record,
		// as every request is in the access log.
		x.Trace.Span = exchange.Span{Trace: id, ID: id[16:], Flags: 1}
	}
	if found := forwarded.Look(&x.Request.Header); found != 0 || o.always {
		v.told(found, id)
	}
}

// told looks at what the request says of itself.
func (v *visit) told(found forwarded.Fields, id []byte) {
	x, o := v.x, &v.gen.origins
	h := &x.Request.Header
	believed := o.policy.Trusts(x.Request.Conn.Peer)
	if found&forwarded.RequestID != 0 {
		if theirs := forwarded.TakeID(h); theirs != nil && believed {
			x.Trace.SetID(theirs)
		}
	}
	if found&forwarded.Trace != 0 {
		if trace, flags := forwarded.TakeTrace(h); trace != nil {
			x.Trace.Span = exchange.Span{Trace: trace, ID: id[16:], Flags: flags}
		}
	}
	if found&forwarded.Way == 0 && !o.always {
		return
	}
	if !believed {
		v.unbelieved()
	}
	if v.origin == nil {
		v.origin = new(forwarded.Origin)
	}
	o.policy.Follow(x, v.origin)
}

// unbelieved says once that there seems to be a proxy of the operator's own:
// without trusted_proxies the application takes it for every client.
func (v *visit) unbelieved() {
	peer := v.x.Request.Conn.Peer
	if peer.IsValid() && !peer.Addr().IsPrivate() && !peer.Addr().IsLoopback() {
		return
	}
	if v.gen.proxySeen.Load() || !v.gen.proxySeen.CompareAndSwap(false, true) {
		return
	}
	v.g.log.Warn("a proxy that is not trusted seems to stand before the gateway; what it says of its clients is dropped",
		zap.ByteString("peer", v.x.Request.Conn.PeerAddr),
		zap.String("hint", `name it in http.trusted_proxies, such as ["10.0.0.0/8"] or ["unix"], if its clients' addresses and https are to reach the application`))
}
