package proxy

import (
	"errors"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/upstream"
)

// errNoSwitch cannot happen with a sink that keeps what Request.Upgrade says.
var errNoSwitch = errors.New("proxy: the client's protocol cannot be switched")

// Switch implements upstream.Switcher.
func (r *reply) Switch() (exchange.Stream, error) {
	s, ok := r.x.Sink.(exchange.Switcher)
	if !ok {
		return nil, errNoSwitch
	}
	r.headed, r.switched = true, true
	return s.Switch(&r.x.Response)
}

var _ upstream.Switcher = (*reply)(nil)
