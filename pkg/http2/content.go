package http2

import "github.com/fcgigw/fcgigw/pkg/exchange"

// take puts into the output what there is room and window for: the head, if it
// is missing, and frames of p.
func (s *sink) take(p []byte, last bool) (n int, err error) {
	st := s.st
	c := st.c
	if st.gone != nil {
		return 0, st.gone
	}
	if s.Stage == exchange.StageHeld {
		if c.room() <= 0 {
			return 0, nil
		}
		if err := s.putHead(s.NoBody || last && len(p) == 0); err != nil {
			return 0, err
		}
	}
	if s.NoBody {
		return len(p), nil
	}
	for n < len(p) && c.mayTake(st) {
		k := c.share(st, len(p)-n)
		if k == 0 {
			break
		}
		s.putData(p[n:n+k], last && n+k == len(p))
		n += k
		c.rotate(st)
	}
	if len(p) == 0 && last && !st.sentDone {
		s.putData(nil, true)
	}
	return n, nil
}

// share returns how many of n bytes the stream may send in its next frame.
func (c *Conn) share(st *stream, n int) int {
	k := int(min(int64(n), maxFrame, st.sendWin, c.sendWin))
	room := c.room() - frameHead
	if k > room && room < leastFrame {
		return 0
	}
	return max(0, min(k, room))
}

// leastFrame is the least room worth a frame that has more to send.
const leastFrame = 1 << 10

func (s *sink) putData(p []byte, last bool) {
	st := s.st
	c := st.c
	flags := uint8(0)
	if last {
		flags = flagEndStream
	}
	c.output.out = append(appendFrameHead(c.output.out, len(p), frameData, flags, st.id), p...)
	st.sendWin -= int64(len(p))
	c.sendWin -= int64(len(p))
	st.progress += int64(len(p))
	c.took += int64(len(p))
	c.budgets.noise.earn(noisePerData)
	if last {
		st.sentDone = true
		c.closeIfDone(st)
	}
}

// putHead puts the response head into the output.
func (s *sink) putHead(last bool) error {
	st := s.st
	c := st.c
	flags := uint8(0)
	if last {
		flags = flagEndStream
	}
	start := c.beginHead(st.id, flags)
	b, err := s.encode(c.output.out)
	if err != nil {
		c.output.out = b[:start]
		s.Stage = exchange.StageNew // another may take its place
		return err
	}
	c.output.out = b
	c.endHead(start)
	c.tableSmall = false
	s.Stage = exchange.StageBody
	if last {
		st.sentDone = true
		c.closeIfDone(st)
	}
	return nil
}

// encode appends the header block of the response.
func (s *sink) encode(b []byte) ([]byte, error) {
	r := s.Response
	b = appendStatus(b, r.Status)
	b, seen, err := appendFields(b, &r.Header)
	if err != nil {
		return b, err
	}
	if r.ContentLength >= 0 && !exchange.NoBodyStatus(r.Status) && !s.st.tunnelled {
		b = appendLength(b, r.ContentLength)
	}
	stamp := s.st.c.srv.stamp.Load()
	if !seen.date {
		b = append(b, stamp.date...)
	}
	if !seen.server {
		b = append(b, stamp.name...)
	}
	return b, nil
}
