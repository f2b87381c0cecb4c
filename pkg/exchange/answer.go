package exchange

import "runtime/debug"

// allow lists the methods that may reach a handler.
const allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// What follows are the answers that listeners give by themselves. Errors of the
// sink are not told: it has not come to StageDone then.

// AnswerText gives x a short text as its response, by s.
func AnswerText(x *Exchange, s Sink, status int, text string) {
	r := &x.Response
	r.Status = status
	r.Header.AddString("Content-Type", "text/plain; charset=utf-8")
	if status == 405 {
		r.Header.AddString("Allow", allow)
	}
	body := append([]byte(text), '\n')
	r.ContentLength = int64(len(body))
	if s.Start(r) == nil {
		_ = s.Write(body, true)
	}
}

// AnswerOptions answers "OPTIONS *", which asks about the server and not about
// any site (RFC 9110 section 9.3.7).
func AnswerOptions(x *Exchange, s Sink) {
	r := &x.Response
	r.Status = 204
	r.Header.AddString("Allow", allow)
	if s.Start(r) == nil {
		_ = s.Write(nil, true)
	}
}

// AnswerPanic ends x when its handler has panicked with value: it is reported,
// if report is not nil, and the client gets a 500, for which renew makes a new
// response of s, or sees that what it got is not complete. It is for the
// goroutine that panicked, before its stack is gone.
func AnswerPanic(x *Exchange, s Sink, value any, report func(*Exchange, any, []byte), renew func()) {
	if report != nil {
		report(x, value, debug.Stack())
	}
	x.Sink = s // the handler may have left another
	if s.Started() {
		s.Abort()
		return
	}
	renew()
	x.Response.Reset()
	AnswerText(x, s, 500, "internal error")
}
