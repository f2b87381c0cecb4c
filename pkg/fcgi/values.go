package fcgi

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// Names of the variables a client may ask for (section 4.1).
const (
	VarMaxConns  = "FCGI_MAX_CONNS"
	VarMaxReqs   = "FCGI_MAX_REQS"
	VarMpxsConns = "FCGI_MPXS_CONNS"
)

// defaultValuesWait bounds GetValues on a Conn without ReadTimeout.
const defaultValuesWait = 5 * time.Second

// Values is what a backend says about itself (section 4.1). php-fpm answers
// Mpxs false and leaves the rest out.
type Values struct {
	MaxConns  int  // connections it accepts at a time; 0: not said
	MaxReqs   int  // requests it serves at a time; 0: not said
	Mpxs      bool // it serves several requests on one connection
	MpxsKnown bool // Mpxs was said
}

// AppendGetValues appends a GET_VALUES record that asks for names (section
// 4.1). It panics when they exceed one record.
func AppendGetValues(dst []byte, names ...string) []byte {
	var content []byte
	for _, n := range names {
		content = AppendPair(content, n, "")
	}
	return AppendRecord(dst, TypeGetValues, 0, content)
}

// ParseValues reads the content of a GET_VALUES_RESULT record. Names it does
// not know are passed over; numbers that are none count as not said. It
// returns ErrPair for malformed content.
func ParseValues(content []byte) (Values, error) {
	var v Values
	err := eachPair(content, func(name, value string) {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return
		}
		switch name {
		case VarMaxConns:
			v.MaxConns = n
		case VarMaxReqs:
			v.MaxReqs = n
		case VarMpxsConns:
			v.Mpxs, v.MpxsKnown = n == 1, true
		}
	})
	return v, err
}

func eachPair(b []byte, f func(name, value string)) error {
	for len(b) > 0 {
		name, value, rest, err := NextPair(b)
		if err != nil {
			return err
		}
		f(string(name), string(value))
		b = rest
	}
	return nil
}

// Probe asks the backend behind the idle connection nc what it supports and
// waits at most timeout, which must be positive. nc may be used for requests
// afterwards unless an error is returned: ErrReadTimeout, ErrStale,
// ErrTruncated or *ProtocolError. A backend that answers UNKNOWN_TYPE gives
// the zero Values.
//
// php-fpm spends a worker on every open connection, this one included. libfcgi
// does not answer: it waits for more of what it takes to be a stream.
func Probe(nc net.Conn, timeout time.Duration) (Values, error) {
	content, err := askValues(nc, timeout, VarMaxConns, VarMaxReqs, VarMpxsConns)
	if err != nil {
		return Values{}, err
	}
	v, err := ParseValues(content)
	if err != nil {
		return Values{}, &ProtocolError{What: "malformed pairs", Type: TypeGetValuesResult}
	}
	return v, nil
}

// GetValues asks the backend for the named variables on the idle connection
// and returns those it knows; nil if it does not know GET_VALUES. It waits at
// most Config.ReadTimeout, or 5 seconds without one. Errors are those of Probe
// and close the connection.
func (c *Conn) GetValues(names ...string) (map[string]string, error) {
	if !c.Reusable() {
		return nil, ErrClosed
	}
	wait := c.cfg.ReadTimeout
	if wait <= 0 {
		wait = defaultValuesWait
	}
	values, err := getValues(c.nc, wait, names)
	if err != nil {
		c.usable = false
		c.Close()
	}
	return values, err
}

func getValues(nc net.Conn, wait time.Duration, names []string) (map[string]string, error) {
	content, err := askValues(nc, wait, names...)
	if err != nil || content == nil {
		return nil, err
	}
	values := make(map[string]string)
	if eachPair(content, func(n, v string) { values[n] = v }) != nil {
		return nil, &ProtocolError{What: "malformed pairs", Type: TypeGetValuesResult}
	}
	return values, nil
}

// askValues returns the content of the answer, nil if it was UNKNOWN_TYPE.
func askValues(nc net.Conn, timeout time.Duration, names ...string) ([]byte, error) {
	if err := nc.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, ErrClosed
	}
	if _, err := nc.Write(AppendGetValues(nil, names...)); err != nil {
		return nil, valuesError(false, err)
	}
	part, err := readAnswer(nc)
	if err != nil {
		return nil, err
	}
	if err := nc.SetDeadline(time.Time{}); err != nil {
		return nil, ErrClosed
	}
	if part.Type == TypeUnknownType {
		return nil, nil
	}
	if part.Payload == nil {
		return []byte{}, nil
	}
	return part.Payload, nil
}

// readAnswer reads the one management record that must come, and nothing more.
func readAnswer(nc net.Conn) (Part, error) {
	buf := make([]byte, 0, MinParse)
	for {
		n, err := nc.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		part, used, perr := new(Parser).Next(buf)
		switch {
		case perr != nil:
			return Part{}, perr
		case part.Type != 0 && !management(part):
			return Part{}, &ProtocolError{What: "unexpected answer to GET_VALUES", ID: part.ID, Type: part.Type}
		case part.Type != 0 && !onlyEnds(buf[used:]):
			return Part{}, &ProtocolError{What: "data behind the answer", ID: part.ID, Type: part.Type}
		case part.Type != 0:
			return part, nil
		case err != nil:
			return Part{}, valuesError(len(buf) > 0, err)
		}
	}
}

// onlyEnds says whether b holds nothing but empty GET_VALUES_RESULT records:
// Go's net/http/fcgi ends its answer by one, as if it were a stream. If that
// comes later it meets a reply, where management records are passed over.
func onlyEnds(b []byte) bool {
	for len(b) > 0 {
		part, used, err := new(Parser).Next(b)
		if err != nil || part.Type != TypeGetValuesResult || !part.EOS {
			return false
		}
		b = b[used:]
	}
	return true
}

func valuesError(received bool, err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: no answer to GET_VALUES", ErrReadTimeout)
	case errors.Is(err, net.ErrClosed):
		return ErrClosed
	}
	return broken(received, err)
}
