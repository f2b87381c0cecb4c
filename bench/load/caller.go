package load

import (
	"context"
	"fmt"
	"net"
)

// Caller is a client that makes one request after the other on a connection
// that it keeps as long as the server does. It never repeats a request. The
// zero value with an Addr is ready; it belongs to one goroutine.
type Caller struct {
	// Addr is the server, a host with a port.
	Addr string

	conn   net.Conn
	answer Answer
	buf    []byte
}

// Do sends one request and reads the whole answer, which is valid until the
// next call. After an error the next request has a new connection.
func (c *Caller) Do(ctx context.Context, request []byte) (*Answer, error) {
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	c.answer.Keep = true
	c.answer.Reset()
	if err := exchange(c.conn, request, &c.answer, c.buf); err != nil {
		c.Close()
		return nil, err
	}
	if c.answer.Close {
		c.Close()
	}
	return &c.answer, nil
}

func (c *Caller) connect(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	if c.buf == nil {
		c.buf = make([]byte, 16<<10)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	c.conn = conn
	return nil
}

// Open says whether the next request goes on a connection that is open already,
// as far as this side knows.
func (c *Caller) Open() bool { return c.conn != nil }

// Close closes the connection, if there is one.
func (c *Caller) Close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}
