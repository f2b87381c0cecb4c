package http2

// beginHead appends the header of a HEADERS frame, whose size endHead fills in,
// and returns where it is. When the frame is complete the client has been told of
// the table: who makes it clears tableSmall.
func (c *Conn) beginHead(id uint32, flags uint8) (start int) {
	start = len(c.output.out)
	c.output.out = appendFrameHead(c.output.out, 0, frameHeaders, flags|flagEndHeaders, id)
	if c.tableSmall {
		c.output.out = append(c.output.out, noTable)
	}
	return start
}

// endHead completes the frame that begins at start. A block larger than a frame
// is cut into CONTINUATION frames.
func (c *Conn) endHead(start int) {
	out := c.output.out
	n := len(out) - start - frameHead
	if n <= maxFrame {
		out[start], out[start+1], out[start+2] = byte(n>>16), byte(n>>8), byte(n)
		return
	}
	f, _, _ := parseFrame(out[start : start+frameHead]) // of no size yet, so it is whole
	block := append([]byte(nil), out[start+frameHead:]...)
	out = appendFrameHead(out[:start], maxFrame, frameHeaders, f.flags&^flagEndHeaders, f.stream)
	out = append(out, block[:maxFrame]...)
	for block = block[maxFrame:]; len(block) > 0; {
		part := block[:min(len(block), maxFrame)]
		block = block[len(part):]
		flags := uint8(0)
		if len(block) == 0 {
			flags = flagEndHeaders
		}
		out = append(appendFrameHead(out, len(part), frameContinuation, flags, f.stream), part...)
	}
	c.output.out = out
}

// appendHead puts a head that encode makes into the output, or nothing when it
// fails.
func (c *Conn) appendHead(id uint32, flags uint8, encode func(b []byte) ([]byte, error)) error {
	start := c.beginHead(id, flags)
	b, err := encode(c.output.out)
	if err != nil {
		c.output.out = b[:start]
		return err
	}
	c.output.out = b
	c.endHead(start)
	c.tableSmall = false
	return nil
}
