package vars

import (
	"strconv"
	"time"
)

// responseTable has the variables that mean something once there is a response.
func responseTable() map[string]variable {
	return map[string]variable{
		"status":                 {value: appendStatus},
		"body_bytes_sent":        {value: appendSent},
		"request_time":           {value: appendRequestTime},
		"upstream_response_time": {value: appendUpstreamTime},
	}
}

func appendStatus(dst []byte, e *Env, _ string) []byte {
	s := e.X.Response.Status
	return append(dst, '0'+byte(s/100%10), '0'+byte(s/10%10), '0'+byte(s%10))
}

func appendSent(dst []byte, e *Env, _ string) []byte {
	if e.X.Sink == nil {
		return append(dst, '0')
	}
	return strconv.AppendInt(dst, e.X.Sink.Sent(), 10)
}

func appendRequestTime(dst []byte, e *Env, _ string) []byte {
	if e.X.Trace.Start.IsZero() {
		return append(dst, "0.000"...)
	}
	return appendMillis(dst, e.now().Sub(e.X.Trace.Start).Milliseconds())
}

func appendUpstreamTime(dst []byte, e *Env, _ string) []byte {
	if e.X.Trace.Tries == 0 {
		return dst
	}
	return appendMillis(dst, e.X.Trace.Upstream.Milliseconds())
}

// timeTable has the variables of the clock.
func timeTable() map[string]variable {
	return map[string]variable{
		"time_iso8601": {value: func(dst []byte, e *Env, _ string) []byte {
			return e.now().AppendFormat(dst, "2006-01-02T15:04:05-07:00")
		}},
		"time_local": {value: func(dst []byte, e *Env, _ string) []byte {
			return e.now().AppendFormat(dst, "02/Jan/2006:15:04:05 -0700")
		}},
		"msec": {value: func(dst []byte, e *Env, _ string) []byte {
			return appendMillis(dst, e.now().UnixMilli())
		}},
	}
}

// appendMillis appends ms as seconds with three decimals; below zero is zero.
func appendMillis(dst []byte, ms int64) []byte {
	ms = max(ms, 0)
	dst = strconv.AppendInt(dst, ms/int64(time.Second/time.Millisecond), 10)
	return append(dst, '.', '0'+byte(ms/100%10), '0'+byte(ms/10%10), '0'+byte(ms%10))
}
