package upstream

// Retry is a set of failures after which a request is sent again, as long as
// nothing of a reply has gone to the client.
type Retry uint16

// The failures. The first four are the safe ones: after RetryRefused,
// RetryClosed and RetryOverloaded it is certain that the application has not
// seen the request, so that every method is repeated. After all others it may
// have run, so that only idempotent methods are (RFC 9110 section 9.2.2), unless
// RetryNonIdempotent is in the set.
const (
	// RetryRefused: no connection could be made. Nothing was sent.
	RetryRefused Retry = 1 << iota
	// RetryClosed: a connection ended before the request was sent, or in a way
	// that shows that nobody took it (fcgi.Progress.Withheld).
	RetryClosed
	// RetryStale: a kept connection ended without a byte of a reply, or began
	// with what was left of the one before; or a new one was reset, as happens
	// when a server ends that has not accepted it.
	RetryStale
	// RetryOverloaded: the server answered FCGI_OVERLOADED, FCGI_CANT_MPX_CONN
	// or FCGI_UNKNOWN_ROLE: it did not begin the request.
	RetryOverloaded
	// RetryError: any connection ended before the head of a reply was complete.
	RetryError
	// RetryTimeout: the server took or sent nothing in time, before the head of
	// a reply was complete.
	RetryTimeout
	// RetryInvalid: what came makes no sense, before the head was complete.
	RetryInvalid
	// RetryHTTP403 and so on: the application answered with that status, and
	// there is a server that was not asked yet. The last answer is passed on.
	RetryHTTP403
	RetryHTTP404
	RetryHTTP429
	RetryHTTP500
	RetryHTTP502
	RetryHTTP503
	RetryHTTP504
	// RetryNonIdempotent is no failure: methods that are not idempotent are
	// repeated after all failures of the set.
	RetryNonIdempotent
)

// RetrySafe is what may be repeated without asking the application's author.
const RetrySafe = RetryRefused | RetryClosed | RetryStale | RetryOverloaded

// retryUnseen are the failures that no application has seen the request of.
const retryUnseen = RetryRefused | RetryClosed | RetryOverloaded

// RetryNamed returns the failure that a configuration calls name; 0 if there is
// none of that name.
func RetryNamed(name string) Retry {
	return map[string]Retry{
		"refused": RetryRefused, "closed": RetryClosed, "stale": RetryStale, "overloaded": RetryOverloaded,
		"error": RetryError, "timeout": RetryTimeout, "invalid_header": RetryInvalid,
		"http_403": RetryHTTP403, "http_404": RetryHTTP404, "http_429": RetryHTTP429,
		"http_500": RetryHTTP500, "http_502": RetryHTTP502, "http_503": RetryHTTP503, "http_504": RetryHTTP504,
		"non_idempotent": RetryNonIdempotent,
	}[name]
}

// retryStatus returns the failure that a status of a reply is.
func retryStatus(status int) Retry {
	switch status {
	case 403:
		return RetryHTTP403
	case 404:
		return RetryHTTP404
	case 429:
		return RetryHTTP429
	case 500:
		return RetryHTTP500
	case 502:
		return RetryHTTP502
	case 503:
		return RetryHTTP503
	case 504:
		return RetryHTTP504
	}
	return 0
}
