package hostile

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/net/http2"
)

const h2canary = `GET /canary HTTP_HOST="canary.test"`

func TestEveryHostileStreamEndsAsItShould(t *testing.T) {
	s := newSecure(t)
	g := start(t, &backend{}, limits, s.site)
	plain := g.plain()
	plain.scene.protocol = "HTTP/2.0"
	for _, via := range []*transport{plain, s.over(g, http2.NextProtoTLS, "HTTP/2.0")} {
		t.Run(via.name, func(t *testing.T) {
			for _, r := range h2Rows() {
				t.Run(r.name, func(t *testing.T) {
					if err := r.try(g, via); err != nil {
						t.Errorf("%s: %v", r.ref, err)
					}
				})
			}
		})
	}
}

// try sends the row and, on another stream of the same connection, a canary,
// which a malformed request must not hurt.
func (r *h2row) try(g *gateway, via *transport) error {
	before := len(g.backend.Requests())
	c, err := dialH2(via)
	if err != nil {
		return err
	}
	defer c.nc.Close()
	if err := r.send(c, 1); err != nil {
		return err
	}
	all, err := c.until(1)
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	good := h2row{fields: fields(":method: GET", ":scheme: http", ":authority: canary.test", ":path: /canary")}
	if err := good.send(c, 3); err != nil {
		return err
	}
	more, err := c.until(3)
	if err != nil || more[3].status != "200" {
		return fmt.Errorf("the canary: %+v, %w", more[3], err)
	}
	var got []string
	for _, q := range g.backend.Requests()[before:] {
		got = append(got, via.scene.report(q))
	}
	if want := append(slices.Clone(r.reach), h2canary); !slices.Equal(got, want) {
		err = fmt.Errorf("the backend got %q, want %q", got, want)
	}
	return errors.Join(err, r.checkAnswer(all[1]))
}

func (r *h2row) send(c *h2client, stream uint32) error {
	err := c.headers(stream, r.fields, r.body == "" && r.trailers == nil)
	if r.body != "" {
		err = errors.Join(err, c.fr.WriteData(stream, r.trailers == nil && !r.goesOn, []byte(r.body)))
	}
	if r.trailers != nil {
		err = errors.Join(err, c.headers(stream, r.trailers, true))
	}
	return err
}

func (r *h2row) checkAnswer(a *h2answer) error {
	switch {
	case r.status != 0 && a.status == fmt.Sprint(r.status):
		return nil
	case r.status == 0 && (a.status == "400" || a.status == "" && a.reset && a.code == http2.ErrCodeProtocol):
		return nil
	}
	return fmt.Errorf("answer %+v", *a)
}
