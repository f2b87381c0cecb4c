package load

import (
	"context"
	"fmt"
	"net"
	"time"
)

// fetchTime bounds one Fetch.
const fetchTime = 10 * time.Second

// Fetch sends one request on a connection of its own and returns the answer
// with its whole body.
func Fetch(ctx context.Context, addr string, request []byte) (*Answer, error) {
	var d net.Dialer
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	defer conn.Close()
	a := &Answer{Keep: true}
	if err := exchange(conn, request, a, make([]byte, readSize)); err != nil {
		return nil, err
	}
	return a, nil
}

// exchange sends one request and reads the answer to it.
func exchange(conn net.Conn, request []byte, a *Answer, buf []byte) error {
	if err := conn.SetDeadline(time.Now().Add(fetchTime)); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if _, err := conn.Write(request); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for !a.Complete() {
		n, err := conn.Read(buf)
		if _, err := a.Feed(buf[:n]); err != nil {
			return err
		}
		if err != nil && !a.Complete() {
			return a.ended(err)
		}
	}
	return nil
}

// ended takes a read error as the end of the stream where it may be one.
func (a *Answer) ended(err error) error {
	if eof := a.EOF(); eof != nil {
		return fmt.Errorf("%w (%w)", eof, err)
	}
	return nil
}
