package observe

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// consoleLine appends the record of x as a person at a terminal reads it: time,
// status, method, address, duration, size, short id, what is out of the
// ordinary, the backend and the error; the application's stderr follows on lines
// of its own. Nothing a client or an application sent reaches the terminal but
// as printable text.
func consoleLine(b []byte, x *exchange.Exchange, status int, now time.Time, color bool) []byte {
	r, t := &x.Request, &x.Trace
	b = now.AppendFormat(b, "15:04:05.000 ")
	b = appendColored(b, strconv.Itoa(status), statusColor(status), color)
	b = append(b, ' ')
	b = appendPrintable(b, orDefault(str(r.Method), "-"))
	b = append(b, ' ')
	b = appendPrintable(b, str(r.Authority))
	b = appendPrintable(b, orDefault(str(r.Target), "-"))
	b = append(b, ' ')
	b = appendShort(b, now.Sub(t.Start))
	b = append(b, ' ')
	b = strconv.AppendInt(b, x.Sink.Sent(), 10)
	b = append(b, 'B')
	if id := str(t.ID()); id != "" {
		b = append(b, ' ')
		b = appendPrintable(b, id[:min(len(id), shortID)])
		if len(id) > shortID {
			b = append(b, "…"...)
		}
	}
	return appendUnusual(b, t, color)
}

// shortID is how many bytes of a request's id are enough to find it.
const shortID = 8

// appendUnusual appends the part of a line that plain requests do not have.
func appendUnusual(b []byte, t *exchange.Trace, color bool) []byte {
	if len(t.User) > 0 {
		b = append(b, " user="...)
		b = appendPrintable(b, str(t.User))
	}
	b = appendTime(b, " authorized=", t.Authorized)
	b = appendTime(b, " queue=", t.Queue)
	b = appendTime(b, " connect=", t.Connect)
	if t.Tries > 1 {
		b = strconv.AppendInt(append(b, " tries="...), int64(t.Tries), 10)
	}
	if t.AppStatus != 0 {
		b = strconv.AppendInt(append(b, " app_status="...), int64(t.AppStatus), 10)
	}
	if t.Backend != "" {
		b = append(b, ' ')
		b = appendPrintable(b, t.Backend)
	}
	if t.Err != nil {
		b = appendColored(b, " error="+strconv.Quote(t.Err.Error()), red, color)
	}
	b = append(b, '\n')
	for _, line := range t.Stderr {
		b = append(b, "    stderr: "...)
		b = appendPrintable(b, line)
		b = append(b, '\n')
	}
	if t.StderrDropped > 0 {
		b = strconv.AppendInt(append(b, "    stderr: and "...), t.StderrDropped, 10)
		b = append(b, " bytes more\n"...)
	}
	return b
}

// appendTime appends a duration that is worth a look.
func appendTime(b []byte, name string, d time.Duration) []byte {
	if d < 100*time.Microsecond {
		return b
	}
	return appendShort(append(b, name...), d)
}

// appendShort appends d with one decimal, in milliseconds or seconds.
func appendShort(b []byte, d time.Duration) []byte {
	if d < time.Second {
		return append(strconv.AppendFloat(b, float64(d)/float64(time.Millisecond), 'f', 1, 64), "ms"...)
	}
	return append(strconv.AppendFloat(b, d.Seconds(), 'f', 1, 64), 's')
}

// Colours of a terminal (ECMA-48 SGR).
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func statusColor(status int) string {
	switch {
	case status >= 500:
		return red
	case status >= 400:
		return yellow
	case status >= 300:
		return cyan
	}
	return green
}

func appendColored(b []byte, s, sgr string, color bool) []byte {
	if !color {
		return append(b, s...)
	}
	b = append(b, "\x1b["+sgr+"m"...)
	b = append(b, s...)
	return append(b, "\x1b[0m"...)
}

// appendPrintable appends s with everything escaped that a terminal could act
// on.
func appendPrintable(b []byte, s string) []byte {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1: // no UTF-8
			b = append(b, '\\', 'x', hexDigits[s[0]>>4], hexDigits[s[0]&15])
		case strconv.IsPrint(r):
			b = append(b, s[:n]...)
		default:
			q := strconv.AppendQuoteRuneToASCII(nil, r)
			b = append(b, q[1:len(q)-1]...)
		}
		s = s[n:]
	}
	return b
}

const hexDigits = "0123456789abcdef"

// writeConsole writes the record of x as a line for people.
func (a *accessLog) writeConsole(x *exchange.Exchange, status int) {
	_, _ = a.out.Write(consoleLine(nil, x, status, time.Now(), a.color)) // a lost record must not cost a request
}
