package gateway

import "github.com/fcgigw/fcgigw/pkg/exchange"

// buildEarlyHints makes the fields of the location's 103 response (RFC 8297),
// which all its requests share.
func buildEarlyHints(l *location) {
	if len(l.cfg.EarlyHints) == 0 {
		return
	}
	l.early = new(exchange.Header)
	for _, link := range l.cfg.EarlyHints {
		l.early.AddString("Link", link)
	}
}

// earlyHints tells a browser what the page will need, before the backend is
// asked for it.
func (v *visit) earlyHints() error {
	if !wantsEarlyHints(&v.x.Request) {
		return nil
	}
	return v.x.Sink.Interim(103, v.loc.early)
}

// wantsEarlyHints reports whether the request opens a page in a browser. On
// HTTP/1.1 only a browser that says so is sent an interim response: there are
// clients that take one for the answer.
func wantsEarlyHints(r *exchange.Request) bool {
	if string(r.Method) != "GET" {
		return false
	}
	mode := r.Header.Get("sec-fetch-mode")
	return string(mode) == "navigate" || mode == nil && r.Major >= 2
}
